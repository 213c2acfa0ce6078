"""Two workers that hold the same records at once: one applies them, the other finds them applied (P1, P3)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import text

from schemas.records import Record
from storage import positions
from storage.engine import connect
from storage.positions import Partition
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
