"""What was refused, with everything needed to look at it: raw bytes, headers, coordinates, reason."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from schemas.records import Coordinates, Record
from schemas.rejections import Problem, Rejection
from schemas.vocabularies import RejectionReason, ReportFate
from storage.pipelining import send


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A refused record as one flow read it. `waited`: it was counted as applied and waited in vain for its event."""

    flow: str
    record: Record
    rejection: Rejection
    waited: bool = False


class LetterState(StrEnum):
    """Whether somebody has still to do something about it."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class Act(StrEnum):
    """What a person does about it."""

    REPLAY = "replay"
    DISCARD = "discard"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who did what, when and why. `fate` is what a replay gave; discarding leaves the refusal as it stands."""

    act: Act
    by: str
    because: str
    at: datetime
    fate: ReportFate = ReportFate.REFUSED
    before: RejectionReason | None = None

    @property
    def state(self) -> LetterState:
        """A record that is refused once more stays open, for the next try."""
        if self.act is Act.DISCARD:
            return LetterState.DISCARDED
        return LetterState.OPEN if self.fate is ReportFate.REFUSED else LetterState.REPLAYED


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDeadLetter(DeadLetter):
    """A dead letter with its number and what was done about it last; `fate` is what a replay gave."""

    id: int
    state: LetterState
    created_at: datetime
    decided_by: str | None = None
    decided_because: str | None = None
    decided_at: datetime | None = None
    fate: ReportFate | None = None


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

_THERE: Final = text("""
    SELECT DISTINCT d.topic, d.partition, d."offset"
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
         AS asked (topic, partition, "offset")
    JOIN dead_letters AS d
      ON (d.topic, d.partition, d."offset") = (asked.topic, asked.partition, asked."offset") AND d.flow = :flow
""")

_COLUMNS: Final = """id, flow, topic, partition, "offset", recorded_at, key, value, headers, reason, problems, waited,
    state, created_at, decided_by, decided_because, decided_at, fate"""

_LATEST: Final = text(f"""
    SELECT {_COLUMNS} FROM dead_letters WHERE CAST(:state AS text) IS NULL OR state = :state
    ORDER BY id DESC LIMIT :limit
""")

_ONE: Final = text(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = :id")

_LOCKED: Final = text(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = :id FOR UPDATE")

_OPEN: Final = text("""
    SELECT id FROM dead_letters WHERE state = 'open' AND reason = :reason
      AND (CAST(:since AS timestamptz) IS NULL OR recorded_at >= :since)
    ORDER BY id
""")

_DECIDE: Final = text("""
    WITH logged AS (
        INSERT INTO dead_letter_log (dead_letter, at, action, actor, because, fate, reason_before, problems_before)
        SELECT id, :at, :act, :by, :because, :fate, reason, problems FROM dead_letters WHERE id = :id
    )
    UPDATE dead_letters SET state = :state, decided_by = :by, decided_because = :because, decided_at = :at,
        fate = :fate, reason = coalesce(:reason, reason), problems = coalesce(CAST(:problems AS jsonb), problems)
    WHERE id = :id
""")

_HISTORY: Final = text("""
    SELECT action, actor, because, at, fate, reason_before FROM dead_letter_log WHERE dead_letter = :id ORDER BY id
""")


def add(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Keep refused records, all in one statement."""
    if not letters:
        return
    records = [letter.record for letter in letters]
    send(
        connection,
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


def there(connection: Connection, flow: str, places: Sequence[Coordinates]) -> frozenset[Coordinates]:
    """Those of these places whose record is a dead letter already."""
    if not places:
        return frozenset()
    values = {
        "flow": flow,
        "topics": [one.topic for one in places],
        "partitions": [one.partition for one in places],
        "offsets": [one.offset for one in places],
    }
    return frozenset(Coordinates(*row) for row in connection.execute(_THERE, values))


def latest(connection: Connection, limit: int, *, state: LetterState | None = None) -> tuple[StoredDeadLetter, ...]:
    """The newest dead letters, newest first; of one state, or all."""
    return tuple(map(_stored, connection.execute(_LATEST, {"limit": limit, "state": state})))


def one(connection: Connection, number: int) -> StoredDeadLetter | None:
    """The dead letter of this number."""
    row = connection.execute(_ONE, {"id": number}).one_or_none()
    return None if row is None else _stored(row)


def locked(connection: Connection, number: int) -> StoredDeadLetter | None:
    """The same, locked until the transaction ends: nobody else decides about it meanwhile."""
    row = connection.execute(_LOCKED, {"id": number}).one_or_none()
    return None if row is None else _stored(row)


def open_ones(connection: Connection, reason: RejectionReason, *, since: datetime | None = None) -> tuple[int, ...]:
    """The numbers of those that wait for a decision, oldest first; `since` is the broker's time of the record."""
    return tuple(row.id for row in connection.execute(_OPEN, {"reason": reason, "since": since}))


def decide(connection: Connection, number: int, decision: Decision, rejection: Rejection | None = None) -> None:
    """Keep a decision, with the refusal as it stood before. `rejection` is why a replay was refused once more."""
    connection.execute(
        _DECIDE,
        {
            "id": number,
            "act": decision.act,
            "by": decision.by,
            "because": decision.because,
            "at": decision.at,
            "fate": decision.fate,
            "state": decision.state,
            "reason": None if rejection is None else rejection.reason,
            "problems": None if rejection is None else _problems(rejection),
        },
    )


def history(connection: Connection, number: int) -> tuple[Decision, ...]:
    """Everything that was decided about it, oldest first; `before` is the reason that stood then."""
    return tuple(
        Decision(
            act=Act(row.action),
            by=row.actor,
            because=row.because,
            at=row.at,
            fate=ReportFate(row.fate),
            before=RejectionReason(row.reason_before),
        )
        for row in connection.execute(_HISTORY, {"id": number})
    )


def decode_headers(stored: Sequence[Sequence[str]]) -> tuple[tuple[str, bytes], ...]:
    """Headers as they came, from what `encode_headers` made of them."""
    return tuple((_name(*one), base64.b64decode(one[1])) for one in stored)


def encode_headers(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, ...]]:
    """Headers as JSON can hold them: [name, base64 of the value], and the name's bytes where JSON cannot hold it."""
    return [(clean(name), base64.b64encode(value).decode(), *_exact(name)) for name, value in headers]


def _exact(name: str) -> tuple[str, ...]:
    if clean(name) == name:
        return ()
    return (base64.b64encode(name.encode("utf-8", "surrogateescape")).decode(),)


def _name(shown: str, _: str, exact: str | None = None) -> str:
    return shown if exact is None else base64.b64decode(exact).decode("utf-8", "surrogateescape")


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
        state=LetterState(row.state),
        created_at=row.created_at,
        decided_by=row.decided_by,
        decided_because=row.decided_because,
        decided_at=row.decided_at,
        fate=None if row.fate is None else ReportFate(row.fate),
    )
