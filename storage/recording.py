"""Writes what a batch decided, in a handful of bulk statements: rows, alerts, timers, outgoing events.

Order: numbers → reports and findings → cases, log, alerts and timers → days and grades → filed reports, links and
sightings → outbox. All of it belongs to the caller's transaction.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import starmap
from typing import Final

from sqlalchemy import Connection, TextClause, text

from alerts.cases import Case, CaseFile, Filed, Report
from alerts.days import written
from alerts.deadlines import Deadline, deadlines, timer_key
from alerts.effects import Effects, LogEntry, Recorded
from alerts.memory import Memory, label
from alerts.settling import review_key
from alerts.threads import Thread
from schemas.alert_events import AlertEvent
from schemas.records import Coordinates
from schemas.topics import ALERT_EVENTS
from storage import outbox
from storage.memory import BEGINNING, Kept, Recalled
from storage.outbox import Outgoing
from storage.pipelining import Answer, send, together

_NUMBERS: Final = text("""
    SELECT a.tense, nextval('alert_number_' || a.tense) AS number
    FROM unnest(CAST(:tenses AS text[])) WITH ORDINALITY AS a (tense, place) ORDER BY a.place
""")

_REPORTS: Final = text("""
    WITH reports AS (
        INSERT INTO detections (laboratory, event_id, revision, digest, status, standing, decided_at, topic,
                                partition, "offset", body, catalogue)
        SELECT laboratory, event_id, revision, digest, status, standing, decided_at, topic, partition, "offset",
               CAST(body AS jsonb), catalogue
        FROM unnest(CAST(:laboratory AS text[]), CAST(:event_id AS uuid[]), CAST(:revision AS integer[]),
                    CAST(:digest AS text[]), CAST(:status AS text[]), CAST(:standing AS text[]),
                    CAST(:decided_at AS timestamptz[]), CAST(:topic AS text[]), CAST(:partition AS integer[]),
                    CAST(:offset AS bigint[]), CAST(:body AS text[]), CAST(:catalogue AS text[]))
             AS r (laboratory, event_id, revision, digest, status, standing, decided_at, topic, partition, "offset",
                   body, catalogue)
    )
    INSERT INTO findings (laboratory, event_id, revision, position, substance, name, category, subgroup, rung, conflict,
                          why, case_key, review_key, rungs, class_rules, nearest, likeness)
    SELECT * FROM unnest(CAST(:f_laboratory AS text[]), CAST(:f_event_id AS uuid[]), CAST(:f_revision AS integer[]),
                         CAST(:f_position AS integer[]), CAST(:f_substance AS text[]), CAST(:f_name AS text[]),
                         CAST(:f_category AS text[]), CAST(:f_subgroup AS text[]), CAST(:f_rung AS text[]),
                         CAST(:f_conflict AS boolean[]), CAST(:f_why AS text[]), CAST(:f_case_key AS text[]),
                         CAST(:f_review_key AS text[]), CAST(:f_rungs AS text[]), CAST(:f_class_rules AS text[]),
                         CAST(:f_nearest AS text[]), CAST(:f_likeness AS float8[]))
