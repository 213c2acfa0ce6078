"""Reads back what this site has told: the newest messages of ours on the topics, or all of them from the beginning."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import ALERT_EVENTS, DELIVERY_RECEIPTS, SHARED_TOPICS
from storage.epochs import Told
from storage.positions import Partition
from streams.accounts import logs_of
from streams.clients import consumer_options
from streams.config import Kafka

LOOKS: Final = (100, 1_000, 10_000)
"""How many records of a partition are looked at from its end, until one of ours is among them. Beyond the last, other
sites have said so much since that ours cannot be told from a site that said nothing."""

SILENCE_MS: Final = 1000
EVENT_ID, SITE, EPOCH, NUMBER = "event_id", "site", "epoch", "outbox"

Stretch = Mapping[TopicPartition, tuple[int, int]]
"""From where to where each partition is read, the end excluded."""


def headers(event_id: UUID, *, site: str, epoch: int, number: int) -> list[tuple[str, bytes]]:
    """What every message of ours carries beside its body."""
    values = {EVENT_ID: str(event_id), SITE: site, EPOCH: str(epoch), NUMBER: str(number)}
    return [(name, value.encode()) for name, value in values.items()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topics:
    """`alert-events` and `delivery-receipts` as this site wrote them; messages of other sites are passed over."""

    kafka: Kafka
    site: str

    async def newest(self) -> tuple[Told, ...]:
        """The newest message of ours on each partition that has one."""
        edges, found = await self._edges(), dict[TopicPartition, Told]()
        for look in LOOKS:
            open_ones = {where: (max(start, end - look), end) for where, (start, end) in edges.items()}
            async for where, told in self._read({one: open_ones[one] for one in open_ones if one not in found}):
                found[where] = told
        return tuple(found.values())

    async def everything(self) -> AsyncIterator[Told]:
        """All messages of ours, in the order of each partition."""
        async for _, told in self._read(await self._edges()):
            yield told

    async def _edges(self) -> Stretch:
        wanted = [
            Partition(flow="", topic=spec.name, partition=number)
            for spec in SHARED_TOPICS
            if spec.name in (ALERT_EVENTS, DELIVERY_RECEIPTS)
            for number in range(spec.partitions)
        ]
        _, edges = await logs_of(self.kafka, wanted)
        return {TopicPartition(one.topic, one.partition): (edge.start, edge.end) for one, edge in edges.items()}

    async def _read(self, stretch: Stretch) -> AsyncIterator[tuple[TopicPartition, Told]]:
        unread = {where: end for where, (start, end) in stretch.items() if start < end}
        if not unread:
            return
        consumer = AIOKafkaConsumer(**consumer_options(self.kafka))
        await consumer.start()
        try:
            consumer.assign(list(unread))
            for where in unread:
                consumer.seek(where, stretch[where][0])
            while unread:
                for where, records in (await consumer.getmany(*unread, timeout_ms=SILENCE_MS)).items():
                    for record in records:
                        if record.offset < stretch[where][1] and (told := self._ours(record)) is not None:
                            yield where, told
                unread = {where: end for where, end in unread.items() if await consumer.position(where) < end}
        finally:
            await consumer.stop()

    def _ours(self, record: "ConsumerRecord[bytes, bytes]") -> Told | None:
        named = {name: value.decode("utf-8", "replace") for name, value in record.headers if value is not None}
        if named.get(SITE) != self.site or record.value is None:
            return None
        try:
            return Told(
                topic=record.topic,
                epoch=int(named[EPOCH]),
                number=int(named[NUMBER]),
                event_id=UUID(named[EVENT_ID]),
                body=record.value,
            )
        except (KeyError, ValueError):
            return None
