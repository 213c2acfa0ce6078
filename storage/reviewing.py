"""What waits for a reviewer, what names were settled as, and the jobs that identify findings anew.

The queue is not kept anywhere: it is what the findings of current reports say. Nothing in it delays a report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from alerts.cases import Report
from alerts.readings import Reading

_CURRENT: Final = """
    SELECT f.review_key, f.substance, f.name, f.rung, f.conflict, f.why, f.case_key, f.laboratory, f.event_id,
           d.decided_at, d.status
    FROM findings f JOIN detections d USING (laboratory, event_id, revision)
    WHERE f.review_key IS NOT NULL AND d.standing <> 'retracts' AND d.status IN ('actual', 'archival')
      AND NOT EXISTS (SELECT FROM detections n WHERE (n.laboratory, n.event_id) = (d.laboratory, d.event_id)
                      AND n.revision > d.revision)
"""
"""Findings of current revisions under their key; a settled one has another substance and no conflict."""

_QUEUE: Final = text(f"""
    SELECT c.review_key, count(DISTINCT (c.laboratory, c.event_id)) AS reports,
           array_agg(DISTINCT c.laboratory) AS laboratories, (array_agg(DISTINCT c.name))[1:5] AS names,
           min(c.decided_at) AS first, max(c.decided_at) AS last, bool_or(c.conflict) AS conflict,
           (array_agg(c.why ORDER BY c.decided_at DESC))[1] AS why, coalesce(max(k.level), 0) AS level
    FROM ({_CURRENT}) AS c
    LEFT JOIN cases k ON k.ledger = 'actual' AND k.case_key = c.case_key AND k.state = 'open'
    WHERE (c.conflict OR c.substance = c.review_key) AND (CAST(:key AS text) IS NULL OR c.review_key = :key)
    GROUP BY c.review_key
    ORDER BY level DESC, reports DESC, c.review_key
    LIMIT :limit
""")

_PAIRS: Final = text(
    f"""
    SELECT c.review_key, array_agg(DISTINCT c.substance) FILTER (WHERE {{structural}}) AS substances,
           array_agg(DISTINCT c.laboratory) FILTER (WHERE {{structural}}) AS laboratories,
           min(c.name) FILTER (WHERE c.substance = c.review_key) AS name
    FROM ({_CURRENT}) AS c
    WHERE c.review_key LIKE 'N:%'
      AND NOT EXISTS (SELECT FROM substance_names s WHERE s.review_key = c.review_key)
    GROUP BY c.review_key
    HAVING bool_or(c.substance = c.review_key) AND bool_or({{structural}})
""".replace("{structural}", "c.rung IN ('R1', 'R2', 'R3', 'R3b') AND NOT c.conflict AND c.substance LIKE 'S:%'")
)

_NAMES: Final = text(f"""
    SELECT DISTINCT c.review_key, c.name FROM ({_CURRENT}) AS c WHERE c.substance = c.review_key
""")

_TOUCHED: Final = text("""
    SELECT DISTINCT f.laboratory, f.event_id FROM findings f JOIN detections d USING (laboratory, event_id, revision)
    WHERE f.review_key = :key AND d.standing <> 'retracts'
      AND NOT EXISTS (SELECT FROM detections n WHERE (n.laboratory, n.event_id) = (d.laboratory, d.event_id)
                      AND n.revision > d.revision)
    LIMIT :limit
""")

_OF_SUBSTANCE: Final = text("""
    SELECT DISTINCT f.laboratory, f.event_id FROM findings f JOIN detections d USING (laboratory, event_id, revision)
    WHERE f.substance = :key AND d.standing <> 'retracts'
      AND NOT EXISTS (SELECT FROM detections n WHERE (n.laboratory, n.event_id) = (d.laboratory, d.event_id)
                      AND n.revision > d.revision)
    LIMIT :limit
""")

_REPORTS: Final = text("""
    SELECT DISTINCT ON (d.laboratory, d.event_id) d.laboratory, d.event_id, d.revision, d.digest, d.decided_at,
           d.topic, d.partition, d."offset", d.standing, CAST(d.body AS text) AS body,
           (SELECT array_agg(f.substance || CASE WHEN f.conflict THEN '!' ELSE '' END ORDER BY f.position)
            FROM findings f
            WHERE (f.laboratory, f.event_id, f.revision) = (d.laboratory, d.event_id, d.revision)) AS found
    FROM unnest(CAST(:laboratories AS text[]), CAST(:ids AS uuid[])) AS asked (laboratory, event_id)
    JOIN detections d USING (laboratory, event_id)
    ORDER BY d.laboratory, d.event_id, d.revision DESC