""")

_CASES: Final = text("""
    WITH log AS (
        INSERT INTO case_log (case_id, at, actor, action, reason, laboratory, event_id, revision, level_before,
                              level_after, rules, rule_set, detail)
        SELECT case_id, at, actor, action, reason, laboratory, event_id, revision, level_before, level_after,
               string_to_array(rules, ','), rule_set, CAST(detail AS jsonb)
        FROM unnest(CAST(:l_case_id AS text[]), CAST(:l_at AS timestamptz[]), CAST(:l_actor AS text[]),
                    CAST(:l_action AS text[]), CAST(:l_reason AS text[]), CAST(:l_laboratory AS text[]),
                    CAST(:l_event_id AS uuid[]), CAST(:l_revision AS integer[]), CAST(:l_before AS smallint[]),
                    CAST(:l_after AS smallint[]), CAST(:l_rules AS text[]), CAST(:l_rule_set AS text[]),
                    CAST(:l_detail AS text[]))
             WITH ORDINALITY AS l (case_id, at, actor, action, reason, laboratory, event_id, revision, level_before,
                                   level_after, rules, rule_set, detail, place)
        ORDER BY place
    ), told AS (
        INSERT INTO alerts (alert_id, revision, case_id, number, tense, kind, level, decided_at, body)
        SELECT alert_id, revision, case_id, number, tense, kind, level, decided_at, CAST(body AS jsonb)
        FROM unnest(CAST(:a_alert_id AS text[]), CAST(:a_revision AS integer[]), CAST(:a_case_id AS text[]),
                    CAST(:a_number AS text[]), CAST(:a_tense AS text[]), CAST(:a_kind AS text[]),
                    CAST(:a_level AS smallint[]), CAST(:a_decided_at AS timestamptz[]), CAST(:a_body AS text[]))
             AS a (alert_id, revision, case_id, number, tense, kind, level, decided_at, body)
    ), stopped AS (
        DELETE FROM timers WHERE key = ANY(CAST(:t_stopped AS text[]))
    ), started AS (
        INSERT INTO timers (key, kind, due_at, ledger, case_key, case_id)
        SELECT key, kind, due_at, ledger, case_key, case_id
        FROM unnest(CAST(:t_key AS text[]), CAST(:t_kind AS text[]), CAST(:t_due_at AS timestamptz[]),
                    CAST(:t_ledger AS text[]), CAST(:t_case_key AS text[]), CAST(:t_case_id AS text[]))
             AS t (key, kind, due_at, ledger, case_key, case_id)
        ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, ledger = excluded.ledger,
            case_key = excluded.case_key, case_id = excluded.case_id
    )
    INSERT INTO cases (id, ledger, case_key, ordinal, state, listed, level, substance, name, alert_id, number,
                       first_event, opened_by, subject, summary, thread, decisions, receives, changed_at)
    SELECT id, ledger, case_key, ordinal, state, listed, level, substance, name, alert_id, number, first_event,
           CAST(opened_by AS jsonb), CAST(subject AS jsonb), CAST(summary AS jsonb), CAST(thread AS jsonb),
           CAST(decisions AS jsonb), receives, now()
    FROM unnest(CAST(:id AS text[]), CAST(:ledger AS text[]), CAST(:case_key AS text[]), CAST(:ordinal AS integer[]),
                CAST(:state AS text[]), CAST(:listed AS boolean[]), CAST(:level AS smallint[]),
                CAST(:substance AS text[]), CAST(:name AS text[]), CAST(:alert_id AS text[]), CAST(:number AS text[]),
                CAST(:first_event AS date[]), CAST(:opened_by AS text[]), CAST(:subject AS text[]),
                CAST(:summary AS text[]), CAST(:thread AS text[]), CAST(:decisions AS text[]),
                CAST(:receives AS boolean[]))
         AS c (id, ledger, case_key, ordinal, state, listed, level, substance, name, alert_id, number, first_event,
               opened_by, subject, summary, thread, decisions, receives)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, listed = excluded.listed, level = excluded.level,
        substance = excluded.substance, name = excluded.name, alert_id = excluded.alert_id, number = excluded.number,
        first_event = excluded.first_event, opened_by = excluded.opened_by, subject = excluded.subject,
        summary = excluded.summary, thread = excluded.thread, decisions = excluded.decisions,
        receives = excluded.receives, changed_at = excluded.changed_at
    RETURNING id, xmin::text AS version
