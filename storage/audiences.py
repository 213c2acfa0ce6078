"""The recipients of an event that is planned in portions: who they are is decided once, before the first is told.

A row is there between the first portion and the last. Whoever plans next, after a crash or in another process, goes on
behind the last committed portion.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

_EVERYBODY: Final = text("""
    SELECT d.id FROM destinations d
    LEFT JOIN (SELECT DISTINCT l.destination_id FROM subscriptions u
      JOIN subscription_destinations l ON l.subscription_id = u.id WHERE u.active AND u.ground = 'statutory') s
      ON s.destination_id = d.id
    ORDER BY s.destination_id IS NULL, d.id
""")

_BEGIN: Final = text("""
    INSERT INTO event_audiences (event_id, alert_id, destinations, done)
    VALUES (:event_id, :alert_id, CAST(:destinations AS text[]), :done)
""")

_BEGUN: Final = text("SELECT event_id FROM event_audiences")

_LEFT: Final = text("SELECT destinations[done + 1:] FROM event_audiences WHERE event_id = :event_id")

_WAITING: Final = text("SELECT unnest(destinations[done + 1:]) FROM event_audiences WHERE alert_id = :alert_id")

_ADVANCE: Final = text("UPDATE event_audiences SET done = done + :more WHERE event_id = :event_id")

_END: Final = text("DELETE FROM event_audiences WHERE event_id = ANY(CAST(:event_ids AS uuid[]))")


def everybody(connection: Connection) -> tuple[str, ...]:
    """Every destination, in the order in which they are told: those that must be, then the others."""
    return tuple(connection.execute(_EVERYBODY).scalars())


def begin(connection: Connection, event_id: UUID, alert_id: str, destinations: Sequence[str], *, done: int) -> None:
    """Keep who is told of an event, of whom the first `done` are planned in this transaction."""
    values = {"event_id": event_id, "alert_id": alert_id, "destinations": list(destinations), "done": done}
    connection.execute(_BEGIN, values)


def begun(connection: Connection) -> frozenset[UUID]:
    """The events of which a part is planned."""
    return frozenset(connection.execute(_BEGUN).scalars())


def left(connection: Connection, event_id: UUID) -> tuple[str, ...]:
    """Who is still to be planned, in order."""
    return tuple(connection.execute(_LEFT, {"event_id": event_id}).scalar_one())


def waiting(connection: Connection, alert_id: str) -> frozenset[str]:
    """Who is still to be planned of whatever is begun of this alert: they hear of it by themselves."""
    return frozenset(connection.execute(_WAITING, {"alert_id": alert_id}).scalars())


def advance(connection: Connection, event_id: UUID, more: int) -> None:
    """So many more are planned in this transaction."""
    connection.execute(_ADVANCE, {"event_id": event_id, "more": more})


def end(connection: Connection, event_ids: Sequence[UUID]) -> None:
    """All of them are planned."""
    connection.execute(_END, {"event_ids": list(event_ids)})