""")

_FORGET: Final = text("""
    WITH asked AS (
        SELECT * FROM unnest(CAST(:laboratories AS text[]), CAST(:ids AS uuid[]), CAST(:revisions AS integer[]))
             AS g (laboratory, event_id, revision)
    ), gone AS (
        DELETE FROM findings f USING asked
        WHERE (f.laboratory, f.event_id, f.revision) = (asked.laboratory, asked.event_id, asked.revision)
    )
    UPDATE detections d SET catalogue = :catalogue FROM asked
    WHERE (d.laboratory, d.event_id, d.revision) = (asked.laboratory, asked.event_id, asked.revision)
""")

_ASSERT: Final = text("""
    INSERT INTO substance_names (laboratory, review_key, substance, inchikey, smiles, source, reporter, reason, at,
                                 since)
    VALUES (:laboratory, :review_key, :substance, :inchikey, :smiles, :source, :reporter, :reason, :at, :since)
    ON CONFLICT (laboratory, review_key) WHERE until IS NULL DO NOTHING
    RETURNING id
""")

_UNDO: Final = text("""
    UPDATE substance_names SET until = :until, undone_by = :by, undone_reason = :reason, undone_at = :at
    WHERE id = :id AND until IS NULL RETURNING id
""")

_ASSERTIONS: Final = text("""
    SELECT id, laboratory, review_key, substance, source, reporter, reason, at, undone_by, undone_reason, undone_at
    FROM substance_names
    WHERE (CAST(:id AS bigint) IS NULL OR id = :id) AND (CAST(:key AS text) IS NULL OR review_key = :key)
    ORDER BY id
""")

_ENQUEUE: Final = text("""
    INSERT INTO identity_jobs (kind, review_key, assertion) VALUES (:kind, :review_key, :assertion)
    ON CONFLICT (kind, review_key) WHERE done_at IS NULL DO NOTHING
""")

_NEXT_JOB: Final = text("""
    SELECT id, kind, review_key, assertion FROM identity_jobs WHERE done_at IS NULL
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
""")

_DONE: Final = text("UPDATE identity_jobs SET done_at = :at, outcome = :outcome WHERE id = :id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """One thing for a reviewer: a name, a group of isomers or a conflict, with how often and since when it came."""

    key: str
    names: tuple[str, ...]
    laboratories: tuple[str, ...]
    reports: int
    first: datetime
    last: datetime
    conflict: bool
    why: str
    level: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A name that came both alone and with structures, and nobody has decided about it."""

    key: str
    name: str
    substances: tuple[str, ...]
    laboratories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """A key means a substance, for one laboratory or (empty) for all."""

    review_key: str
    substance: str
    laboratory: str
    source: str
    reporter: str
    reason: str
    at: datetime
    inchikey: str | None = None
    smiles: str | None = None
    id: int = 0
    undone_by: str | None = None
    undone_reason: str | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Findings to be identified anew: those under a key, or (`substance`) those of a substance."""

    id: int
    kind: str
    key: str
    assertion: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A report as it is stored: its current revision."""

    laboratory: str
    event_id: UUID
    revision: int
    digest: str
    decided_at: datetime
    topic: str
    partition: int
    offset: int
    body: str
    found: tuple[str, ...]

    def says(self, reading: Reading) -> bool:
        """Whether the stored findings are those of a reading."""
        marks = (f"{named.identity.key}{'!' if named.identity.conflict else ''}" for named in reading.named)
        return self.found == tuple(marks)


REFILE: Final = "refile"
REGRADE: Final = "regrade"


def queue(connection: Connection, *, key: str | None = None, limit: int = 10_000) -> tuple[Waits, ...]:
    """What waits, the gravest case first."""
    return tuple(map(_waits, connection.execute(_QUEUE, {"key": key, "limit": limit})))


def _waits(row: "Row[Any]") -> Waits:
    return Waits(
        key=row.review_key,
        names=tuple(row.names),
        laboratories=tuple(row.laboratories),
        reports=row.reports,
        first=row.first,
        last=row.last,
        conflict=row.conflict,
        why=row.why,
        level=row.level,
    )


