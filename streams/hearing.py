"""What a laboratory can learn from Kafka with its own login: the topics it sees, and what it is told of its reports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from pydantic import ValidationError

from schemas.feedback import Feedback, ReportFeedback
from schemas.topics import feedback_topic
from streams.admin import administration
from streams.clients import consumer_options
from streams.config import Kafka


class Seen(StrEnum):
    """Whether a login sees a topic; it cannot write what it does not see."""

    YES = "yes"
    ABSENT = "absent"
    NOT_ALLOWED = "not_allowed"


async def seen(kafka: Kafka, topic: str) -> Seen:
    """Asked without writing anything. A login without rights is refused whether or not the topic exists."""
    async with administration(kafka) as client:
        (found,) = await client.describe_topics([topic])
    if found["error_code"] == TopicAuthorizationFailedError.errno:
        return Seen.NOT_ALLOWED
    return Seen.YES if found["error_code"] == 0 else Seen.ABSENT


@dataclass(frozen=True, slots=True)
class Listener:
    """Reads a laboratory's feedback from where it ended when listening began."""

    consumer: AIOKafkaConsumer

    async def more(self) -> tuple[ReportFeedback, ...]:
        """What came within half a second; what this version cannot read is passed over."""
        polled = await self.consumer.getmany(timeout_ms=500)
        values = [record.value for records in polled.values() for record in records]
        return tuple(one for value in values for one in _reports(value))


def _reports(value: bytes) -> tuple[ReportFeedback, ...]:
    try:
        return Feedback.model_validate_json(value).reports
    except ValidationError:
        return ()


@asynccontextmanager
async def listener(kafka: Kafka, laboratory: str) -> AsyncIterator[Listener]:
    """Listening before it is yielded, so that no answer to what is sent then is missed. The topic must be there."""
    consumer = AIOKafkaConsumer(**consumer_options(kafka))
    await consumer.start()
    try:
        partition = TopicPartition(feedback_topic(laboratory), 0)
        consumer.assign([partition])
        consumer.seek(partition, (await consumer.end_offsets([partition]))[partition])
        yield Listener(consumer)
    finally:
        await consumer.stop()
