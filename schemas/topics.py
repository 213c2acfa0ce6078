"""Every Kafka topic as data: name, key, schema, partitions, retention, size. `tocsin topics apply` makes them so.

Partition counts are for ever: a laboratory's reports stay in order because its topic has one.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

MEBIBYTE: Final = 1024 * 1024

BACKUPS_KEPT: Final = timedelta(days=365)
"""How old a dump of the database may be that is still restored: all that was told since must be on the topics then
(`tocsin recover`)."""
TOLD_KEPT: Final = 2 * BACKUPS_KEPT
"""How long what was told stays on them."""

DETECTIONS_PREFIX: Final = "detections-"
BACKFILL_PREFIX: Final = "backfill-"
FEEDBACK_PREFIX: Final = "feedback-"
ALERT_EVENTS: Final = "alert-events"
DELIVERY_RECEIPTS: Final = "delivery-receipts"
DEAD_LETTERS: Final = "dead-letters"


class Payload(StrEnum):
    """What a topic carries: the name of a published schema."""

    DETECTION = "detection"
    ALERT_EVENT = "alert_event"
    DELIVERY = "delivery"
    DEAD_LETTER = "dead_letter"
    FEEDBACK = "feedback"


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicSpec:
    """One topic. `key` says what the record key is; the decision time of a record is the broker's (LogAppendTime)."""

    name: str
    payload: Payload
    key: str
    partitions: int
    retention: timedelta
    max_message_bytes: int

    def settings(self) -> dict[str, str]:
        """The topic's settings as Kafka names them."""
        return {
            "cleanup.policy": "delete",
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
            "retention.bytes": "-1",
            "retention.ms": str(int(self.retention / timedelta(milliseconds=1))),
        }


def detections_topic(laboratory: str) -> str:
    """Where a laboratory's live reports go."""
    return DETECTIONS_PREFIX + laboratory


def backfill_topic(laboratory: str) -> str:
    """Where its history goes, so that live reports never queue behind it."""
    return BACKFILL_PREFIX + laboratory


def feedback_topic(laboratory: str) -> str:
    """Where it reads what became of its reports."""
    return FEEDBACK_PREFIX + laboratory


def laboratory_of(topic: str) -> str | None:
    """Whose reports the topic carries: it, not the message, says who the laboratory is. None for other topics."""
    for prefix in (DETECTIONS_PREFIX, BACKFILL_PREFIX):
        if topic.startswith(prefix) and len(topic) > len(prefix):
            return topic.removeprefix(prefix)
    return None


def laboratory_topics(laboratory: str) -> tuple[TopicSpec, ...]:
    """The topics of one laboratory: two that it writes, and the one on which it reads what became of its reports."""
    return (*reporting_topics(laboratory), _feedback(laboratory))


def reporting_topics(laboratory: str) -> tuple[TopicSpec, ...]:
    """The topics that it writes. 4 MiB, so that a report above 1 MiB becomes a dead letter with a reason."""
    return tuple(
        TopicSpec(
            name=name,
            payload=Payload.DETECTION,
            key="free; by custom the case reference",
            partitions=1,
            retention=timedelta(days=120),
            max_message_bytes=4 * MEBIBYTE,
        )
        for name in (detections_topic(laboratory), backfill_topic(laboratory))
    )


def _feedback(laboratory: str) -> TopicSpec:
    return TopicSpec(
        name=feedback_topic(laboratory),
        payload=Payload.FEEDBACK,
        key="laboratory id",
        partitions=1,
        retention=timedelta(days=120),
        max_message_bytes=2 * MEBIBYTE,
    )


SHARED_TOPICS: Final = (
    TopicSpec(
        name=ALERT_EVENTS,
        payload=Payload.ALERT_EVENT,
        key="case id",
        partitions=6,
        retention=TOLD_KEPT,
        max_message_bytes=1 * MEBIBYTE,
    ),
    TopicSpec(
        name=DELIVERY_RECEIPTS,
        payload=Payload.DELIVERY,
        key="alert id",
        partitions=6,
        retention=TOLD_KEPT,
        max_message_bytes=1 * MEBIBYTE,
    ),
    TopicSpec(
        name=DEAD_LETTERS,
        payload=Payload.DEAD_LETTER,
        key="topic, partition and offset of the refused record",
        partitions=1,
        retention=timedelta(days=365),
        max_message_bytes=6 * MEBIBYTE,
    ),
)
"""The topics that exist once."""
