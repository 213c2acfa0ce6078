"""Reads a stretch of a partition from the log itself, beside Faust: what was skipped, and proof of what never was."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas.records import Record
from storage.positions import LogEdges, Partition
from streams.clients import consumer_options, instant
from streams.config import Kafka
from streams.transaction import Batch, Passed

log: Final = structlog.get_logger("streams.continuity")

READ_RECORDS: Final = 500
SILENCE_MS: Final = 1000
RETRY_SECONDS: Final = 1.0
PATIENT_LOOKS: Final = 10


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a cluster, read without a group by consumers of its own, at most so many records in a batch."""

    kafka: Kafka
    most: int = READ_RECORDS

    async def read(self, partition: Partition, start: int, stop: int) -> AsyncGenerator[Batch, None]:
        """Every record from `start` to `stop`, in batches that together pass the whole stretch.

        An offset counts as a hole only below the start of the log, or when this consumer's own position has passed it
        without a record. Silence proves nothing: a time-out or a broker that is away is waited for, without end.
        """
        reached = start
        while reached < stop:
            try:
                async for records, passed in self._read_once(partition, reached, stop):
                    yield Batch(records, passed)
                    reached = passed.stop
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("read_again", topic=partition.topic, at=reached, stop=stop, error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def edges(self, partitions: Sequence[Partition]) -> Mapping[Partition, LogEdges]:
        """Start and end of each log; raises `KafkaError` when Kafka does not say."""
        wanted = {TopicPartition(one.topic, one.partition): one for one in partitions}
        consumer = AIOKafkaConsumer(**consumer_options(self.kafka))
        await consumer.start()
        try:
            starts = await consumer.beginning_offsets(list(wanted))
            ends = await consumer.end_offsets(list(wanted))
        finally:
            await consumer.stop()
        return {one: LogEdges(start=starts[known], end=ends[known]) for known, one in wanted.items()}

    async def records_at(self, places: Mapping[Partition, int]) -> Mapping[Partition, Record | None]:
        """The record at each place within the log; None where there is none. What does not come in time is absent."""
        wanted = {TopicPartition(one.topic, one.partition): one for one in places}
        found: dict[Partition, Record | None] = {}
        consumer = AIOKafkaConsumer(**consumer_options(self.kafka), max_partition_fetch_bytes=1)
        await consumer.start()
        try:
            consumer.assign(list(wanted))
            for where, one in wanted.items():
                consumer.seek(where, places[one])
            for _ in range(PATIENT_LOOKS):
                batches = await consumer.getmany(timeout_ms=SILENCE_MS)
                for where, one in wanted.items():
                    if one not in found and await consumer.position(where) > places[one]:
                        records = batches.get(where, ())
                        found[one] = next((_record(raw) for raw in records if raw.offset == places[one]), None)
                consumer.pause(*(where for where, one in wanted.items() if one in found))
                if len(found) == len(wanted):
                    break
        finally:
            await consumer.stop()
        return found

    async def _read_once(
        self, partition: Partition, start: int, stop: int
    ) -> AsyncIterator[tuple[tuple[Record, ...], Passed]]:
        where = TopicPartition(partition.topic, partition.partition)
        consumer = AIOKafkaConsumer(**consumer_options(self.kafka))
        await consumer.start()
        try:
            log_start = (await consumer.beginning_offsets([where]))[where]
            if start < log_start:
                reached = min(log_start, stop)
                yield (), Passed(partition, start, reached)
                start = reached
            if start < stop:
                consumer.assign([where])
                consumer.seek(where, start)
            while start < stop:
                found = await consumer.getmany(where, timeout_ms=SILENCE_MS, max_records=self.most)
                records = tuple(_record(one) for one in found.get(where, ()) if start <= one.offset < stop)
                reached = min(await consumer.position(where), stop)
                if reached > start:
                    yield records, Passed(partition, start, reached)
                    start = reached
        finally:
            await consumer.stop()


def _record(raw: "ConsumerRecord[bytes, bytes]") -> Record:
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp=instant(raw.timestamp),
        key=raw.key,
        value=raw.value,
        headers=tuple((name, value or b"") for name, value in raw.headers),
    )
