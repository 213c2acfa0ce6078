"""Recalls what a batch of reports needs, in a handful of statements whatever it holds.

Order: locks of the event ids → known revisions → locks of the case keys → links → which of the cases that are counted
anew are large, and their reports near to what changes → cases with sightings → days → grades → all reports (only of
keys that will be recounted). Everything after the locks is read under them. A case that this process wrote last is
taken from its own memory: `xmin`, the id of the transaction that wrote the row, says whether it still is what we know.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from alerts.cases import Case, CaseFile, Filed, FileKey, Report
from alerts.days import Cell, CellBody, Place
from alerts.decisions import UNDECIDED, Decisions
from alerts.deduplication import KnownEvent
from alerts.evidence import Evidence, Subject
from alerts.grading import Grade
from alerts.memory import Memory
from alerts.summary import Summary
from alerts.threads import Thread
from alerts.told import Told
from schemas.vocabularies import CaseState, Tense
from storage import told_before
from storage.near import evidence_of, large, recall_near, seeds
from storage.pipelining import send, together

_EVENTS: Final = text("""
    SELECT d.laboratory, d.event_id, d.revision, d.digest, d.status, d.standing, r.ledger, r.case_key
    FROM detections d LEFT JOIN case_reports r ON (r.laboratory, r.event_id) = (d.laboratory, d.event_id)
    WHERE d.event_id = ANY(CAST(:event_ids AS uuid[]))
""")

_LOCK: Final = text("""
    SELECT pg_advisory_xact_lock(number) FROM (
        SELECT DISTINCT hashtextextended(key, 0) AS number FROM unnest(CAST(:keys AS text[])) AS key ORDER BY number
    ) AS ascending
""")

_LINKS: Final = text("""
    SELECT l.ledger, l.case_key, l.link, l.laboratory, l.event_id, l.day
    FROM unnest(CAST(:ledgers AS text[]), CAST(:keys AS text[]), CAST(:links AS text[]))
         AS asked (ledger, case_key, link)
    JOIN occurrence_links l ON (l.ledger, l.case_key, l.link) = (asked.ledger, asked.case_key, asked.link)
""")

_CASES: Final = text("""
    SELECT asked.ledger AS asked_ledger, asked.case_key AS asked_key, asked.next_ordinal,
           (SELECT jsonb_object_agg(s.country, s.day) FROM first_sightings s
            WHERE (s.ledger, s.case_key) = (asked.ledger, asked.case_key)) AS sightings,
           c.id, c.ordinal, c.state, c.first_event, c.opened_by, c.xmin::text AS version,
           CAST(c.subject AS text) AS subject, CAST(c.summary AS text) AS summary, CAST(c.thread AS text) AS thread,
           CAST(c.decisions AS text) AS decisions
    FROM (
        SELECT ledger, case_key, whole OR NOT EXISTS (
            SELECT FROM cases o WHERE (o.ledger, o.case_key) = (w.ledger, w.case_key) AND o.receives
        ) AS whole, (
            SELECT coalesce(max(n.ordinal) + 1, 0) FROM cases n WHERE (n.ledger, n.case_key) = (w.ledger, w.case_key)
        ) AS next_ordinal
        FROM unnest(CAST(:ledgers AS text[]), CAST(:keys AS text[]), CAST(:whole AS boolean[]))
             AS w (ledger, case_key, whole)
    ) AS asked
    LEFT JOIN cases c ON (c.ledger, c.case_key) = (asked.ledger, asked.case_key)
                     AND (c.receives OR asked.whole)
""")

_DAYS: Final = text("""
    SELECT d.case_id, d.day, d.country, d.region, CAST(d.body AS text) AS body
    FROM unnest(CAST(:ids AS text[]), CAST(:since AS date[])) AS asked (id, since)
    JOIN case_days d ON d.case_id = asked.id AND d.day >= asked.since
""")

_GRADES: Final = text("""
    SELECT asked.id AS case_id, g.older, CAST(g.body AS text) AS body
    FROM unnest(CAST(:ids AS text[]), CAST(:since AS date[])) AS asked (id, since)
    CROSS JOIN LATERAL (
        SELECT false AS older, body FROM case_grades WHERE case_id = asked.id AND day >= asked.since
        UNION ALL
        (SELECT true, body FROM case_grades WHERE case_id = asked.id AND day < asked.since
         ORDER BY level DESC, impact DESC, spread DESC, confidence, day DESC LIMIT 1)
    ) AS g
