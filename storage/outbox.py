"""Outgoing events as rows: written with what caused them, planned by dispatch, published by the relay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, text

from storage.pipelining import send


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An event to send. `body` is JSON text; `event_id` says that a repeat is the same event."""

    event_id: UUID
    topic: str
    key: str | None
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored(Outgoing):
    """An outgoing event with its place in the order."""

    id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """Age of the oldest event that waits for the relay, 0 when none waits; how many are parked."""

    oldest_seconds: float
    parked: int


_ADD: Final = text("""
    INSERT INTO outbox (event_id, topic, key, body)
    SELECT event_id, topic, key, CAST(body AS jsonb)
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:bodies AS text[]))
         WITH ORDINALITY AS new (event_id, topic, key, body, place)
    ORDER BY place
    ON CONFLICT (event_id) DO NOTHING
""")

_UNPLANNED: Final = text("""
    SELECT id, event_id, topic, key, CAST(body AS text) AS body FROM outbox
    WHERE planned_at IS NULL AND topic = 'alert-events' ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""")

_UNPLANNED_OF: Final = text("""
    SELECT id, event_id, topic, key, CAST(body AS text) AS body FROM outbox
    WHERE planned_at IS NULL AND topic = 'alert-events' AND body ->> 'alert_id' = :alert_id ORDER BY id FOR UPDATE
""")

_UNPUBLISHED: Final = text("""
    SELECT id, event_id, topic, key, CAST(body AS text) AS body FROM outbox
    WHERE published_at IS NULL AND parked IS NULL ORDER BY id LIMIT :limit
""")

_MARK_PLANNED: Final = text("UPDATE outbox SET planned_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))")

_MARK_PUBLISHED: Final = text("UPDATE outbox SET published_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))")

_FORGET: Final = text("""
    DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[])) AND published_at IS NOT NULL
      AND (topic LIKE 'feedback-%' OR topic = 'delivery-receipts')
""")

_PARK: Final = text("UPDATE outbox SET parked = :reason WHERE id = :id")

_UNPARK: Final = text("UPDATE outbox SET parked = NULL WHERE published_at IS NULL AND parked IS NOT NULL")

_BACKLOG: Final = text("""
    SELECT coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE parked IS NULL)), 0) AS age,
           count(parked) AS parked
    FROM outbox WHERE published_at IS NULL
""")


def add(connection: Connection, rows: Sequence[Outgoing]) -> None:
    """Store events in this order; one already stored under the same `event_id` stays as it is."""
    if not rows:
        return
    send(
        connection,
        _ADD,
        {
            "event_ids": [row.event_id for row in rows],
            "topics": [row.topic for row in rows],
            "keys": [row.key for row in rows],
            "bodies": [row.body for row in rows],
        },
    )


def unplanned(connection: Connection, limit: int) -> tuple[Stored, ...]:
    """Alert events that dispatch has not planned, oldest first, locked so that two dispatchers never take one twice."""
    return _rows(connection, _UNPLANNED, limit)


def unplanned_of(connection: Connection, alert_id: str) -> tuple[Stored, ...]:
    """Those of one alert, oldest first, locked."""
    return _stored(connection.execute(_UNPLANNED_OF, {"alert_id": alert_id}))


def unpublished(connection: Connection, limit: int) -> tuple[Stored, ...]:
    """Events that the relay has not seen acknowledged by Kafka, oldest first."""
    return _rows(connection, _UNPUBLISHED, limit)


def mark_planned(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(_MARK_PLANNED, {"ids": list(ids)})


def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    """Kafka has them for good. Feedback and receipts are not kept beside it: they repeat what rows of reports and
    deliveries say."""
    connection.execute(_MARK_PUBLISHED, {"ids": list(ids)})
    connection.execute(_FORGET, {"ids": list(ids)})


def park(connection: Connection, number: int, *, reason: str) -> None:
    """Leave an event out of what is to be published, so that it does not block the others."""
    connection.execute(_PARK, {"id": number, "reason": reason})


def unpark(connection: Connection) -> int:
    """Let every parked event be tried once more; how many."""
    return connection.execute(_UNPARK).rowcount


def backlog(connection: Connection) -> Backlog:
    """What waits for the relay."""
    row = connection.execute(_BACKLOG).one()
    return Backlog(oldest_seconds=float(row.age), parked=row.parked)


def _rows(connection: Connection, query: TextClause, limit: int) -> tuple[Stored, ...]:
    return _stored(connection.execute(query, {"limit": limit}))


def _stored(found: Iterable[Row[tuple[object, ...]]]) -> tuple[Stored, ...]:
    return tuple(Stored(id=row.id, event_id=row.event_id, topic=row.topic, key=row.key, body=row.body) for row in found)
