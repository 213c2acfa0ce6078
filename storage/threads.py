"""Planning's half of the ledger: the thread of one alert as it stands, and what a plan makes of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryState, HoldReason
from schemas.plans import Hold, PlannedDelivery, Superseded, Thread, ThreadDelivery
from schemas.vocabularies import AlertKind, Tense
from storage import restrictions
from storage.receipts import receipts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldEvent:
    """An alert event that told nobody, for operators."""

    event_id: UUID
    alert_id: str | None
    revision: int | None
    reason: HoldReason
    sentence: str
    planned: int
    held_at: datetime


_ONE_DISPATCHER: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('tocsin dispatch', 0))")

_NOW: Final = text("SELECT now()")

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('tocsin alert ' || :alert_id, 0))")

_THREAD: Final = text("""
    SELECT t.tense, t.planned_revision - CASE WHEN EXISTS (
        SELECT FROM event_audiences a JOIN outbox o USING (event_id)
        WHERE a.alert_id = t.alert_id AND o.planned_at IS NULL) THEN 1 ELSE 0 END AS planned_revision
    FROM alert_threads t WHERE t.alert_id = :alert_id
""")
"""A revision that is planned for some of its recipients only is not planned yet."""

_DELIVERIES: Final = """
    SELECT delivery_id, destination_id AS destination, revision, purpose, state, attempts, priority, due_at, in_thread
    FROM deliveries WHERE alert_id = :alert_id
"""

_ALL: Final = text(f"{_DELIVERIES} ORDER BY delivery_id FOR UPDATE")

_OF_SOME: Final = text(f"""
    {_DELIVERIES} AND destination_id = ANY(CAST(:destinations AS text[])) ORDER BY delivery_id FOR UPDATE
""")

_SEEN: Final = text("""
    INSERT INTO alert_threads AS old (alert_id, tense, current_revision, handling, conditions, audience)
    VALUES (:alert_id, :tense, :revision, :handling, :conditions, :audience)
    ON CONFLICT (alert_id) DO UPDATE SET current_revision = excluded.current_revision, handling = excluded.handling,
      conditions = excluded.conditions, audience = excluded.audience, updated_at = now()
    WHERE old.current_revision < excluded.current_revision
""")

_PLANNED: Final = text("""
    UPDATE alert_threads SET planned_revision = :revision, cancelled = cancelled OR :cancelled, updated_at = now()
    WHERE alert_id = :alert_id
""")

_INSERT: Final = text("""
    INSERT INTO deliveries (delivery_id, event_id, alert_id, number, revision, kind, purpose, destination_id, channel,
      content, tense, level, priority, statutory, in_thread, state, reason, gates, subscriptions, due_at, decided_at)
    SELECT delivery_id, event_id, alert_id, number, revision, kind, purpose, destination, channel, content, tense,
      level, priority, statutory, in_thread, state, reason, gates, subscriptions, due_at, decided_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (delivery_id text, event_id uuid, alert_id text, number text,
      revision integer, kind text, purpose text, destination text, channel text, content text, tense text,
      level smallint, priority smallint, statutory boolean, in_thread boolean, state text, reason text, gates jsonb,
      subscriptions text[], due_at timestamptz, decided_at timestamptz)
    ON CONFLICT (delivery_id) DO NOTHING
""")

_SUPERSEDE: Final = text(f"""
    WITH ended AS (
    UPDATE deliveries d SET reason = new.reason, due_at = NULL, updated_at = now(),
      state = CASE WHEN d.state = 'unknown' THEN d.state ELSE 'superseded' END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (delivery_id text, reason text)
    WHERE d.delivery_id = new.delivery_id AND d.state IN ('planned', 'deferred', 'unknown')
    RETURNING d.*)
    {receipts_of("ended")}
""")

_HURRY: Final = text("""
    UPDATE deliveries SET due_at = now(), updated_at = now()
    WHERE alert_id = :alert_id AND revision < :revision AND state = 'deferred' AND due_at > now()
      AND destination_id = ANY(:destinations)
""")

_HOLD: Final = text("""
    INSERT INTO held_events (event_id, outbox_id, alert_id, revision, reason, sentence, planned)
    VALUES (:event_id, :outbox_id, :alert_id, :revision, :reason, :sentence, :planned)
    ON CONFLICT (event_id) DO NOTHING