""")

_REPORTS: Final = text("""
    SELECT r.ledger, r.case_key, r.laboratory, r.event_id, r.case_id, CAST(r.body AS text) AS body
    FROM unnest(CAST(:ledgers AS text[]), CAST(:keys AS text[])) AS asked (ledger, case_key)
    JOIN case_reports r ON (r.ledger, r.case_key) = (asked.ledger, asked.case_key)
""")

BEGINNING: Final = date(1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for: event ids, what is said to which case, and cases looked at as they stand on a day."""

    reports: Sequence[Report] = ()
    evidence: Sequence[Evidence] = ()
    looked_at: Mapping[FileKey, date] = field(default_factory=dict)
    longest: int

    @property
    def files(self) -> set[FileKey]:
        """Case keys that are added to or looked at."""
        return {(item.ledger, item.case_key) for item in self.evidence} | set(self.looked_at)


@dataclass
class Known:
    """Events of the batch as they stand, and the case keys that what they said before is filed in."""

    events: dict[Report, KnownEvent] = field(default_factory=dict)
    owners: dict[UUID, frozenset[str]] = field(default_factory=dict)
    filed: dict[Report, set[FileKey]] = field(default_factory=dict)

    @property
    def files(self) -> set[FileKey]:
        """All these case keys."""
        return set().union(*self.filed.values())

    def has_seen(self, report: Report, revision: int) -> bool:
        """Whether this revision or a later one is known: then it touches no case, whatever it says."""
        return report in self.events and revision <= self.events[report].current

    def filed_again(self, reports: Iterable[Report]) -> "Known":
        """The same, with the case keys of these reports only."""
        return replace(self, filed={report: self.filed[report] for report in reports if report in self.filed})


@dataclass
class Kept:
    """Cases as this process left them, by id, with the version of their row. Bounded, by cases and by their days (a kB
    each: without that bound memory grows with every report of a new day and place): the oldest go first. `told` is read
    once: it changes only while no process runs."""

    most: int = 5_000
    most_days: int = 100_000
    cases: dict[str, tuple[str, date, Case]] = field(default_factory=dict)
    days: Counter[str] = field(default_factory=Counter)
    told: Told | None = None

    def take(self, case_id: str, version: str, since: date) -> tuple[date, Case] | None:
        """The case and the day since which it is known, if nobody changed it and that is early enough.

        It is handed over, not shared: what a failed transaction leaves half changed is never found here again.
        """
        found = self.cases.pop(case_id, None)
        self.days.pop(case_id, None)
        if found is None or found[0] != version or found[1] > since:
            return None
        return found[1], found[2]

    def put(self, case: Case, version: str, since: date) -> None:
        """Keep a case for the next batch."""
        self.days[case.id] = len(case.days)
        self.cases[case.id] = (version, since, case)

    def forget_oldest(self) -> None:
        """Until it is small enough; the one that was put last stays, however many days it has."""
        days = self.days.total()
        while len(self.cases) > self.most or (days > self.most_days and len(self.cases) > 1):
            oldest = next(iter(self.cases))
            del self.cases[oldest]
            days -= self.days.pop(oldest)


@dataclass
class Recalled:
    """A memory, with what recording needs to know of how it was read."""

    memory: Memory
    since: dict[str, date] = field(default_factory=dict)
    loaded_days: dict[str, frozenset[Place]] = field(default_factory=dict)
    loaded_grades: dict[str, frozenset[date]] = field(default_factory=dict)


def lock_events(connection: Connection, ids: Iterable[UUID]) -> None:
    """Nobody else reads or writes what is known of these events until the transaction ends."""
    send(connection, _LOCK, {"keys": [f"event:{event_id}" for event_id in sorted(ids)]})


