"""Holds rows against the log (P1): each record is applied, waiting, dead or known, once, with its own content."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Connection, Row, text

from schemas.characters import suspicious_in_document
from schemas.decoding import canonical, content_of
from schemas.parsing import MAX_BYTES, MAX_NESTING
from schemas.records import Record

MOST_EXAMPLES: Final = 5


class Fate(StrEnum):
    """What the rows say of a record. A replayed dead letter has a second fate, that of its replay."""

    APPLIED = "applied"
    WAITING = "waiting"
    DEAD = "dead"
    REPLAYED = "replayed"
    DUPLICATE = "duplicate"


class LogFinding(StrEnum):
    """How rows and log can disagree."""

    MISSING = "missing"
    TWICE = "twice"
    CONTENT = "content"
    BYTES = "bytes"
    NO_RECORD = "no_record"
    DUPLICATES = "duplicates"


LOG_SENTENCES: Final[Mapping[LogFinding, str]] = {
    LogFinding.MISSING: "records of the log are neither applied, waiting, dead letters nor known duplicates",
    LogFinding.TWICE: "records of the log have more than one row",
    LogFinding.CONTENT: "reports kept do not say what the record said",
    LogFinding.BYTES: "dead or waiting records kept do not have the bytes of the record",
    LogFinding.NO_RECORD: "rows speak of offsets at which the log has no record",
    LogFinding.DUPLICATES: "the duplicates in the log are not as many as were counted",
}


@dataclass(slots=True)
class Comparison:
    """Rows and log over one stretch: fates, and the first offsets of each finding."""

    records: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    findings: Counter[LogFinding] = field(default_factory=Counter)
    examples: dict[LogFinding, list[int]] = field(default_factory=dict)

    def found(self, finding: LogFinding, offset: int) -> None:
        """One more of it; the first few offsets are kept."""
        self.findings[finding] += 1
        known = self.examples.setdefault(finding, [])
        if len(known) < MOST_EXAMPLES:
            known.append(offset)

    def add(self, other: "Comparison") -> None:
        """With the next stretch."""
        self.records += other.records
        self.fates += other.fates
        self.findings += other.findings
        for finding, offsets in other.examples.items():
            known = self.examples.setdefault(finding, [])
            known += offsets[: MOST_EXAMPLES - len(known)]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the log holds from `start` to `stop`; an offset without a record has none."""

    topic: str
    partition: int
    start: int
    stop: int
    records: Sequence[Record]


_WHERE: Final = """kept.topic = :topic AND kept.partition = :partition
      AND kept."offset" >= :start AND kept."offset" < :stop"""

_ROWS: Final = text(f"""
    SELECT kept."offset", 'applied' AS fate, NULL::bytea AS sha256,
           coalesce(kept.digest = said.digest AND kept.body = CAST(said.content AS jsonb), false) AS same
    FROM detections AS kept
    LEFT JOIN unnest(CAST(:offsets AS bigint[]), CAST(:contents AS text[]), CAST(:digests AS text[]))
         AS said ("offset", content, digest)
      ON said."offset" = kept."offset"
    WHERE {_WHERE}
    UNION ALL
    SELECT kept."offset", 'waiting', sha256(coalesce(kept.value, '')), NULL FROM waiting_revisions AS kept
    WHERE {_WHERE}
    UNION ALL
    SELECT kept."offset", CASE kept.state WHEN 'replayed' THEN 'replayed' ELSE 'dead' END,
           sha256(coalesce(kept.value, '')), NULL
    FROM dead_letters AS kept WHERE {_WHERE}
""")
"""One statement, one snapshot: what stops waiting while we look is seen once. By source: the indexes of both tables."""

_KNOWN: Final = text("""
    SELECT asked.place - 1 AS place
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:revisions AS bigint[]), CAST(:digests AS text[]))
         WITH ORDINALITY AS asked (event_id, revision, digest, place)
    WHERE EXISTS (SELECT FROM detections AS d
                  WHERE d.event_id = asked.event_id AND d.revision = asked.revision AND d.digest = asked.digest)
       OR EXISTS (SELECT FROM waiting_revisions AS w
                  WHERE w.event_id = asked.event_id AND w.revision = asked.revision AND w.digest = asked.digest)
""")
"""By event id: the indexes of both tables. The digest covers the reporter, so the laboratory need not be asked."""

_WAITED: Final = text("SELECT value FROM dead_letters WHERE waited AND topic = :topic")


