"""Cases and alerts to look at: lists, one case with its log, one alert with its revisions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from alerts.evidence import Evidence, Subject
from alerts.grading import Grade
from alerts.summary import Summary
from schemas.alert_events import AlertEvent, OverrideRef
from schemas.vocabularies import Level, Tense
from storage import notifications
from storage.notifications import Notification


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    """One case in a list. `announced` is what people were told, None while nothing was."""

    id: str
    tense: Tense
    key: str
    state: str
    level: Level
    name: str
    number: str | None
    announced: Level | None
    countries: tuple[str, ...]
    events: int
    changed_at: datetime
    override: OverrideRef | None = None
    ended_as: str | None = None
    review_overdue: datetime | None = None
    notification: Notification | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRow:
    """One line of the case log."""

    at: datetime
    actor: str
    action: str
    reason: str
    laboratory: str | None
    event_id: UUID | None
    revision: int | None
    before: Level | None
    after: Level | None
    announced: Level | None
    rules: tuple[str, ...]
    rule_set: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseDetail:
    """One case with the grade that stands for it, the reports in it and its log."""

    row: CaseRow
    subject: Subject
    summary: Summary
    grade: Grade | None
    reports: tuple[Evidence, ...]
    log: tuple[LogRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertPlace:
    """Where an alert's case is: what a writer needs to lock and recall it."""

    alert_id: str
    number: str
    ledger: Tense
    case_key: str
    case_id: str


_CASE_COLUMNS: Final = """
    id, ledger, case_key, state, level, name, number, CAST(thread->>'announced' AS integer) AS announced,
    CAST(summary AS text) AS summary, CAST(subject AS text) AS subject, changed_at,
    CAST(decisions->'override' AS text) AS override, thread->>'ended_as' AS ended_as,
    CAST(thread->>'review_overdue' AS timestamptz) AS review_overdue
"""

_CASES: Final = text(f"""
    SELECT {_CASE_COLUMNS} FROM cases
    WHERE listed AND level >= :at_least AND (CAST(:tense AS text) IS NULL OR ledger = :tense)
      AND (CAST(:country AS text) IS NULL OR summary->'countries' ? CAST(:country AS text))
    ORDER BY level DESC, changed_at DESC, id LIMIT :limit
""")

_CASE: Final = text(f"""
    SELECT {_CASE_COLUMNS} FROM cases
    WHERE id LIKE :prefix || '%' OR number = :asked OR alert_id = :asked ORDER BY id LIMIT 2
""")

_GRADE: Final = text("""
    SELECT CAST(body AS text) AS body FROM case_grades WHERE case_id = :id
    ORDER BY level DESC, impact DESC, spread DESC, confidence, day DESC LIMIT 1
""")

_REPORTS: Final = text("""
    SELECT CAST(body AS text) AS body FROM case_reports WHERE (ledger, case_key, case_id) = (:ledger, :key, :id)
    ORDER BY body->>'day' DESC, laboratory, event_id LIMIT :limit
""")

_LOG: Final = text("""
    SELECT at, actor, action, reason, laboratory, event_id, revision, level_before, level_after, rules, rule_set,
           CAST(detail->'became'->>'announced' AS integer) AS announced
    FROM case_log WHERE case_id = :id ORDER BY id DESC LIMIT :limit
""")

_ALERTS: Final = text("""
    SELECT CAST(a.body AS text) AS body FROM alerts a
    JOIN (SELECT alert_id, max(revision) AS revision FROM alerts GROUP BY alert_id) AS latest
         USING (alert_id, revision)
    WHERE (CAST(:tense AS text) IS NULL OR a.tense = :tense) AND a.level >= :at_least
    ORDER BY a.decided_at DESC, a.alert_id LIMIT :limit
""")

_ALERT: Final = text("""
    SELECT CAST(body AS text) AS body FROM alerts
    WHERE number = :asked OR alert_id LIKE :prefix || '%' ORDER BY alert_id, revision
""")

_ALERTS_OF_CASE: Final = text("""
    SELECT CAST(body AS text) AS body FROM alerts
    WHERE case_id = :asked OR case_id LIKE :prefix || '%' ORDER BY case_id, revision
""")

_PLACE: Final = text("""
    SELECT alert_id, number, ledger, case_key, id FROM cases WHERE number = :asked OR alert_id = :asked
""")