def known_events(connection: Connection, reports: Iterable[Report]) -> Known:
    """Every revision received of these event ids, by whichever laboratory; nobody else adds one before we end.

    Read before the locks of cases, which follow from it, and under locks of the event ids: a position holds one topic
    of one flow, and the same event may come by the backfill, or from another laboratory, at the same time.
    """
    known = Known()
    ids = sorted({event_id for _, event_id in reports})
    if not ids:
        return known
    with together(connection):
        lock_events(connection, ids)
        found = send(connection, _EVENTS, {"event_ids": ids})
    files: dict[Report, set[str]] = {}
    for row in found:
        report = (row.laboratory, row.event_id)
        event = known.events.setdefault(report, KnownEvent(*report))
        event.digests[row.revision] = row.digest
        known.owners[row.event_id] = known.owners.get(row.event_id, frozenset()) | {row.laboratory}
        if row.revision == event.current:
            event.ledger = Tense.ACTUAL if row.status == Tense.ARCHIVAL else Tense(row.status)
        if row.case_key is not None:
            files.setdefault(report, set()).add(row.case_key)
            known.filed.setdefault(report, set()).add((Tense(row.ledger), row.case_key))
    for report, keys in files.items():
        known.events[report].files = frozenset(keys)
    return known


def lock(connection: Connection, files: Iterable[FileKey]) -> None:
    """Take the advisory locks of these case keys, ascending, until the transaction ends. No event is locked later."""
    keys = sorted({f"{ledger}:{key}" for ledger, key in files})
    if keys:
        send(connection, _LOCK, {"keys": keys})


def recall(connection: Connection, wanted: Wanted, known: Known, *, whole: frozenset[str], kept: Kept) -> Recalled:
    """The memory of a batch, read under the locks. `whole`: keys whose reports are needed in any case."""
    files = wanted.files | known.files
    if kept.told is None:
        kept.told = told_before.load(connection)
    memory = Memory(events=dict(known.events), owners=dict(known.owners), told=kept.told)
    recalled = Recalled(memory)
    if not files:
        return recalled
    for ledger, key in sorted(files):
        memory.files[(ledger, key)] = CaseFile(ledger=ledger, key=key)
    _recall_links(connection, wanted, memory)
    chained = whole | {item.case_key for item in wanted.evidence if item.subject.unidentified}
    changes = seeds(wanted.evidence, known.filed, memory)
    near = frozenset[FileKey]() if whole else large(connection, {key for key in changes.files if key[1] not in chained})
    recall_near(connection, changes.of(near), memory)
    recount = chained | {key for ledger, key in changes.files if (ledger, key) not in near}
    earliest = _earliest(wanted, memory)
    _recall_cases(connection, memory, recount, earliest, wanted.longest, recalled, kept)
    ended = {file.key for file in memory.files.values() if file.current is None and file.next_ordinal}
    _recall_reports(connection, memory, recount | ended)
    _note_loaded(memory, recalled)
    return recalled


def _earliest(wanted: Wanted, memory: Memory) -> dict[FileKey, date]:
    """The earliest day that the batch changes of each key: anchors before it cannot change."""
    found: dict[FileKey, date] = dict.fromkeys(memory.files, date.max) | dict(wanted.looked_at)
    for item in wanted.evidence:
        key = (item.ledger, item.case_key)
        found[key] = min(found[key], item.day)
    for key, file in memory.files.items():
        found[key] = min([found[key], *(place.day for place in file.near_places)])
    return found


def _recall_links(connection: Connection, wanted: Wanted, memory: Memory) -> None:
    asked = sorted({(item.ledger.value, item.case_key, link) for item in wanted.evidence for link in item.ties})
    if not asked:
        return
    ledgers, keys, links = (list(column) for column in zip(*asked, strict=True))
    for row in send(connection, _LINKS, {"ledgers": ledgers, "keys": keys, "links": links}):
        file = memory.files[(Tense(row.ledger), row.case_key)]
        report = (row.laboratory, row.event_id)
        if row.link.startswith("twin:"):
            file.twins.setdefault(row.link, set()).add((report, row.day))
        else:
            file.known_links.setdefault(row.link, set()).add(report)