""")

_DAYS: Final = text("""
    WITH gone_days AS (
        DELETE FROM case_days d USING unnest(CAST(:gd_case_id AS text[]), CAST(:gd_day AS date[]),
            CAST(:gd_country AS text[]), CAST(:gd_region AS text[])) AS g (case_id, day, country, region)
        WHERE (d.case_id, d.day, d.country, d.region) = (g.case_id, g.day, g.country, g.region)
    ), gone_grades AS (
        DELETE FROM case_grades d USING unnest(CAST(:gg_case_id AS text[]), CAST(:gg_day AS date[])) AS g (case_id, day)
        WHERE (d.case_id, d.day) = (g.case_id, g.day)
    ), days AS (
        INSERT INTO case_days (case_id, day, country, region, body)
        SELECT case_id, day, country, region, CAST(body AS jsonb)
        FROM unnest(CAST(:d_case_id AS text[]), CAST(:d_day AS date[]), CAST(:d_country AS text[]),
                    CAST(:d_region AS text[]), CAST(:d_body AS text[])) AS d (case_id, day, country, region, body)
        ON CONFLICT (case_id, day, country, region) DO UPDATE SET body = excluded.body
    )
    INSERT INTO case_grades (case_id, day, level, impact, spread, confidence, body)
    SELECT case_id, day, level, impact, spread, confidence, CAST(body AS jsonb)
    FROM unnest(CAST(:g_case_id AS text[]), CAST(:g_day AS date[]), CAST(:g_level AS smallint[]),
                CAST(:g_impact AS smallint[]), CAST(:g_spread AS smallint[]), CAST(:g_confidence AS text[]),
                CAST(:g_body AS text[])) AS g (case_id, day, level, impact, spread, confidence, body)
    ON CONFLICT (case_id, day) DO UPDATE SET level = excluded.level, impact = excluded.impact,
        spread = excluded.spread, confidence = excluded.confidence, body = excluded.body
""")

_FILES: Final = text("""
    WITH gone_reports AS (
        DELETE FROM case_reports r USING unnest(CAST(:gr_ledger AS text[]), CAST(:gr_key AS text[]),
            CAST(:gr_laboratory AS text[]), CAST(:gr_event_id AS uuid[])) AS g (ledger, case_key, laboratory, event_id)
        WHERE (r.ledger, r.case_key, r.laboratory, r.event_id) = (g.ledger, g.case_key, g.laboratory, g.event_id)
    ), gone_links AS (
        DELETE FROM occurrence_links l USING unnest(CAST(:gl_ledger AS text[]), CAST(:gl_key AS text[]),
            CAST(:gl_laboratory AS text[]), CAST(:gl_event_id AS uuid[]), CAST(:gl_keep AS text[]))
            AS g (ledger, case_key, laboratory, event_id, keep)
        WHERE (l.ledger, l.case_key, l.laboratory, l.event_id) = (g.ledger, g.case_key, g.laboratory, g.event_id)
          AND NOT l.link = ANY(string_to_array(g.keep, chr(10)))
    ), reports AS (
        INSERT INTO case_reports (ledger, case_key, laboratory, event_id, case_id, body)
        SELECT ledger, case_key, laboratory, event_id, case_id, CAST(body AS jsonb)
        FROM unnest(CAST(:r_ledger AS text[]), CAST(:r_key AS text[]), CAST(:r_laboratory AS text[]),
                    CAST(:r_event_id AS uuid[]), CAST(:r_case_id AS text[]), CAST(:r_body AS text[]))
             AS r (ledger, case_key, laboratory, event_id, case_id, body)
        ON CONFLICT (ledger, case_key, laboratory, event_id) DO UPDATE SET case_id = excluded.case_id,
            body = excluded.body
    ), links AS (
        INSERT INTO occurrence_links (ledger, case_key, link, laboratory, event_id, day)
        SELECT * FROM unnest(CAST(:k_ledger AS text[]), CAST(:k_key AS text[]), CAST(:k_link AS text[]),
                             CAST(:k_laboratory AS text[]), CAST(:k_event_id AS uuid[]), CAST(:k_day AS date[]))
        ON CONFLICT (ledger, case_key, link, laboratory, event_id) DO UPDATE SET day = excluded.day
    ), gone_sightings AS (
        DELETE FROM first_sightings s USING unnest(CAST(:gs_ledger AS text[]), CAST(:gs_key AS text[]),
            CAST(:gs_keep AS text[])) AS g (ledger, case_key, keep)
        WHERE (s.ledger, s.case_key) = (g.ledger, g.case_key) AND NOT s.country = ANY(string_to_array(g.keep, ','))
    )
    INSERT INTO first_sightings (ledger, case_key, country, day)
    SELECT * FROM unnest(CAST(:s_ledger AS text[]), CAST(:s_key AS text[]), CAST(:s_country AS text[]),
                         CAST(:s_day AS date[]))
    ON CONFLICT (ledger, case_key, country) DO UPDATE SET day = excluded.day
