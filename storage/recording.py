"""Writes what a batch decided, in a handful of bulk statements: rows, alerts, timers, outgoing events.

Order: numbers → reports and findings → cases, log, alerts and timers → days and grades → filed reports, links and
sightings → outbox. All of it belongs to the caller's transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import starmap
from typing import Final

from sqlalchemy import Connection, text

from alerts.cases import Case
from alerts.deadlines import Deadline, deadlines, timer_key
from alerts.effects import Effects, LogEntry, Recorded
from alerts.memory import Memory, label
from alerts.settling import review_key
from alerts.threads import Thread
from schemas.alert_events import AlertEvent
from schemas.records import Coordinates
from schemas.topics import ALERT_EVENTS
from storage import outbox
from storage.columns import Value, columns, write
from storage.memory import BEGINNING, Kept, Recalled
from storage.outbox import Outgoing
from storage.pipelining import Answer, send, together
from storage.recording_days import write_days
from storage.recording_files import write_files

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
        write_days(connection, cases, recalled)
        write_files(connection, memory.files.values())
        outbox.add(connection, [_outgoing(event) for event in events])
    _keep(cases, versions, recalled, kept)
    for case in cases:
        _settle(case)
    return events


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
    write(connection, _REPORTS, columns(names, reports), columns(finding_names, found))


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
    return write(
        connection,
        _CASES,
        columns(_CASE_NAMES, map(_case, cases)),
        columns(_LOG_NAMES, map(_entry, log)),
        columns(_ALERT_NAMES, map(_alert, events)),
        columns("t_key t_kind t_due_at t_ledger t_case_key t_case_id", starmap(_timer, due.items())),
        {"t_stopped": [one for one in all_keys if one not in due]},
    )


def _keep(cases: Sequence[Case], versions: Answer | None, recalled: Recalled, kept: Kept) -> None:
    """What was written is known to this process, with the version of its row."""
    by_id = {case.id: case for case in cases}
    for row in versions or ():
        kept.put(by_id[row.id], row.version, recalled.since.get(row.id, BEGINNING))
    kept.forget_oldest()


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


def _settle(case: Case) -> None:
    """What was written is no longer to be written."""
    case.touched, case.recounted = False, False
    case.touched_days, case.touched_grades = set(), set()


# Outgoing


def _outgoing(event: AlertEvent) -> Outgoing:
    return Outgoing(event_id=event.event_id, topic=ALERT_EVENTS, key=event.case_id, body=event.model_dump_json())
