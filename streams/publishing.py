"""Puts a laboratory's reports on its topic: sent in order, none counted before every replica has it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from streams.clients import producer_options
from streams.config import Kafka

IN_FLIGHT: Final = 500
_FINAL: Final = (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)


class NotPublished(Exception):
    """Kafka took `sent` messages and then failed; sending all of them again repeats these."""

    def __init__(self, sent: int, cause: Exception) -> None:
        super().__init__(f"Kafka took {sent} messages and then failed ({type(cause).__name__}).")
        self.sent = sent


class Refused(NotPublished):
    """The same, and trying again would change nothing."""


def _failure(sent: int, cause: KafkaError) -> NotPublished:
    return (Refused if isinstance(cause, _FINAL) else NotPublished)(sent, cause)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes raw messages to topics that exist."""

    producer: AIOKafkaProducer

    async def publish(self, topic: str, values: Iterable[bytes]) -> AsyncIterator[int]:
        """Send all in order; yields how many more were acknowledged, as they are. Raises `NotPublished`."""
        remaining, sent = iter(values), 0
        while part := list(islice(remaining, IN_FLIGHT)):
            try:
                await acknowledged([await self.producer.send(topic, value) for value in part])
            except KafkaError as error:
                raise _failure(sent, error) from error
            sent += len(part)
            yield len(part)


async def acknowledged(answers: Sequence["asyncio.Future[object]"]) -> None:
    """Wait for every answer; raises the first refusal, and none is left unheard."""
    for answer in await asyncio.gather(*answers, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


@asynccontextmanager
async def publisher(kafka: Kafka) -> AsyncIterator[Publisher]:
    """A publisher, flushed and closed at the end. Raises `NotPublished` when Kafka is not there."""
    producer = AIOKafkaProducer(**producer_options(kafka))
    try:
        await producer.start()
    except KafkaError as error:
        await producer.stop()
        raise _failure(0, error) from error
    try:
        yield Publisher(producer)
    finally:
        await producer.stop()
