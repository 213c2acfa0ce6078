"""The relay publishes what the transaction left in the outbox: in order, once, and again after a crash in between."""

import asyncio
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

from schemas.topics import DEAD_LETTERS
from storage import outbox
from storage.leadership import leadership
from storage.outbox import Outgoing
from streams.config import Kafka
from tests.programs import until
from tests.streaming.site import SMALL, Site, site


def test_events_are_published_in_the_order_of_the_outbox_and_once(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        end = asyncio.run(_end(made.kafka))
        events = _add(made, 450)
        made.start(0)
        made.start(1)
        until(lambda: _waiting(made) == 0, within=60)
        more = _add(made, 20)
        until(lambda: _waiting(made) == 0, within=60)

        published = asyncio.run(_published(made.kafka, [*events, *more], start=end, count=470))
        assert published == [*events, *more]


def test_a_crash_between_publishing_and_marking_repeats_events_under_the_same_id(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        end = asyncio.run(_end(made.kafka))
        events = _add(made, 3)
        with made.engine.begin() as blocking:
            blocking.execute(text("SELECT * FROM outbox FOR UPDATE"))
            made.start()
            first = asyncio.run(_published(made.kafka, events, start=end, count=3))
            made.end(0, signal.SIGKILL)
            blocking.execute(_CUT_WAITING)
        assert _waiting(made) == 3
        made.start()
        until(lambda: _waiting(made) == 0, within=60)

        assert first == events
        assert asyncio.run(_published(made.kafka, events, start=end, count=6)) == [*events, *events]


def test_only_one_leads_and_the_right_ends_with_the_connection(database: str, kafka: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        with leadership(made.engine, "test") as first, leadership(made.engine, "test") as second:
            assert first is not None
            assert second is None
        with leadership(made.engine, "test") as third:
            assert third is not None


_CUT_WAITING = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")
"""The dead relay's statement that marks: the server would run it to its end, as it may, and nothing would repeat."""


def _add(made: Site, count: int) -> list[str]:
    """Dead letters go to a topic of one partition, so that their order can be seen."""
    ids = [uuid.uuid4() for _ in range(count)]
    with made.engine.begin() as connection:
        outbox.add(
            connection,
            [Outgoing(event_id=one, topic=DEAD_LETTERS, key="test", body='{"a": "ž"}') for one in ids],
        )
        outbox.add(connection, [Outgoing(event_id=ids[0], topic=DEAD_LETTERS, key="test", body='{"a": 2}')])
    return [str(one) for one in ids]


def _waiting(made: Site) -> object:
    return made.query("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0]


async def _end(kafka: Kafka) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    where = TopicPartition(DEAD_LETTERS, 0)
    ends = await consumer.end_offsets([where])
    await consumer.stop()
    return int(ends[where])


async def _published(kafka: Kafka, events: Sequence[str], *, start: int, count: int) -> list[str]:
    """The ids on the topic from `start` on, of these events, until there are `count`."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        where = TopicPartition(DEAD_LETTERS, 0)
        consumer.assign([where])
        consumer.seek(where, start)
        found: list[str] = []
        while len(found) < count:
            record = await asyncio.wait_for(consumer.getone(where), 30)
            event_id = dict(record.headers)["event_id"].decode()
            if event_id in events:
                assert record.key == b"test" and record.value == '{"a": "ž"}'.encode()
                found.append(event_id)
        return found
    finally:
        await consumer.stop()
