"""One record of a Kafka topic, as every stage sees it: coordinates, time, bytes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """`timestamp` is the broker's (LogAppendTime), aware, UTC; `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def coordinates(self) -> Coordinates:
        """Where it lies."""
        return Coordinates(self.topic, self.partition, self.offset)

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise ValueError("Record.timestamp must be aware, in UTC")