def pairs(connection: Connection) -> tuple[Pair, ...]:
    """Names that a structure came for."""
    return tuple(
        Pair(
            key=row.review_key,
            name=row.name,
            substances=tuple(row.substances),
            laboratories=tuple(row.laboratories),
        )
        for row in connection.execute(_PAIRS)
    )


def open_names(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Key and reported name of everything that waits and is no conflict."""
    return tuple((row.review_key, row.name) for row in connection.execute(_NAMES))


def touched(connection: Connection, job: Job, *, limit: int) -> tuple[Report, ...]:
    """The reports whose findings a job identifies anew."""
    statement = _OF_SUBSTANCE if job.kind == REGRADE else _TOUCHED
    rows = connection.execute(statement, {"key": job.key, "limit": limit})
    return tuple((row.laboratory, row.event_id) for row in rows)


def current(connection: Connection, reports: Sequence[Report]) -> tuple[Kept, ...]:
    """These reports as they stand now, retracted ones left out."""
    if not reports:
        return ()
    values = {"laboratories": [one for one, _ in reports], "ids": [one for _, one in reports]}
    found = connection.execute(_REPORTS, values)
    return tuple(
        Kept(
            laboratory=row.laboratory,
            event_id=row.event_id,
            revision=row.revision,
            digest=row.digest,
            decided_at=row.decided_at,
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            body=row.body,
            found=tuple(row.found or ()),
        )
        for row in found
        if row.standing != "retracts"
    )


def forget_findings(connection: Connection, readings: Sequence[Reading], catalogue: str) -> None:
    """Make room for the findings of these reports as this version of the catalogue has them."""
    values = {
        "laboratories": [one.laboratory for one in readings],
        "ids": [one.report[1] for one in readings],
        "revisions": [one.decoded.detection.revision for one in readings],
        "catalogue": catalogue,
    }
    if readings:
        connection.execute(_FORGET, values)


def settle(connection: Connection, assertion: Assertion, *, number: int) -> int | None:
    """Keep an assertion from a catalogue version on; its id, None where another one stands for the same."""
    values = {
        "laboratory": assertion.laboratory,
        "review_key": assertion.review_key,
        "substance": assertion.substance,
        "inchikey": assertion.inchikey,
        "smiles": assertion.smiles,
        "source": assertion.source,
        "reporter": assertion.reporter,
        "reason": assertion.reason,
        "at": assertion.at,
        "since": number,
    }
    return connection.execute(_ASSERT, values).scalar_one_or_none()


def undo(connection: Connection, id: int, *, by: str, reason: str, at: datetime, number: int) -> bool:
    """End an assertion; False when it was ended before."""
    values = {"id": id, "by": by, "reason": reason, "at": at, "until": number}
    return connection.execute(_UNDO, values).scalar_one_or_none() is not None


def assertions(connection: Connection, *, id: int | None = None, key: str | None = None) -> tuple[Assertion, ...]:
    """What was asserted, oldest first, undone ones too."""
    return tuple(
        Assertion(
            id=row.id,
            review_key=row.review_key,
            substance=row.substance,
            laboratory=row.laboratory,
            source=row.source,
            reporter=row.reporter,
            reason=row.reason,
            at=row.at,
            undone_by=row.undone_by,
            undone_reason=row.undone_reason,
            undone_at=row.undone_at,
        )
        for row in connection.execute(_ASSERTIONS, {"id": id, "key": key})
    )


def enqueue(connection: Connection, key: str, *, kind: str = REFILE, assertion: int | None = None) -> None:
    """Have findings identified anew. One job of a kind and key waits at a time: it does all that there is then."""
    connection.execute(_ENQUEUE, {"kind": kind, "review_key": key, "assertion": assertion})


def next_job(connection: Connection) -> Job | None:
    """The oldest job that nobody does now, held until the transaction ends."""
    row = connection.execute(_NEXT_JOB).one_or_none()
    return None if row is None else Job(id=row.id, kind=row.kind, key=row.review_key, assertion=row.assertion)


def done(connection: Connection, job: Job, *, outcome: str, at: datetime) -> None:
    """The job has had its effect, in this transaction."""
    connection.execute(_DONE, {"id": job.id, "outcome": outcome, "at": at})