def compare(connection: Connection, stretch: Stretch) -> Comparison:
    """What the rows say of this stretch of the log. Memory is that of the stretch."""
    found = Comparison(records=len(stretch.records))
    rows = _rows(connection, stretch, {one.offset: _soon(one.value) for one in stretch.records})
    if any(row.same is False for claims in rows.values() for row in claims):
        rows = _rows(connection, stretch, {one.offset: content_of(one.value) for one in stretch.records})
    unclaimed = []
    for record in stretch.records:
        claims = rows.pop(record.offset, [])
        for row in claims:
            _check(found, record, row)
        final = [row for row in claims if row.fate != Fate.REPLAYED]
        if len(final) > 1:
            found.found(LogFinding.TWICE, record.offset)
        elif not final:
            unclaimed.append(_Unclaimed(record, content_of(record.value), replayed=bool(claims)))
    for offset in sorted(rows):
        found.found(LogFinding.NO_RECORD, offset)
    _duplicates(connection, found, unclaimed, stretch.topic)
    return found


def _soon(value: bytes | None) -> str | None:
    """What `content_of` says, in seven tenths of its time. Where that does not agree with the rows, it is asked."""
    if value is None or len(value) > MAX_BYTES or value.count(b"[") + value.count(b"{") > MAX_NESTING:
        return content_of(value)
    try:
        plain = value.isascii() and b"\x7f" not in value and b"\\" not in value
        if not plain and suspicious_in_document(value.decode()):
            return content_of(value)
        document = from_json(value, allow_inf_nan=False)
        content = canonical(document) if isinstance(document, dict) else ""
    except ValueError:
        return content_of(value)
    return content if content.count('"') == value.count(b'"') else content_of(value)


def _rows(connection: Connection, stretch: Stretch, contents: Mapping[int, str | None]) -> dict[int, "list[Row[Any]]"]:
    readable = {offset: content for offset, content in contents.items() if content is not None}
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(
        _ROWS,
        {
            "topic": stretch.topic,
            "partition": stretch.partition,
            "start": stretch.start,
            "stop": stretch.stop,
            "offsets": list(readable),
            "contents": list(readable.values()),
            "digests": [_digest(content) for content in readable.values()],
        },
    ):
        found.setdefault(row.offset, []).append(row)
    return found


def _check(found: Comparison, record: Record, row: "Row[Any]") -> None:
    found.fates[Fate(row.fate)] += 1
    if row.fate == Fate.APPLIED:
        if not row.same:
            found.found(LogFinding.CONTENT, record.offset)
    elif row.sha256 != hashlib.sha256(record.value or b"").digest():
        found.found(LogFinding.BYTES, record.offset)


def _duplicates(connection: Connection, found: Comparison, unclaimed: "Sequence[_Unclaimed]", topic: str) -> None:
    """A record without a row is one that was known already, or is missing."""
    known = _known(connection, [one for one in unclaimed if one.named is not None])
    if len(known) < len(unclaimed):
        waited = _waited(connection, topic)
        known |= {one.record.offset for one in unclaimed if one.digest in waited}
    for one in unclaimed:
        if one.record.offset not in known:
            found.found(LogFinding.MISSING, one.record.offset)
        elif not one.replayed:
            found.fates[Fate.DUPLICATE] += 1


def _known(connection: Connection, asked: "Sequence[_Unclaimed]") -> set[int]:
    named = [(one, one.named) for one in asked if one.named is not None]
    if not named:
        return set()
    values = {
        "event_ids": [names[0] for _, names in named],
        "revisions": [names[1] for _, names in named],
        "digests": [one.digest for one, _ in named],
    }
    return {named[row.place][0].record.offset for row in connection.execute(_KNOWN, values)}


@dataclass(frozen=True, slots=True)
class _Unclaimed:
    """A record that no row speaks of; `replayed`: but a dead letter that was replayed does, and counts for it."""

    record: Record
    content: str | None
    replayed: bool

    @property
    def digest(self) -> str:
        return _digest(self.content or "")

    @property
    def named(self) -> tuple[UUID, int] | None:
        return None if self.content is None else _names(self.content)


def _names(content: str) -> tuple[UUID, int] | None:
    """Event id and revision of a report."""
    document = json.loads(content)
    try:
        return UUID(str(document.get("event_id"))), int(document.get("revision", 1))
    except (TypeError, ValueError):
        return None


def _waited(connection: Connection, topic: str) -> set[str]:
    """Digests of revisions that waited in vain: what came again while they waited was a duplicate."""
    contents = (content_of(value) for value in connection.execute(_WAITED, {"topic": topic}).scalars())
    return {_digest(content) for content in contents if content is not None}


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
