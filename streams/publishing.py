"""Puts a laboratory's reports on its topic: sent in order, none counted before every replica has it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from aiokafka import AIOKafkaProducer

from streams.clients import producer_options
from streams.config import Kafka

IN_FLIGHT: Final = 500


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes raw messages to topics that exist."""

    producer: AIOKafkaProducer

    async def publish(self, topic: str, values: Iterable[bytes]) -> AsyncIterator[int]:
        """Send all in order; yields how many more were acknowledged, as they are."""
        remaining = iter(values)
        while part := list(islice(remaining, IN_FLIGHT)):
            answers = [await self.producer.send(topic, value) for value in part]
            await asyncio.gather(*answers)
            yield len(part)


@asynccontextmanager
async def publisher(kafka: Kafka) -> AsyncIterator[Publisher]:
    """A publisher, flushed and closed at the end."""
    producer = AIOKafkaProducer(**producer_options(kafka))
    await producer.start()
    try:
        yield Publisher(producer)
    finally:
        await producer.stop()
