"""Cases with all their days, for who explains one or grades the archive anew. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from alerts.cases import Report
from alerts.days import Cell, Place
from alerts.evidence import Evidence, Subject
from alerts.what_if import Archived, Filed, Reread
from schemas.vocabularies import CaseState, Level, Tense
from storage.memory import cell_of

PAGE: Final = 1_000
"""Cases read at once: their days fit into memory whatever the archive holds."""

_COLUMNS: Final = """
    c.id, c.case_key, c.name, c.number, c.state, CAST(c.subject AS text) AS subject, c.first_event, c.level, c.ledger
"""

_CASES: Final = text(f"""
    SELECT {_COLUMNS} FROM cases c
    WHERE c.id > :after AND c.ledger = 'actual' AND c.listed AND c.state IN ('open', 'closed')
      AND EXISTS (SELECT FROM case_days d WHERE d.case_id = c.id AND d.day >= :since)
    ORDER BY c.id LIMIT :limit
""")

_OF_KEYS: Final = text(f"""
    SELECT {_COLUMNS} FROM cases c
    WHERE c.ledger = 'actual' AND c.case_key = ANY(CAST(:keys AS text[])) AND c.state IN ('open', 'closed')
    ORDER BY c.ordinal
""")

_DAYS: Final = text("""
    SELECT case_id, day, country, region, CAST(body AS text) AS body
    FROM case_days WHERE case_id = ANY(CAST(:ids AS text[]))
""")

_LEVELS: Final = text("""
    SELECT case_id, day, level FROM case_grades WHERE case_id = ANY(CAST(:ids AS text[])) AND day >= :since
""")

_BEHIND: Final = text("""
    SELECT DISTINCT ON (case_id) case_id,
           ARRAY(SELECT rule->>'id' FROM jsonb_array_elements(body->'fired') AS rule) AS rules
    FROM case_grades WHERE case_id = ANY(CAST(:ids AS text[])) AND day >= :since
    ORDER BY case_id, level DESC, impact DESC, spread DESC, confidence, day DESC
""")

_SIGHTINGS: Final = text("""
    SELECT case_key, country, day FROM first_sightings
    WHERE ledger = 'actual' AND case_key = ANY(CAST(:keys AS text[]))