def cases(
    connection: Connection, *, at_least: Level, tense: Tense | None, country: str | None, limit: int
) -> tuple[CaseRow, ...]:
    """Listed cases, gravest first, then those changed last."""
    parameters = {"at_least": int(at_least), "tense": tense, "country": country, "limit": limit}
    found = [_row(row) for row in connection.execute(_CASES, parameters)]
    drafts = notifications.of(connection, [row.id for row in found])
    return tuple(replace(row, notification=drafts.get(row.id)) for row in found)


def case(connection: Connection, asked: str, *, limit: int = 200) -> CaseDetail | None:
    """A case by id (or the beginning of one), by alert number or alert id; None when none or several fit."""
    found = connection.execute(_CASE, {"asked": asked, "prefix": _literal(asked)}).all()
    if len(found) != 1:
        return None
    row = found[0]
    grade = connection.execute(_GRADE, {"id": row.id}).one_or_none()
    reports = connection.execute(_REPORTS, {"ledger": row.ledger, "key": row.case_key, "id": row.id, "limit": limit})
    return CaseDetail(
        row=replace(_row(row), notification=notifications.of(connection, [row.id]).get(row.id)),
        subject=Subject.model_validate_json(row.subject),
        summary=Summary.model_validate_json(row.summary),
        grade=Grade.model_validate_json(grade.body) if grade else None,
        reports=tuple(Evidence.model_validate_json(report.body) for report in reports),
        log=tuple(_log(line) for line in connection.execute(_LOG, {"id": row.id, "limit": limit})),
    )


def alerts(connection: Connection, *, at_least: Level, tense: Tense | None, limit: int) -> tuple[AlertEvent, ...]:
    """The latest revision of each alert, newest first."""
    return _events(connection.execute(_ALERTS, {"at_least": int(at_least), "tense": tense, "limit": limit}).all())


def alert(connection: Connection, asked: str) -> tuple[AlertEvent, ...]:
    """All revisions of one alert by number or (the beginning of) its id, oldest first; empty when none or several."""
    found = _events(connection.execute(_ALERT, {"asked": asked, "prefix": _literal(asked)}).all())
    return found if len({event.alert_id for event in found}) == 1 else ()


def alerts_of_case(connection: Connection, asked: str) -> tuple[AlertEvent, ...]:
    """All revisions of the alert of one case by (the beginning of) its id, oldest first; empty when none or several."""
    rows = connection.execute(_ALERTS_OF_CASE, {"asked": asked, "prefix": _literal(asked)}).all()
    found = _events(rows)
    return found if len({event.alert_id for event in found}) == 1 else ()


def place_of(connection: Connection, asked: str) -> AlertPlace | None:
    """Where the case of an alert is."""
    row = connection.execute(_PLACE, {"asked": asked}).one_or_none()
    if row is None:
        return None
    return AlertPlace(
        alert_id=row.alert_id, number=row.number, ledger=Tense(row.ledger), case_key=row.case_key, case_id=row.id
    )


def _literal(asked: str) -> str:
    """What a person typed, without the signs that LIKE would read."""
    return asked.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") if len(asked) >= 6 else "\x01"


def _events(rows: "Sequence[Row[Any]]") -> tuple[AlertEvent, ...]:
    return tuple(AlertEvent.model_validate_json(row.body) for row in rows)


def _row(row: "Row[Any]") -> CaseRow:
    summary = Summary.model_validate_json(row.summary)
    return CaseRow(
        id=row.id,
        tense=Tense(row.ledger),
        key=row.case_key,
        state=row.state,
        level=Level(row.level),
        name=row.name,
        number=row.number,
        announced=None if row.announced is None else Level(row.announced),
        countries=tuple(country for country, events in summary.countries.items() if events),
        events=summary.events,
        changed_at=row.changed_at,
        override=OverrideRef.model_validate_json(row.override) if row.override else None,
        ended_as=row.ended_as,
        review_overdue=row.review_overdue,
    )


def _log(row: "Row[Any]") -> LogRow:
    return LogRow(
        at=row.at,
        actor=row.actor,
        action=row.action,
        reason=row.reason,
        laboratory=row.laboratory,
        event_id=row.event_id,
        revision=row.revision,
        before=None if row.level_before is None else Level(row.level_before),
        after=None if row.level_after is None else Level(row.level_after),
        announced=None if row.announced is None else Level(row.announced),
        rules=tuple(row.rules),
        rule_set=row.rule_set,
    )
