"""What was refused, with everything needed to look at it: raw bytes, headers, coordinates, reason."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from schemas.records import Record
from schemas.rejections import Problem, Rejection
from schemas.vocabularies import RejectionReason


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A refused record as one flow read it. `waited`: it was counted as applied and waited in vain for its event."""

    flow: str
    record: Record
    rejection: Rejection
    waited: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDeadLetter(DeadLetter):
    """A dead letter with its number and what was done about it."""

    id: int
    state: str
    created_at: datetime


_PROBLEMS: Final = TypeAdapter(tuple[Problem, ...])

_ADD: Final = text("""
    INSERT INTO dead_letters (flow, topic, partition, "offset", recorded_at, key, value, headers, reason, problems,
                              waited)
    SELECT flow, topic, partition, "offset", recorded_at, key, value, CAST(headers AS jsonb), reason,
           CAST(problems AS jsonb), waited
    FROM unnest(CAST(:flows AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[]),
                CAST(:offsets AS bigint[]), CAST(:recorded AS timestamptz[]), CAST(:keys AS bytea[]),
                CAST(:values AS bytea[]), CAST(:headers AS text[]), CAST(:reasons AS text[]),
                CAST(:problems AS text[]), CAST(:waited AS boolean[])) WITH ORDINALITY
        AS new (flow, topic, partition, "offset", recorded_at, key, value, headers, reason, problems, waited, place)
    ORDER BY place
""")

_COLUMNS: Final = """id, flow, topic, partition, "offset", recorded_at, key, value, headers, reason, problems, waited,
    state, created_at"""

_LATEST: Final = text(f"SELECT {_COLUMNS} FROM dead_letters ORDER BY id DESC LIMIT :limit")

_ONE: Final = text(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = :id")


def add(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Keep refused records, all in one statement."""
    if not letters:
        return
    records = [letter.record for letter in letters]
    connection.execute(
        _ADD,
        {
            "flows": [letter.flow for letter in letters],
            "topics": [record.topic for record in records],
            "partitions": [record.partition for record in records],
            "offsets": [record.offset for record in records],
            "recorded": [record.timestamp for record in records],
            "keys": [record.key for record in records],
            "values": [record.value for record in records],
            "headers": [json.dumps(encode_headers(record.headers)) for record in records],
            "reasons": [letter.rejection.reason.value for letter in letters],
            "problems": [_problems(letter.rejection) for letter in letters],
            "waited": [letter.waited for letter in letters],
        },
    )


def latest(connection: Connection, limit: int) -> tuple[StoredDeadLetter, ...]:
    """The newest dead letters, newest first."""
    return tuple(map(_stored, connection.execute(_LATEST, {"limit": limit})))


def one(connection: Connection, number: int) -> StoredDeadLetter | None:
    """The dead letter of this number."""
    row = connection.execute(_ONE, {"id": number}).one_or_none()
    return None if row is None else _stored(row)


def decode_headers(stored: Sequence[Sequence[str]]) -> tuple[tuple[str, bytes], ...]:
    """Headers as they came, from what `encode_headers` made of them."""
    return tuple((name, base64.b64decode(value)) for name, value in stored)


def encode_headers(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Headers as JSON can hold them: [name, base64 of the value]."""
    return [(clean(name), base64.b64encode(value).decode()) for name, value in headers]


def clean(words: str) -> str:
    """Text that PostgreSQL and JSON take: U+0000 and lone surrogates are replaced."""
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _problems(rejection: Rejection) -> str:
    problems = [{"pointer": clean(one.pointer), "sentence": clean(one.sentence)} for one in rejection.problems]
    return json.dumps(problems, ensure_ascii=False)


def _stored(row: "Row[tuple[object, ...]]") -> StoredDeadLetter:
    record = Record(
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        timestamp=row.recorded_at,
        key=row.key,
        value=row.value,
        headers=decode_headers(row.headers),
    )
    problems = _PROBLEMS.validate_python(row.problems)
    return StoredDeadLetter(
        id=row.id,
        flow=row.flow,
        record=record,
        rejection=Rejection(reason=RejectionReason(row.reason), problems=problems),
        waited=row.waited,
        state=row.state,
        created_at=row.created_at,
    )
