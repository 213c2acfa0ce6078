"""What comes back about an alert: acknowledgements, measures taken and further information.

An acknowledgement belongs to a delivery and the first one stays; it moves the delivery on. The case log has both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from alerts.disclosure import shown_to
from schemas.alert_events import AlertEvent
from schemas.answers import AnswerKind, Way
from schemas.deliveries import Channel, Content
from schemas.vocabularies import Handling
from storage import threads
from storage.receipts import receipts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """Who read it, when, and in which way they said so."""

    delivery_id: str
    alert_id: str
    revision: int
    destination: str
    subscriber: str
    country: str | None
    by: str
    way: Way
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A measure taken, or something else that an authority knows."""

    alert_id: str
    destination: str
    subscriber: str
    country: str | None
    kind: AnswerKind
    text: str
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one reader was told, as far as they may see it, and what they answered. `event` is the revision of the
    delivery; `current` the latest one planned of the same alert; `handling` the strictest of both; `answer_by` is when
    the next step of escalation is due, if one is."""

    delivery_id: str
    event: AlertEvent
    current: int
    content: Content
    handling: Handling
    clearance: Handling | None
    channel: Channel
    language: str
    destination: str
    subscriber: str
    statutory: bool
    sent_at: datetime | None
    country: str | None
    answer_by: datetime | None
    acknowledged: Acknowledgement | None
    answers: tuple[Answer, ...]


_TOLD: Final = text("""
    SELECT d.delivery_id, d.alert_id, d.revision, d.content, d.channel, d.statutory, d.accepted_at AS sent_at,
           CAST(e.body AS text) AS body, a.current_revision AS current, a.handling, t.clearance, t.accepts_conditions,
           t.language, t.id AS destination, t.secret, s.name AS subscriber, s.country,
           (SELECT min(x.due_at) FROM escalation_steps x WHERE x.alert_id = d.alert_id
              AND x.subscriber_id = t.subscriber_id AND x.state = 'waiting') AS answer_by,
           k.by, k.way, k.at
    FROM deliveries d
    JOIN outbox e ON e.event_id = d.event_id
    JOIN alert_threads a ON a.alert_id = d.alert_id
    JOIN destinations t ON t.id = d.destination_id
    JOIN subscribers s ON s.id = t.subscriber_id
    LEFT JOIN acknowledgements k ON k.delivery_id = d.delivery_id
    WHERE d.delivery_id = :delivery_id
""")

_SETTLED: Final = "d.state IN ('accepted', 'delivered', 'unknown', 'deferred')"

_ALERT: Final = text("SELECT alert_id FROM deliveries WHERE delivery_id = :delivery_id")

_ACKNOWLEDGE: Final = text(f"""
    WITH given AS (
      INSERT INTO acknowledgements (delivery_id, alert_id, revision, destination_id, by, way)
      SELECT delivery_id, alert_id, revision, destination_id, :by, :way FROM deliveries WHERE delivery_id = :delivery_id
      ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id, alert_id, revision, destination_id, at),
    moved AS (
      UPDATE deliveries d SET acknowledged_at = g.at, updated_at = clock_timestamp(),
        state = CASE WHEN {_SETTLED} THEN 'acknowledged' ELSE d.state END,
        due_at = CASE WHEN {_SETTLED} THEN NULL ELSE d.due_at END
      FROM given g WHERE d.delivery_id = g.delivery_id
      RETURNING d.*),
    told AS ({receipts_of("moved")}),
    asked AS (
      SELECT g.alert_id, g.revision, g.delivery_id, t.subscriber_id FROM given g
      JOIN destinations t ON t.id = g.destination_id),
    calmed AS (
      UPDATE escalation_steps e SET state = 'ended', reason = 'acknowledged', by = :by, ended_at = clock_timestamp()
      FROM asked a WHERE e.alert_id = a.alert_id AND e.subscriber_id = a.subscriber_id AND e.state = 'waiting'
        AND e.revision <= a.revision),
    spared AS (
      UPDATE deliveries d SET reason = 'acknowledged', due_at = NULL, updated_at = clock_timestamp(),
        state = CASE WHEN d.state = 'unknown' THEN d.state ELSE 'superseded' END
      FROM asked a JOIN destinations t ON t.subscriber_id = a.subscriber_id
      WHERE d.alert_id = a.alert_id AND d.destination_id = t.id AND d.purpose = 'escalation'
        AND d.revision <= a.revision AND d.delivery_id <> a.delivery_id
        AND (d.state IN ('planned', 'deferred') OR d.state = 'unknown' AND d.due_at IS NOT NULL)
      RETURNING d.*),
    spared_too AS ({receipts_of("spared")}),
    logged AS (
      INSERT INTO case_log (case_id, at, actor, action, reason, level_before, level_after, rules, rule_set)
      SELECT c.id, g.at, :by, 'acknowledged', s.name || ' acknowledged revision ' || g.revision || ' (' || :way || ')'
               || coalesce(': ' || CAST(:reason AS text), ''), c.level, c.level, '{{}}', ''
      FROM given g JOIN cases c ON c.alert_id = g.alert_id
      JOIN destinations t ON t.id = g.destination_id JOIN subscribers s ON s.id = t.subscriber_id)
    SELECT count(*) FROM given
