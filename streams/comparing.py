"""Reads the log itself beside the rows: all of it, or from an instant on, by a consumer of its own (P1)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import Engine

from storage.log_comparison import Comparison, Stretch, compare
from storage.positions import Partition
from streams.clients import consumer_options
from streams.config import Kafka
from streams.continuity import Log
from streams.transaction import Batch

RECORDS: Final = 5_000
"""Compared in one statement: a tenth of the round trips that 500 need."""

TOGETHER: Final = 2
"""Partitions compared at the same time: one reads while the database works for the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Which offsets of a log are compared, `stop` excluded."""

    start: int
    stop: int


Seen = Callable[[int], None]


async def compare_logs(
    engine: Engine, kafka: Kafka, spans: Mapping[Partition, Span], *, seen: Seen = lambda count: None
) -> dict[Partition, Comparison]:
    """Every record of these spans held against its rows; `seen` hears how many more offsets were passed."""
    turn = asyncio.Semaphore(TOGETHER)

    async def one(partition: Partition, span: Span) -> Comparison:
        async with turn:
            return await _compare(engine, Log(kafka, RECORDS), partition, span, seen)

    found = await asyncio.gather(*(one(partition, span) for partition, span in spans.items()))
    return dict(zip(spans, found, strict=True))


async def offsets_since(kafka: Kafka, partitions: list[Partition], since: datetime) -> dict[Partition, int | None]:
    """The first offset of each log at or after an instant; None when nothing is as young."""
    if not partitions:
        return {}
    wanted = {TopicPartition(one.topic, one.partition): one for one in partitions}
    consumer = AIOKafkaConsumer(**consumer_options(kafka))
    await consumer.start()
    try:
        found = await consumer.offsets_for_times(dict.fromkeys(wanted, int(since.timestamp() * 1000)))
    finally:
        await consumer.stop()
    return {one: found[known].offset if found.get(known) else None for known, one in wanted.items()}


async def _compare(engine: Engine, log: Log, partition: Partition, span: Span, seen: Seen) -> Comparison:
    whole = Comparison()
    async for batch in log.read(partition, span.start, span.stop):
        whole.add(await asyncio.to_thread(_one, engine, batch))
        if batch.passed is not None:
            seen(batch.passed.stop - batch.passed.start)
    return whole


def _one(engine: Engine, batch: Batch) -> Comparison:
    passed = batch.passed
    if passed is None:
        return Comparison()
    stretch = Stretch(passed.partition.topic, passed.partition.partition, passed.start, passed.stop, batch.records)
    with engine.connect() as connection:
        return compare(connection, stretch)
