"""Publishes outbox events to Kafka for everyone else: one relay at a time, oldest first, repeated rather than lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from sqlalchemy import Connection, Engine

from schemas.topics import FEEDBACK_PREFIX
from storage import epochs, outbox
from storage.epochs import Fence
from storage.outbox import Stored
from streams import metrics
from streams.clients import producer_options
from streams.config import Kafka
from streams.tasks import leading
from streams.told import headers

log: Final = structlog.get_logger("streams.relay")

BATCH: Final = 200
IDLE_SECONDS: Final = 0.25
LOOK_FOR_LEAD_SECONDS: Final = 1.0


@dataclass(slots=True)
class Relay:
    """The relay of a site. A crash between publishing and marking repeats events; their `event_id` says so.

    An event that Kafka refuses for its size is parked: it would block all others for good. Each process tries what is
    parked once more when it first leads, so that a restart after the topic was mended is all it takes. So is feedback
    to a laboratory whose topic is not there yet: no alert waits for it.

    Every message carries the site's name, the epoch and its number in the outbox, by which a restored database is told
    from the one that said it. Nothing is published from a database that went back while this process ran.
    """

    engine: Engine
    kafka: Kafka
    site: str
    _fence: Fence = field(default_factory=Fence)
    _tried: bool = False
    _there: set[str] = field(default_factory=set)

    async def step(self) -> None:
        """Lead and publish for as long as nothing breaks; return when another leads, or to begin anew."""
        async with leading(self.engine, "relay") as connection:
            if connection is None:
                await asyncio.sleep(LOOK_FOR_LEAD_SECONDS)
                return
            await self._try_parked_again(connection)
            producer = AIOKafkaProducer(**producer_options(self.kafka))
            await producer.start()
            try:
                log.info("relay_leads")
                while (taken := await self.publish(connection, producer)) is not None:
                    if not taken:
                        await asyncio.sleep(IDLE_SECONDS)
            finally:
                await producer.stop()

    async def publish(self, connection: Connection, producer: AIOKafkaProducer) -> int | None:
        """Publish the oldest unpublished events and mark them; how many. None: this producer is of no more use."""
        found, epoch = await asyncio.to_thread(self._unpublished, connection)
        waiting = await self._addressed(connection, producer, found)
        answers = await self._send(producer, waiting, epoch)
        taken = [event.id for event, answer in zip(waiting, answers, strict=True) if answer is None]
        if taken:
            await asyncio.to_thread(outbox.mark_published, connection, taken)
            metrics.published.inc(len(taken))
            log.info("relayed", events=len(taken), last=taken[-1])
        parked = await self._park(connection, waiting, answers)
        backlog = await asyncio.to_thread(outbox.backlog, connection)
        metrics.outbox_age.set(backlog.oldest_seconds)
        metrics.parked.set(backlog.parked)
        if not parked and (refusal := next(filter(None, answers), None)):
            raise refusal
        return None if parked else len(taken)

    def _unpublished(self, connection: Connection) -> tuple[Sequence[Stored], int]:
        self._fence.look(connection)
        return outbox.unpublished(connection, BATCH), epochs.epoch(connection)

    async def _addressed(
        self, connection: Connection, producer: AIOKafkaProducer, events: Sequence[Stored]
    ) -> list[Stored]:
        """Those that have a topic; feedback that has none is parked."""
        feedback = {event.topic for event in events if event.topic.startswith(FEEDBACK_PREFIX)}
        if not feedback <= self._there:
            self._there |= (await producer.client.fetch_all_metadata()).topics()
        missing = feedback - self._there
        for event in events:
            if event.topic in missing:
                reason = f"{event.topic} is not there: run `tocsin topics apply` and start a worker anew."
                await asyncio.to_thread(outbox.park, connection, event.id, reason=reason)
        for topic in sorted(missing):
            log.error("no_feedback_topic", topic=topic, hint="tocsin topics apply, then restart a worker")
        return [event for event in events if event.topic not in missing]

    async def _send(
        self, producer: AIOKafkaProducer, events: Sequence[Stored], epoch: int
    ) -> Sequence[BaseException | None]:
        """For each event what stood against it, or None when Kafka has it."""
        answers = [await _sent(producer, event, self.site, epoch) for event in events]
        found = await asyncio.gather(*answers, return_exceptions=True)
        return [one if isinstance(one, BaseException) else None for one in found]

    async def _park(
        self, connection: Connection, events: Sequence[Stored], answers: Sequence[BaseException | None]
    ) -> int:
        """Set aside what is too large, and nothing else: any other refusal is waited out."""
        parked = 0
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, MessageSizeTooLargeError):
                reason = f"Kafka refuses its {len(event.body.encode())} bytes as too large for {event.topic}."
                await asyncio.to_thread(outbox.park, connection, event.id, reason=reason)
                log.critical("event_parked", event_id=str(event.event_id), topic=event.topic, reason=reason)
                parked += 1
        return parked

    async def _try_parked_again(self, connection: Connection) -> None:
        if not self._tried:
            count = await asyncio.to_thread(outbox.unpark, connection)
            self._tried = True
            if count:
                log.warning("parked_events_tried_again", events=count)


async def _sent(producer: AIOKafkaProducer, event: Stored, site: str, epoch: int) -> "asyncio.Future[object]":
    """Hand an event to the producer; the answer comes later, a refusal of the producer itself at once."""
    try:
        answer: asyncio.Future[object] = await producer.send(
            event.topic,
            value=event.body.encode(),
            key=None if event.key is None else event.key.encode(),
            headers=headers(event.event_id, site=site, epoch=epoch, number=event.id),
        )
    except MessageSizeTooLargeError as refusal:
        refused: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        refused.set_exception(refusal)
        return refused
    return answer