""")

_HELD: Final = text("""
    SELECT event_id, alert_id, revision, reason, sentence, planned, held_at FROM held_events ORDER BY outbox_id
""")


def only_dispatcher(connection: Connection) -> bool:
    """Whether this transaction alone plans now, so that events are planned in the order of their ids."""
    return bool(connection.execute(_ONE_DISPATCHER).scalar_one())


def now(connection: Connection) -> datetime:
    """The time of this transaction on the database's clock: due times are compared with that clock alone."""
    found: datetime = connection.execute(_NOW).scalar_one()
    return found


def lock(connection: Connection, alert_id: str) -> None:
    """Hold the thread of one alert until the transaction ends. Whoever changes a thread takes this first."""
    connection.execute(_LOCK, {"alert_id": alert_id})


def load(connection: Connection, alert_id: str, destinations: Sequence[str] | None = None) -> Thread:
    """The thread so far, its deliveries (of these destinations) locked: no courier can begin one of them before the
    plan is committed."""
    found = connection.execute(_THREAD, {"alert_id": alert_id}).one_or_none()
    if destinations is None:
        rows = connection.execute(_ALL, {"alert_id": alert_id}).mappings()
    else:
        rows = connection.execute(_OF_SOME, {"alert_id": alert_id, "destinations": list(destinations)}).mappings()
    return Thread(
        alert_id=alert_id,
        tense=Tense(found.tense) if found else None,
        planned_revision=found.planned_revision if found else 0,
        disclosure=restrictions.state(connection, alert_id),
        deliveries=tuple(ThreadDelivery.model_validate(dict(row)) for row in rows),
    )


def seen(connection: Connection, event: AlertEvent) -> None:
    """Keep the handling of the newest revision, planned or held: the claim goes by it (P5)."""
    connection.execute(
        _SEEN,
        {
            "alert_id": event.alert_id,
            "tense": event.tense,
            "revision": event.revision,
            "handling": event.handling,
            "conditions": bool(event.use_conditions),
            "audience": event.audience,
        },
    )


def record(
    connection: Connection,
    event: AlertEvent,
    *,
    deliveries: Sequence[PlannedDelivery],
    superseded: Sequence[Superseded],
) -> None:
    """Write a plan. Earlier revisions that wait for another try at the same destinations get it now, before it."""
    if superseded:
        connection.execute(_SUPERSEDE, {"rows": _json(superseded)})
    add(connection, deliveries)
    sent = [each.destination for each in deliveries if each.state is DeliveryState.PLANNED]
    if sent and event.revision > 1:
        thread = {"alert_id": event.alert_id, "revision": event.revision}
        connection.execute(_HURRY, {**thread, "destinations": sent})
    restrictions.note(connection, event, deliveries)
    connection.execute(
        _PLANNED,
        {
            "alert_id": event.alert_id,
            "revision": event.revision,
            "cancelled": event.kind is AlertKind.CANCELLED,
        },
    )


def add(connection: Connection, deliveries: Sequence[PlannedDelivery]) -> None:
    """Write deliveries of a revision that is planned already; one that is there stays as it is."""
    if deliveries:
        connection.execute(_INSERT, {"rows": _json(deliveries)})


def hold(connection: Connection, event: AlertEvent | None, hold: Hold, *, event_id: UUID, outbox_id: int) -> None:
    """Keep that an event told nobody, and why, until a person has looked."""
    connection.execute(
        _HOLD,
        {
            "event_id": event_id,
            "outbox_id": outbox_id,
            "alert_id": event.alert_id if event else None,
            "revision": event.revision if event else None,
            "reason": hold.reason,
            "sentence": hold.sentence,
            "planned": hold.planned,
        },
    )


def held(connection: Connection) -> tuple[HeldEvent, ...]:
    """All held events, oldest first."""
    rows = connection.execute(_HELD).mappings()
    return tuple(HeldEvent(**{**row, "reason": HoldReason(row["reason"])}) for row in rows)


def _json(rows: Iterable[PlannedDelivery | Superseded]) -> str:
    return json.dumps([row.model_dump(mode="json") for row in rows])
