"""What the log itself can do to a reader: holes, a start that moved, a tail that nobody mentions."""

import asyncio
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from schemas.topics import laboratory_topics
from storage.positions import LogEdges, Partition
from streams.admin import administration
from streams.clients import EPOCH
from streams.config import Kafka
from streams.continuity import Log
from streams.topics import TopicsDiffer, TopicState, apply
from tests.conftest import until
from tests.streaming.site import SMALL, TAIL, Site, site


def test_aborted_records_are_never_applied_and_their_offsets_are_holes(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=SMALL) as made:
        made.start()
        asyncio.run(made.send({topic: [b"first"] for topic in made.topics}))
        made.wait_for(2)
        asyncio.run(_transactions(made))
        asyncio.run(made.send({made.topics[0]: [b"last"]}))
        made.wait_for(1 + (1 + 3 + 1 + 5 + 1 + 1) + 2)

        applied = made.query(f"SELECT value FROM seen WHERE topic = '{made.topics[0]}' ORDER BY place")
        assert [row[0] for row in applied] == ["first", "a", "b", "c", "last"]
        counters = made.positions()[made.topics[0]].counters
        assert (counters.applied, counters.holes) == (5, 5 + 2)


def test_records_skipped_at_the_quiet_tail_of_a_topic_are_read_by_the_watchdog(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=TAIL) as made:
        made.start()
        asyncio.run(made.send({topic: [b"first"] for topic in made.topics}))
        made.wait_for(2)
        made.end(0, signal.SIGTERM)
        asyncio.run(made.send({topic: [b"tail"] * 700 for topic in made.topics}))
        asyncio.run(made.push_committed_offsets(by=1_000_000))
        made.start()
        made.wait_for(1_402)

        assert made.query('SELECT count(*), count(DISTINCT (topic, "offset")) FROM seen') == [(1_402, 1_402)]
        assert " stalled " in made.log()
        found = made.query(f"SELECT value, at FROM seen WHERE topic = '{made.topics[0]}' ORDER BY place")
        assert found == asyncio.run(_with_their_times(made, 701)), "Faust and the log tell times apart"


def test_reading_begins_at_the_start_of_the_log_and_what_expired_unread_is_a_hole(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        topic = made.topics[0]
        asyncio.run(made.send({topic: [b"gone before we began"] * 5 + [b"there"]}))
        asyncio.run(_expire(made, before=5))
        made.start()
        made.wait_for(6)
        made.end()
        assert made.positions()[topic].first_offset == 5

        asyncio.run(made.send({topic: [b"gone unread"] * 10 + [b"late"]}))
        asyncio.run(_expire(made, before=16))
        made.start()
        made.wait_for(17)
        position = made.positions()[topic]
        assert (position.next_offset, position.counters.applied, position.counters.holes) == (17, 2, 10)


def test_silence_is_not_the_end_of_a_stretch(kafka: str, database: str, tmp_path: Path) -> None:
    """A stretch that ends beyond the log is waited for, and no hole is taken from a time-out."""
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        asyncio.run(_read_beyond(made))


async def _read_beyond(made: Site) -> None:
    partition = Partition(flow="live", topic=made.topics[0], partition=0)
    await made.send({partition.topic: [b"1", b"2"]})
    reading = Log(made.kafka).read(partition, 0, 4)
    first = await anext(reading)
    assert first.passed is not None
    assert [record.offset for record in first.records] == [0, 1] and first.passed.stop == 2
    more = asyncio.ensure_future(anext(reading))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(more), 2.5)
    await made.send({partition.topic: [b"3", b"4"]})
    assert [record.value for record in (await asyncio.wait_for(more, 10)).records][:1] == [b"3"]
    await reading.aclose()


def test_topics_are_made_once_and_partition_counts_are_never_changed(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        specs = laboratory_topics(made.laboratories[0])
        assert {one.state for one in asyncio.run(apply(made.kafka, specs))} == {TopicState.SAME}
        asyncio.run(_loosen(made.kafka, made.topics[0]))

        def mended() -> bool:
            """A broker may still describe a topic as it was before the change a moment ago."""
            changed = {one.topic for one in asyncio.run(apply(made.kafka, specs)) if one.state == TopicState.CHANGED}
            assert changed <= {made.topics[0]}
            return bool(changed)

        until(mended, within=30)
        asyncio.run(_widen(made.kafka, made.topics[0]))
        with pytest.raises(TopicsDiffer, match="has 2 and should have 1"):
            asyncio.run(apply(made.kafka, specs))
        edges = asyncio.run(Log(made.kafka).edges([Partition(flow="live", topic=made.topics[0], partition=0)]))
        assert list(edges.values()) == [LogEdges(start=0, end=0)]


async def _with_their_times(made: Site, count: int) -> list[tuple[str, datetime]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=made.kafka.bootstrap)
    await consumer.start()
    try:
        where = TopicPartition(made.topics[0], 0)
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        records = [await asyncio.wait_for(consumer.getone(where), 30) for _ in range(count)]
        return [(one.value.decode(), EPOCH + timedelta(milliseconds=one.timestamp)) for one in records]
    finally:
        await consumer.stop()


async def _transactions(made: Site) -> None:
    """Three records committed, five aborted after the worker had every chance to read them."""
    topic, other = made.topics
    producer = AIOKafkaProducer(bootstrap_servers=made.kafka.bootstrap, transactional_id=made.group)
    await producer.start()
    async with producer.transaction():
        for value in (b"a", b"b", b"c"):
            await producer.send_and_wait(topic, value)
    await asyncio.to_thread(made.wait_for, 1 + 3 + 1)
    await producer.begin_transaction()
    for _ in range(5):
        await producer.send_and_wait(topic, b"aborted")
    for read, value in ((2, b"meanwhile"), (3, b"and again")):
        await made.send({other: [value]})
        await asyncio.to_thread(made.wait_for_topic, other, read)
    await producer.abort_transaction()
    await producer.stop()


async def _expire(made: Site, *, before: int) -> None:
    async with administration(made.kafka) as client:
        await client.delete_records({TopicPartition(made.topics[0], 0): RecordsToDelete(before)})


async def _loosen(kafka: Kafka, topic: str) -> None:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    async with administration(kafka) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1000000"})])


async def _widen(kafka: Kafka, topic: str) -> None:
    from aiokafka.admin import NewPartitions

    async with administration(kafka) as client:
        await client.create_partitions({topic: NewPartitions(2)})