""")

_FINDINGS: Final = text("SELECT count(*) FROM case_reports WHERE ledger = 'actual'")

_CONCERNED: Final = text("""
    SELECT d.laboratory, d.event_id, CAST(d.body AS text) AS body, d.decided_at
    FROM detections d
    WHERE (d.laboratory, d.event_id) > (:laboratory, CAST(:event_id AS uuid))
      AND d.status IN ('actual', 'archival') AND d.standing <> 'waits' AND d.body->>'action' <> 'retract'
      AND NOT EXISTS (SELECT FROM detections n WHERE (n.laboratory, n.event_id) = (d.laboratory, d.event_id)
                      AND n.revision > d.revision)
      AND (:everything
        OR EXISTS (SELECT FROM findings f WHERE (f.laboratory, f.event_id, f.revision)
                   = (d.laboratory, d.event_id, d.revision) AND f.substance = ANY(CAST(:substances AS text[])))
        OR (:amounts AND d.body #> '{sample,quantity}' IS NOT NULL)
        OR CAST(d.body #>> '{sample,n_units}' AS bigint) BETWEEN :from_units AND :to_units)
    ORDER BY d.laboratory, d.event_id LIMIT :limit
""")

_REPORTS: Final = text("""
    SELECT case_key, case_id, CAST(body AS text) AS body FROM case_reports
    WHERE ledger = 'actual' AND case_key = ANY(CAST(:keys AS text[]))
""")

_HELD: Final = text("""
    SELECT CAST(body AS text) AS body FROM case_reports
    WHERE ledger = 'actual' AND event_id = ANY(CAST(:event_ids AS uuid[]))
""")


@dataclass(frozen=True)
class StoredReport:
    """The revision of a report that counts, as it was received."""

    laboratory: str
    event_id: UUID
    body: str


def findings(connection: Connection) -> int:
    """How many reports are filed in actual cases, counted once for each case."""
    return int(connection.execute(_FINDINGS).scalar_one())


def cases(connection: Connection, since: date) -> Iterator[Archived]:
    """Every listed case that goes on or ended by itself, with an event at or after a day, with all its days."""
    after = ""
    while rows := connection.execute(_CASES, {"after": after, "since": since, "limit": PAGE}).all():
        after = rows[-1].id
        yield from _with_days(connection, [_case(row) for row in rows], since)


def _case(row: "Row[Any]") -> Archived:
    get = row._mapping
    return Archived(
        id=get["id"],
        key=get["case_key"],
        name=get["name"],
        number=get["number"],
        state=CaseState(get["state"]),
        subject=Subject.model_validate_json(get["subject"]),
        first_event=get["first_event"],
    )


def _with_days(connection: Connection, found: Sequence[Archived], since: date) -> Sequence[Archived]:
    by_id = {case.id: case for case in found}
    ids = {"ids": list(by_id)}
    for case_id, day, country, region, body in connection.execute(_DAYS, ids):
        by_id[case_id].days[Place(day, country, region)] = cell_of(body)
    _with_levels(connection, by_id, since)
    by_key: dict[str, list[Archived]] = {}
    for case in found:
        by_key.setdefault(case.key, []).append(case)
    for row in connection.execute(_SIGHTINGS, {"keys": list(by_key)}):
        for case in by_key[row.case_key]:
            case.sightings[row.country] = row.day
    return found


def _with_levels(connection: Connection, by_id: Mapping[str, Archived], since: date) -> None:
    asked = {"ids": list(by_id), "since": since}
    for row in connection.execute(_LEVELS, asked):
        by_id[row.case_id].before[row.day] = Level(row.level)
    for row in connection.execute(_BEHIND, asked):
        by_id[row.case_id].rules_before = tuple(row.rules)


def concerned(connection: Connection, wanted: Reread) -> Iterator[StoredReport]:
    """The reports that may say something else under other rules, page by page."""
    low, high = wanted.units or (0, -1)
    laboratory, event_id = "", UUID(int=0)
    while True:
        rows = connection.execute(
            _CONCERNED,
            {
                "laboratory": laboratory,
                "event_id": event_id,
                "everything": wanted.everything,
                "substances": list(wanted.substances),
                "amounts": wanted.amounts,
                "from_units": low + 1,
                "to_units": high,
                "limit": 5 * PAGE,
            },
        ).all()
        if not rows:
            return
        laboratory, event_id = rows[-1].laboratory, rows[-1].event_id
        yield from (StoredReport(row.laboratory, row.event_id, row.body) for row in rows)


def filed_of(connection: Connection, events: Sequence[UUID]) -> dict[Report, tuple[Evidence, ...]]:
    """What these events say as they are filed, by report."""
    found: dict[Report, tuple[Evidence, ...]] = {}
    for row in connection.execute(_HELD, {"event_ids": list(events)}):
        evidence = Evidence.model_validate_json(row.body)
        found[evidence.report] = (*found.get(evidence.report, ()), evidence)
    return found


def filed(connection: Connection, keys: Sequence[str]) -> dict[str, list[Filed]]:
    """Every report filed under these keys."""
    found: dict[str, list[Filed]] = {key: [] for key in keys}
    for row in connection.execute(_REPORTS, {"keys": list(keys)}):
        found[row.case_key].append(Filed(Evidence.model_validate_json(row.body), row.case_id))
    return found


def of_keys(connection: Connection, keys: Sequence[str], since: date) -> dict[str, list[Archived]]:
    """The cases of these keys without their days, with the levels they were given since a day."""
    cases_ = [_case(row) for row in connection.execute(_OF_KEYS, {"keys": list(keys)})]
    _with_levels(connection, {case.id: case for case in cases_}, since)
    found: dict[str, list[Archived]] = {key: [] for key in keys}
    for case in cases_:
        found[case.key].append(case)
    return found


_BODIES: Final = text("""
    SELECT CAST(d.body AS text) AS body
    FROM unnest(CAST(:laboratories AS text[]), CAST(:event_ids AS uuid[]), CAST(:revisions AS integer[]))
         AS asked (laboratory, event_id, revision)
    JOIN detections d ON (d.laboratory, d.event_id, d.revision) = (asked.laboratory, asked.event_id, asked.revision)
    ORDER BY d.laboratory, d.event_id
""")


def bodies(connection: Connection, reports: Sequence[tuple[str, UUID, int]]) -> list[str]:
    """Reports as they were received, by laboratory, event and revision."""
    laboratories, event_ids, revisions = zip(*reports, strict=True) if reports else ((), (), ())
    asked = {"laboratories": list(laboratories), "event_ids": list(event_ids), "revisions": list(revisions)}
    return [row.body for row in connection.execute(_BODIES, asked)]


_ONE: Final = text("""
    SELECT d.day, d.country, d.region, CAST(d.body AS text) AS body FROM case_days d WHERE d.case_id = :id
""")

_FIRST: Final = text("""
    SELECT country, day FROM first_sightings WHERE (ledger, case_key) = (:ledger, :key)
""")

_FIRST_EVENT: Final = text("SELECT first_event FROM cases WHERE id = :id")


@dataclass(frozen=True)
class Days:
    """All days of one case, where its substance was first seen, and the day of its first event ever."""

    days: dict[Place, Cell]
    sightings: dict[str, date]
    first_event: date | None


def days_of(connection: Connection, case_id: str, *, ledger: Tense, key: str) -> Days:
    """What the facts of a case are computed from."""
    rows = connection.execute(_ONE, {"id": case_id}).all()
    seen = connection.execute(_FIRST, {"ledger": ledger, "key": key}).all()
    return Days(
        days={Place(row.day, row.country, row.region): cell_of(row.body) for row in rows},
        sightings={row.country: row.day for row in seen},
        first_event=connection.execute(_FIRST_EVENT, {"id": case_id}).scalar_one_or_none(),
    )