""")

Value = object
Columns = dict[str, list[Value]]


def record(connection: Connection, recalled: Recalled, effects: Effects, *, kept: Kept) -> list[AlertEvent]:
    """Write everything; the alert events as sent, with their numbers."""
    memory = recalled.memory
    numbers = _issue(connection, memory)
    events = [_numbered(event, numbers) for event in effects.events]
    cases = [case for file in memory.files.values() for case in file.cases() if case.touched]
    for case in cases:
        if case.thread is not None:
            case.thread = _numbered_thread(case.thread, numbers)
    with together(connection):
        _write_reports(connection, effects.recorded)
        versions = _write_cases(connection, cases, effects.log, events)
        _write_days(connection, cases, recalled)
        _write_files(connection, memory.files.values())
        outbox.add(connection, [_outgoing(event) for event in events])
    _keep(cases, versions, recalled, kept)
    for case in cases:
        _settle(case)
    return events


def _columns(names: str, rows: Iterable[Sequence[Value]]) -> Columns:
    """Rows as the arrays of one `unnest`."""
    listed = list(rows)
    return {name: [row[place] for row in listed] for place, name in enumerate(names.split())}


def _write(connection: Connection, statement: TextClause, *groups: Columns) -> Answer | None:
    """Run a bulk statement unless it would write nothing."""
    parameters = {name: column for group in groups for name, column in group.items()}
    return send(connection, statement, parameters) if any(parameters.values()) else None


# Numbers


def _issue(connection: Connection, memory: Memory) -> dict[str, str]:
    """Real numbers for the placeholders a fold handed out, `#actual:2026:1` → `TOC-A-2026-0042`."""
    placeholders = [
        (thread.number, file.ledger)
        for file in memory.files.values()
        for case in file.cases()
        if (thread := case.thread) is not None and thread.number.startswith("#")
    ]
    if not placeholders:
        return {}
    placeholders.sort(key=lambda item: int(item[0].rsplit(":", 1)[1]))
    rows = send(connection, _NUMBERS, {"tenses": [tense.value for _, tense in placeholders]})
    return {
        placeholder: label(tense, int(placeholder.split(":")[1]), row.number)
        for (placeholder, tense), row in zip(placeholders, rows, strict=True)
    }


def _numbered(event: AlertEvent, numbers: Mapping[str, str]) -> AlertEvent:
    references = tuple(numbers.get(number, number) for number in event.references)
    number = numbers.get(event.number, event.number)
    if number == event.number and references == event.references:
        return event
    return event.model_copy(update={"number": number, "references": references})


def _numbered_thread(thread: Thread, numbers: Mapping[str, str]) -> Thread:
    if not numbers:
        return thread
    return thread.model_copy(
        update={
            "number": numbers.get(thread.number, thread.number),
            "references": tuple(numbers.get(number, number) for number in thread.references),
            "said": None if thread.said is None else _numbered(thread.said, numbers),
        }
    )


# Reports and findings


def _write_reports(connection: Connection, recorded: Sequence[Recorded]) -> None:
    reports = (_report(item, item.source) for item in recorded if item.source is not None)
    names = "laboratory event_id revision digest status standing decided_at topic partition offset body catalogue"
    found = (row for item in recorded for row in _findings(item))
    finding_names = (
        "f_laboratory f_event_id f_revision f_position f_substance f_name f_category f_subgroup f_rung "
        "f_conflict f_why f_case_key f_review_key f_rungs f_class_rules f_nearest f_likeness"
    )
    _write(connection, _REPORTS, _columns(names, reports), _columns(finding_names, found))


def _report(item: Recorded, source: Coordinates) -> Sequence[Value]:
    detection = item.decoded.detection
    return (
        item.laboratory,
        detection.event_id,
        detection.revision,
        item.decoded.digest,
        detection.status.value,
        item.standing.value,
        item.at,
        source.topic,
        source.partition,
        source.offset,
        item.decoded.content,
        item.catalogue,
    )


def _findings(item: Recorded) -> Iterable[Sequence[Value]]:
    detection = item.decoded.detection
    for position, (named, key) in enumerate(zip(item.named, item.case_keys, strict=True)):
        identity = named.identity
        yield (
            item.laboratory,
            detection.event_id,
            detection.revision,
            position,
            identity.key,
            identity.name,
            identity.category.value,
            identity.subgroup,
            identity.rung.value,
            identity.conflict,
            identity.why,
            key,
            review_key(named),
            ",".join(rung.value for rung in identity.rungs),
            ",".join(identity.class_hits),
            identity.nearest.key if identity.nearest else None,
            identity.nearest.score if identity.nearest else None,
        )


# Cases, log, alerts, timers


def _write_cases(
    connection: Connection, cases: Sequence[Case], log: Sequence[LogEntry], events: Sequence[AlertEvent]
) -> Answer | None:
    due = {timer_key(case, kind): (kind, at, case) for case in cases for kind, at in deadlines(case).items()}
    all_keys = (timer_key(case, kind) for case in cases if case.thread is not None for kind in Deadline)
    return _write(
        connection,
        _CASES,
        _columns(_CASE_NAMES, map(_case, cases)),
        _columns(_LOG_NAMES, map(_entry, log)),
        _columns(_ALERT_NAMES, map(_alert, events)),
        _columns("t_key t_kind t_due_at t_ledger t_case_key t_case_id", starmap(_timer, due.items())),
        {"t_stopped": [one for one in all_keys if one not in due]},
    )


def _keep(cases: Sequence[Case], versions: Answer | None, recalled: Recalled, kept: Kept) -> None:
    """What was written is known to this process, with the version of its row."""
    by_id = {case.id: case for case in cases}
    for row in versions or ():
        kept.put(by_id[row.id], row.version, recalled.since.get(row.id, BEGINNING))


_CASE_NAMES: Final = (
    "id ledger case_key ordinal state listed level substance name alert_id number first_event opened_by subject "
    "summary thread decisions receives"
)
_LOG_NAMES: Final = (
    "l_case_id l_at l_actor l_action l_reason l_laboratory l_event_id l_revision l_before l_after l_rules l_rule_set "
    "l_detail"
)
_ALERT_NAMES: Final = "a_alert_id a_revision a_case_id a_number a_tense a_kind a_level a_decided_at a_body"


def _case(case: Case) -> Sequence[Value]:
    thread = case.thread
    return (
        case.id,
        case.ledger.value,
        case.key,
        case.ordinal,
        case.state.value,
        case.listed,
        int(case.computed),
        case.subject.key,
        case.subject.name,
        thread.alert_id if thread else None,
        thread.number if thread else None,
        case.first_event,
        json.dumps([case.opened_by[0], str(case.opened_by[1])]) if case.opened_by else None,
        case.subject.model_dump_json(),
        case.summary.model_dump_json(),
        thread.model_dump_json() if thread else None,
        case.decisions.model_dump_json(exclude_defaults=True),
        case.receives,
    )


def _entry(entry: LogEntry) -> Sequence[Value]:
    return (
        entry.case_id,
        entry.at,
        entry.actor,
        entry.action,
        entry.reason,
        entry.laboratory,
        entry.event_id,
        entry.revision,
        None if entry.before is None else int(entry.before),
        None if entry.after is None else int(entry.after),
        ",".join(entry.rules),
        entry.rule_set,
        entry.model_dump_json(include=_DETAIL, exclude_defaults=True),
    )


def _alert(event: AlertEvent) -> Sequence[Value]:
    return (
        event.alert_id,
        event.revision,
        event.case_id,
        event.number,
        event.tense.value,
        event.kind.value,
        int(event.level),
        event.decided_at,
        event.model_dump_json(),
    )


_DETAIL: Final = {"stands", "joined", "left", "was", "became"}


def _timer(name: str, due: tuple[Deadline, datetime, Case]) -> Sequence[Value]:
    kind, at, case = due
    return (name, kind.value, at, case.ledger.value, case.key, case.id)


# Days and grades


def _write_days(connection: Connection, cases: Sequence[Case], recalled: Recalled) -> None:
    _write(
        connection,
        _DAYS,
        _columns("gd_case_id gd_day gd_country gd_region", _each(cases, lambda case: _gone_days(case, recalled))),
        _columns("gg_case_id gg_day", _each(cases, lambda case: _gone_grades(case, recalled))),
        _columns("d_case_id d_day d_country d_region d_body", _each(cases, _days)),
        _columns("g_case_id g_day g_level g_impact g_spread g_confidence g_body", _each(cases, _grades)),
    )


def _each(cases: Iterable[Case], rows: Callable[[Case], Iterable[Sequence[Value]]]) -> Iterable[Sequence[Value]]:
    for case in cases:
        yield from rows(case)


def _gone_days(case: Case, recalled: Recalled) -> Iterable[Sequence[Value]]:
    if case.recounted:
        yield from ((case.id, *place) for place in recalled.loaded_days.get(case.id, frozenset()) - case.days.keys())


def _gone_grades(case: Case, recalled: Recalled) -> Iterable[Sequence[Value]]:
    if case.recounted:
        yield from ((case.id, day) for day in recalled.loaded_grades.get(case.id, frozenset()) - case.grades.keys())


def _days(case: Case) -> Iterable[Sequence[Value]]:
    for place in sorted(case.touched_days & case.days.keys()):
        yield (case.id, *place, written(case.days[place]))


def _grades(case: Case) -> Iterable[Sequence[Value]]:
    for day in sorted(case.touched_grades & case.grades.keys()):
        grade = case.grades[day]
        scores = (int(grade.level), grade.impact, grade.spread, grade.confidence.value)
        yield (case.id, day, *scores, grade.model_dump_json())


def _settle(case: Case) -> None:
    """What was written is no longer to be written."""
    case.touched, case.recounted = False, False
    case.touched_days, case.touched_grades = set(), set()


# Filed reports, links, sightings


def _write_files(connection: Connection, files: Iterable[CaseFile]) -> None:
    changed = [file for file in files if file.added or file.removed or file.sightings_changed]
    added = [(file, filed) for file in changed for filed in _current(file).values()]
    gone = [(file, report) for file in changed for report in sorted(file.removed, key=str)]
    names = "r_ledger r_key r_laboratory r_event_id r_case_id r_body"
    _write(
        connection,
        _FILES,
        _columns(names, ((*_place(file), *item.evidence.report, item.case, _json(item)) for file, item in added)),
        _columns(
            "gr_ledger gr_key gr_laboratory gr_event_id",
            (_left(file, one) for file, one in gone if _is_gone(file, one)),
        ),
        _columns(
            "gl_ledger gl_key gl_laboratory gl_event_id gl_keep",
            ((*_left(file, one), "\n".join(_links_of(file, one))) for file, one in gone),
        ),
        _columns("k_ledger k_key k_link k_laboratory k_event_id k_day", _links(added)),
        _columns(
            "gs_ledger gs_key gs_keep",
            ((*_place(file), ",".join(file.sightings)) for file in changed if file.sightings_changed),
        ),
        _columns(
            "s_ledger s_key s_country s_day",
            (
                (*_place(file), country, day)
                for file in changed
                if file.sightings_changed
                for country, day in file.sightings.items()
            ),
        ),
    )


def _place(file: CaseFile) -> tuple[str, str]:
    return (file.ledger.value, file.key)


def _json(item: Filed) -> str:
    return item.evidence.model_dump_json()


def _current(file: CaseFile) -> dict[Report, Filed]:
    """What was added and still stands: the last of each report."""
    latest = {item.evidence.report: item for item in file.added}
    if file.filed is None:
        return latest
    return {report: item for report, item in latest.items() if file.filed.get(report) is item}


def _is_gone(file: CaseFile, report: Report) -> bool:
    return report not in _current(file)


def _left(file: CaseFile, report: Report) -> Sequence[Value]:
    return (*_place(file), *report)


def _links_of(file: CaseFile, report: Report) -> list[str]:
    item = _current(file).get(report)
    return [] if item is None else _all_links(item)


def _all_links(item: Filed) -> list[str]:
    return [*item.evidence.links, *((item.evidence.twin,) if item.evidence.twin else ())]


def _links(added: Iterable[tuple[CaseFile, Filed]]) -> Iterable[Sequence[Value]]:
    for file, item in added:
        for link in _all_links(item):
            yield (file.ledger.value, file.key, link, *item.evidence.report, item.evidence.day)


# Outgoing


def _outgoing(event: AlertEvent) -> Outgoing:
    return Outgoing(event_id=event.event_id, topic=ALERT_EVENTS, key=event.case_id, body=event.model_dump_json())