""")

_ANSWER: Final = text("""
    WITH given AS (
      INSERT INTO measures (delivery_id, alert_id, destination_id, kind, text, by)
      SELECT delivery_id, alert_id, destination_id, :kind, :text, :by FROM deliveries WHERE delivery_id = :delivery_id
      RETURNING alert_id, destination_id, at)
    INSERT INTO case_log (case_id, at, actor, action, reason, level_before, level_after, rules, rule_set)
    SELECT c.id, g.at, :by, CAST(:kind AS text), s.name || ': ' || :text, c.level, c.level, '{}', ''
    FROM given g JOIN cases c ON c.alert_id = g.alert_id
    JOIN destinations t ON t.id = g.destination_id JOIN subscribers s ON s.id = t.subscriber_id
""")

_ACKNOWLEDGED: Final = text("""
    SELECT k.delivery_id, k.alert_id, k.revision, k.destination_id AS destination, s.name AS subscriber, s.country,
           k.by, k.way, k.at
    FROM acknowledgements k JOIN destinations t ON t.id = k.destination_id JOIN subscribers s ON s.id = t.subscriber_id
    WHERE k.alert_id = :alert_id ORDER BY k.at, k.delivery_id
""")

_ANSWERS: Final = text("""
    SELECT m.alert_id, m.destination_id AS destination, s.name AS subscriber, s.country, m.kind, m.text, m.by, m.at
    FROM measures m JOIN destinations t ON t.id = m.destination_id JOIN subscribers s ON s.id = t.subscriber_id
    WHERE m.alert_id = :alert_id AND (CAST(:destination AS text) IS NULL OR m.destination_id = :destination)
    ORDER BY m.id
""")

_OWNER: Final = text("SELECT t.secret FROM deliveries d JOIN destinations t ON t.id = d.destination_id "
                     "WHERE d.delivery_id = :delivery_id AND d.channel = 'webhook'")  # fmt: skip


def _visible(row: RowMapping) -> tuple[AlertEvent, Handling]:
    """The event as this reader may see it now, and its handling: RED for one whose conditions they did not accept."""
    whole = AlertEvent.model_validate_json(row["body"])
    clearance = Handling(row["clearance"]) if row["clearance"] else None
    seen = shown_to(whole, clearance, accepts_conditions=row["accepts_conditions"])
    if whole.views and seen is not None and row["revision"] == row["current"]:
        return seen, seen.handling
    if whole.use_conditions and not row["accepts_conditions"]:
        return whole, Handling.RED
    return whole, max(whole.handling, Handling(row["handling"]), key=list(Handling).index)


def told(connection: Connection, delivery_id: str) -> Told | None:
    """Everything that the page behind a link shows; None when there is no such delivery."""
    row = connection.execute(_TOLD, {"delivery_id": delivery_id}).mappings().one_or_none()
    if row is None:
        return None
    event, handling = _visible(row)
    return Told(
        delivery_id=row["delivery_id"],
        event=event,
        current=row["current"],
        content=Content(row["content"]),
        handling=handling,
        clearance=Handling(row["clearance"]) if row["clearance"] else None,
        channel=Channel(row["channel"]),
        language=row["language"],
        destination=row["destination"],
        subscriber=row["subscriber"],
        statutory=row["statutory"],
        sent_at=row["sent_at"],
        country=row["country"],
        answer_by=row["answer_by"],
        acknowledged=_acknowledgement(row) if row["by"] is not None else None,
        answers=answers(connection, row["alert_id"], destination=row["destination"]),
    )


def acknowledge(connection: Connection, delivery_id: str, *, by: str, way: Way, reason: str | None = None) -> bool:
    """Whether this was the first: a second one changes nothing. Ends what would have been tried again, and the
    escalation of that authority. One in flight keeps its send: `ledger.finish` moves it on."""
    alert_id = connection.execute(_ALERT, {"delivery_id": delivery_id}).scalar_one_or_none()
    if alert_id is None:
        return False
    threads.lock(connection, alert_id)
    parameters = {"delivery_id": delivery_id, "by": by, "way": way.value, "reason": reason}
    return bool(connection.execute(_ACKNOWLEDGE, parameters).scalar_one())


def answer(connection: Connection, delivery_id: str, *, kind: AnswerKind, text: str, by: str) -> None:
    """Keep a measure or an information, with the case it is about."""
    connection.execute(_ANSWER, {"delivery_id": delivery_id, "kind": kind.value, "text": text, "by": by})


def acknowledgements(connection: Connection, alert_id: str) -> tuple[Acknowledgement, ...]:
    """Who acknowledged any revision of an alert, in order."""
    rows = connection.execute(_ACKNOWLEDGED, {"alert_id": alert_id}).mappings()
    return tuple(_acknowledgement(row) for row in rows)


def answers(connection: Connection, alert_id: str, *, destination: str | None = None) -> tuple[Answer, ...]:
    """What was reported about an alert, in order: by all, or by one destination."""
    rows: Sequence[RowMapping] = (
        connection.execute(_ANSWERS, {"alert_id": alert_id, "destination": destination}).mappings().all()
    )
    return tuple(Answer(**{**row, "kind": AnswerKind(row["kind"])}) for row in rows)


def webhook_secret(connection: Connection, delivery_id: str) -> str | None:
    """The secret of the endpoint that a webhook went to; None when there is none."""
    return connection.execute(_OWNER, {"delivery_id": delivery_id}).scalar_one_or_none()


def _acknowledgement(row: RowMapping) -> Acknowledgement:
    return Acknowledgement(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        revision=row["revision"],
        destination=row["destination"],
        subscriber=row["subscriber"],
        country=row["country"],
        by=row["by"],
        way=Way(row["way"]),
        at=row["at"],
    )
