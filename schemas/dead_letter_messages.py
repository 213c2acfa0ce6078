"""What the topic `dead-letters` carries: one refused record, whole, with where it stood and why it was refused."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Base64Bytes, Field, StringConstraints

from schemas.base import Frozen
from schemas.characters import shown
from schemas.records import Record
from schemas.rejections import Problem, Rejection
from schemas.vocabularies import RejectionReason


class Coordinates(Frozen):
    """Where the record stood in the log, and the broker's time of it."""

    topic: Annotated[str, StringConstraints(min_length=1, max_length=249)]
    partition: int = Field(ge=0, strict=True)
    offset: int = Field(ge=0, strict=True)
    timestamp: AwareDatetime


class Header(Frozen):
    """One Kafka header; the value as it was, in base64."""

    name: str
    value: Base64Bytes


MOST_HEADER_BYTES: Final = 256 * 1024
"""A record may have a million headers of three bytes, which would not fit here; the dead letter itself has them all."""


class DeadLetterMessage(Frozen):
    """`value` is the refused message in base64, null for a record without one. `problems` is never empty.

    Headers beyond a quarter of a MiB are left out, and counted.
    """

    schema_version: Literal["1.0"] = "1.0"
    source: Coordinates
    reason: RejectionReason
    problems: tuple[Problem, ...] = Field(min_length=1)
    key: Base64Bytes | None = None
    value: Base64Bytes | None = None
    headers: tuple[Header, ...] = ()
    headers_left_out: int = Field(default=0, ge=0, strict=True)

    @classmethod
    def about(cls, record: Record, rejection: Rejection) -> "DeadLetterMessage":
        """The message about a refused record."""
        headers = tuple(_fitting(record))
        return cls(
            source=Coordinates(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset_in_log,
                timestamp=record.timestamp,
            ),
            reason=rejection.reason,
            problems=rejection.problems,
            key=None if record.key is None else b64encode(record.key),
            value=None if record.value is None else b64encode(record.value),
            headers=headers,
            headers_left_out=len(record.headers) - len(headers),
        )


def _fitting(record: Record) -> Iterator[Header]:
    """The first headers, as many as fit."""
    size = 0
    for name, value in record.headers:
        header = Header(name=_plain(name), value=b64encode(value))
        size += 32 + 4 * len(header.name) + 4 * len(value) // 3
        if size > MOST_HEADER_BYTES:
            return
        yield header


def _plain(name: str) -> str:
    """A header name that JSON can hold."""
    return shown(name, limit=250)[1:-1]