def _recall_cases(
    connection: Connection,
    memory: Memory,
    recount: frozenset[str],
    earliest: Mapping[FileKey, date],
    longest: int,
    recalled: Recalled,
    kept: Kept,
) -> None:
    keys = sorted(memory.files)
    whole = recount
    parameters = {
        "ledgers": [ledger.value for ledger, _ in keys],
        "keys": [key for _, key in keys],
        "whole": [key[1] in whole or memory.files[key].near is not None for key in keys],
    }
    fresh: list[Case] = []
    for row in send(connection, _CASES, parameters):
        file_key = (Tense(row.asked_ledger), row.asked_key)
        file = memory.files[file_key]
        file.next_ordinal = row.next_ordinal
        file.sightings = {country: date.fromisoformat(day) for country, day in (row.sightings or {}).items()}
        if row.id is None:
            continue
        since = BEGINNING if file.key in whole else _before(earliest[file_key], longest)
        taken = kept.take(row.id, row.version, since)
        recalled.since[row.id], case = taken or (since, _case(row, file))
        if taken is None:
            case.since = BEGINNING if file.key in whole else earliest[file_key]
            fresh.append(case)
        _place(file, case)
    _recall_days(connection, fresh, recalled)
    _recall_grades(connection, fresh)


def _before(day: date, longest: int) -> date:
    return date.max if day == date.max else max(BEGINNING, day - timedelta(days=longest + 1))


def _place(file: CaseFile, case: Case) -> None:
    case.sightings = file.sightings
    if case.receives:
        file.current = case
    else:
        file.ended[case.id] = case


def _case(row: "Row[Any]", file: CaseFile) -> Case:
    return Case(
        id=row.id,
        ledger=file.ledger,
        key=file.key,
        ordinal=row.ordinal,
        subject=Subject.model_validate_json(row.subject),
        state=CaseState(row.state),
        opened_by=(row.opened_by[0], UUID(row.opened_by[1])) if row.opened_by else None,
        first_event=row.first_event,
        summary=Summary.model_validate_json(row.summary),
        thread=Thread.model_validate_json(row.thread) if row.thread else None,
        decisions=UNDECIDED if row.decisions == "{}" else Decisions.model_validate_json(row.decisions),
    )


def _recall_days(connection: Connection, cases: Sequence[Case], recalled: Recalled) -> None:
    by_id = {case.id: case for case in cases}
    if not by_id:
        return
    since = [recalled.since[case_id] for case_id in by_id]
    for case_id, day, country, region, body in send(connection, _DAYS, {"ids": list(by_id), "since": since}):
        by_id[case_id].days[Place(day, country, region)] = cell_of(body)


@lru_cache(maxsize=8192)
def cell_of(body: str) -> Cell:
    """Most places and days of a case say the same: 17 to 30 of 100 stored bodies differ (20,000 reports measured)."""
    return Cell.of(CellBody.model_validate_json(body))


def _recall_grades(connection: Connection, cases: Sequence[Case]) -> None:
    by_id = {case.id: case for case in cases}
    if not by_id:
        return
    since = [case.since for case in cases]
    for row in send(connection, _GRADES, {"ids": list(by_id), "since": since}):
        grade = Grade.model_validate_json(row.body)
        if row.older:
            by_id[row.case_id].settled = grade
        else:
            by_id[row.case_id].grades[grade.anchor] = grade


def _note_loaded(memory: Memory, recalled: Recalled) -> None:
    """Of keys whose reports are there: only they can be counted anew, and lose days and grades that they had."""
    for file in memory.files.values():
        for case in file.cases() if file.known is not None else ():
            recalled.loaded_days[case.id] = frozenset(case.days)
            recalled.loaded_grades[case.id] = frozenset(case.grades)


def _recall_reports(connection: Connection, memory: Memory, recount: frozenset[str]) -> None:
    keys = [(ledger, key) for ledger, key in sorted(memory.files) if key in recount]
    if not keys:
        return
    for key in keys:
        memory.files[key].filed = {}
    parameters = {"ledgers": [ledger.value for ledger, _ in keys], "keys": [key for _, key in keys]}
    for row in send(connection, _REPORTS, parameters):
        filed = memory.files[(Tense(row.ledger), row.case_key)].filed
        evidence = evidence_of(row.body)
        if filed is not None:
            filed[evidence.report] = Filed(evidence, row.case_id)
