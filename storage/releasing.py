"""What people release: an alert to the public of a country, and a held event that reaches more than the limit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.deliveries import HoldReason

NEEDED: Final = 2
"""So many people must want that more are told than the limit allows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAlert:
    """A held event of an alert, who approved it so far, and whether it is too late for it."""

    event_id: UUID
    outbox_id: int
    reason: HoldReason
    sentence: str
    planned: int
    approved_by: tuple[str, ...]
    released: bool
    overtaken: bool


_RELEASE: Final = text("""
    INSERT INTO public_releases (alert_id, revision, country, actor, reason, at)
    VALUES (:alert_id, :revision, :country, :by, :reason, :at) ON CONFLICT DO NOTHING
""")

_LOG: Final = text("""
    INSERT INTO case_log (case_id, at, actor, action, reason, level_before, level_after, rules, rule_set)
    SELECT id, :at, :by, :action, :reason, level, level, '{}', '' FROM cases WHERE id = :case_id
""")

_RELEASED: Final = text("""
    SELECT revision, country FROM public_releases WHERE alert_id = :alert_id ORDER BY revision, country
""")

_HELD: Final = text("""
    SELECT h.event_id, h.outbox_id, h.reason, h.sentence, h.planned, h.released_at IS NOT NULL AS released,
           coalesce(t.planned_revision >= h.revision, false) AS overtaken,
           ARRAY(SELECT actor FROM held_approvals a WHERE a.event_id = h.event_id ORDER BY at) AS approved_by
    FROM held_events h LEFT JOIN alert_threads t USING (alert_id)
    WHERE h.alert_id = :alert_id ORDER BY h.outbox_id DESC LIMIT 1 FOR UPDATE OF h
""")

_APPROVE: Final = text("""
    INSERT INTO held_approvals (event_id, actor, reason) VALUES (:event_id, :by, :reason) ON CONFLICT DO NOTHING
""")

_LET_GO: Final = text("""
    WITH released AS (UPDATE held_events SET released_at = now() WHERE event_id = :event_id)
    UPDATE outbox SET planned_at = NULL WHERE id = :outbox_id
""")

_IS_RELEASED: Final = text("""
    SELECT EXISTS (SELECT FROM held_events WHERE event_id = :event_id AND released_at IS NOT NULL)
""")


def release(
    connection: Connection, *, alert_id: str, revision: int, country: str, by: str, reason: str, at: datetime
) -> bool:
    """Let the public of a country see a revision; False when it was released there already."""
    values = {"alert_id": alert_id, "revision": revision, "country": country, "by": by, "reason": reason, "at": at}
    return bool(connection.execute(_RELEASE, values).rowcount)


def releases(connection: Connection, alert_id: str) -> tuple[tuple[int, str], ...]:
    """Which revision was released in which country."""
    return tuple((row.revision, row.country) for row in connection.execute(_RELEASED, {"alert_id": alert_id}))


def log(connection: Connection, *, case_id: str, action: str, by: str, reason: str, at: datetime) -> None:
    """A line of the case log about something that changes nothing of the case itself."""
    values = {"case_id": case_id, "action": action, "by": by, "reason": reason, "at": at}
    connection.execute(_LOG, values)


def held(connection: Connection, alert_id: str) -> HeldAlert | None:
    """The latest held event of an alert, locked; None when none was ever held."""
    row = connection.execute(_HELD, {"alert_id": alert_id}).mappings().one_or_none()
    if row is None:
        return None
    return HeldAlert(**{**row, "reason": HoldReason(row["reason"]), "approved_by": tuple(row["approved_by"])})


def approve(connection: Connection, wanted: HeldAlert, *, by: str, reason: str) -> bool:
    """Keep that a person approves it; True when that makes enough different ones, and dispatch plans it anew."""
    connection.execute(_APPROVE, {"event_id": wanted.event_id, "by": by, "reason": reason})
    if len({*wanted.approved_by, by}) < NEEDED:
        return False
    connection.execute(_LET_GO, {"event_id": wanted.event_id, "outbox_id": wanted.outbox_id})
    return True


def is_released(connection: Connection, event_id: UUID) -> bool:
    """Whether enough people approved that an event is told to more than the limit."""
    return bool(connection.execute(_IS_RELEASED, {"event_id": event_id}).scalar_one())
