"""Publishes outbox events to Kafka for everyone else: one relay at a time, oldest first, repeated rather than lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection, Engine

from storage import outbox
from storage.outbox import Stored
from streams import metrics
from streams.clients import producer_options
from streams.config import Kafka
from streams.publishing import acknowledged
from streams.tasks import leading

log: Final = structlog.get_logger("streams.relay")

BATCH: Final = 200
IDLE_SECONDS: Final = 0.25
LOOK_FOR_LEAD_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay of a site. A crash between publishing and marking repeats events; their `event_id` says so."""

    engine: Engine
    kafka: Kafka

    async def step(self) -> None:
        """Lead and publish for as long as nothing breaks; return when another relay leads."""
        async with leading(self.engine, "relay") as connection:
            if connection is None:
                await asyncio.sleep(LOOK_FOR_LEAD_SECONDS)
                return
            producer = AIOKafkaProducer(**producer_options(self.kafka))
            await producer.start()
            try:
                log.info("relay_leads")
                while True:
                    if not await self.publish(connection, producer):
                        await asyncio.sleep(IDLE_SECONDS)
            finally:
                await producer.stop()

    async def publish(self, connection: Connection, producer: AIOKafkaProducer) -> int:
        """Publish the oldest unpublished events and mark them; how many."""
        waiting = await asyncio.to_thread(outbox.unpublished, connection, BATCH)
        if waiting:
            await self._send(producer, waiting)
            await asyncio.to_thread(outbox.mark_published, connection, [event.id for event in waiting])
            metrics.published.inc(len(waiting))
            log.info("relayed", events=len(waiting), last=waiting[-1].id)
        metrics.outbox_age.set(await asyncio.to_thread(outbox.oldest_unpublished_seconds, connection))
        return len(waiting)

    async def _send(self, producer: AIOKafkaProducer, events: Sequence[Stored]) -> None:
        answers = [
            await producer.send(
                event.topic,
                value=event.body.encode(),
                key=None if event.key is None else event.key.encode(),
                headers=[("event_id", str(event.event_id).encode())],
            )
            for event in events
        ]
        await acknowledged(answers)
