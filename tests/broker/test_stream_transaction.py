"""Two workers that hold the same records at once: one applies them, the other finds them applied (P1, P3)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import text

from schemas.records import Record
from storage import dead_letters, positions
from storage.audit import accounts, read
from storage.engine import connect
from storage.positions import Counters, LogEdges, Partition
from streams.agents import Condemned
from streams.transaction import Batch, Transaction, place
from tests.streaming.launcher import CREATE, Small

TOPICS = ("detections-a", "detections-b")


def test_the_same_batch_in_many_hands_is_applied_once(database: str) -> None:
    engine = connect(database, pool_size=8)
    with engine.begin() as connection:
        connection.execute(text(CREATE))
        for topic in TOPICS:
            positions.register(connection, Partition(flow="live", topic=topic, partition=0), log_start=0, cluster_id="")
    for start in range(0, 200, 20):
        batch = _batch(range(start, start + 20))
        backwards = _batch(range(start, start + 20), reverse=True)
        with ThreadPoolExecutor(8) as hands:
            runs = [hands.submit(Transaction(engine, "live", Small(), place).run, batch) for _ in range(4)]
            runs += [hands.submit(Transaction(engine, "live", Small(), place).run, backwards) for _ in range(4)]
            applied = [run.result().counters.applied for run in runs]
        assert sorted(applied) == [0] * 7 + [40]
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM seen")).scalar_one() == 400
    engine.dispose()


def test_a_dead_letter_whose_position_is_pushed_back_stays_one_dead_letter(database: str) -> None:
    """Also when it would be applied now: replaying it is a person's decision."""
    engine = connect(database)
    partition = Partition(flow="live", topic=TOPICS[0], partition=0)
    with engine.begin() as connection:
        connection.execute(text(CREATE))
        positions.register(connection, partition, log_start=0, cluster_id="")
    Transaction(engine, "live", Small(), place).run(Batch((_record(0, b"good"), _record(1, b"dead"))))
    Transaction(engine, "live", Condemned("live"), place).run(Batch((_record(2, b"mended since"),)))
    with engine.begin() as connection:
        connection.execute(text("UPDATE stream_positions SET next_offset = 1, duplicates = duplicates - 2"))
    again = Batch((_record(1, b"dead"), _record(2, b"mended since"), _record(3, b"dead"), _record(4, b"new")))
    result = Transaction(engine, "live", Small(), place).run(again)

    assert (result.counters.duplicates, result.counters.dead, result.counters.applied) == (2, 1, 1)
    (account,) = accounts(read(engine), logs={partition: LogEdges(start=0, end=5)}, cluster_id="")
    assert account.position.counters == Counters(applied=2, dead=3) and account.dead_rows == 3
    with engine.begin() as connection:
        assert connection.execute(text("SELECT value FROM seen ORDER BY place")).scalars().all() == ["good", "new"]
        assert [one.record.offset for one in dead_letters.latest(connection, 9)] == [3, 2, 1]
    engine.dispose()


def _record(offset: int, value: bytes) -> Record:
    return Record(topic=TOPICS[0], partition=0, offset=offset, timestamp=datetime(2026, 1, 1, tzinfo=UTC), value=value)


def _batch(offsets: range, *, reverse: bool = False) -> Batch:
    """Records of two partitions; the other way round their rows would be locked in the other order."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    topics = TOPICS[::-1] if reverse else TOPICS
    return Batch(
        tuple(
            Record(topic=topic, partition=0, offset=offset, timestamp=at, value=b"x")
            for topic in topics
            for offset in offsets
        )
    )
