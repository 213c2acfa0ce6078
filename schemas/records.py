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
    """`timestamp` is the broker's (LogAppendTime), aware, UTC; `value` is None for a tombstone.

    A negative offset −1−n was offset n of a log that has been given up (`storage.holding`).
    """

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

    @property
    def offset_in_log(self) -> int:
        """The offset as Kafka gave it, also when that log is no more."""
        return self.offset if self.offset >= 0 else -1 - self.offset

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise ValueError("Record.timestamp must be aware, in UTC")
