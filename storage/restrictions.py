"""Threads that became more restricted than what was told: the queue of the reviewers, and what they decide."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryReason
from schemas.plans import Disclosure, PlannedDelivery


@dataclass(frozen=True, kw_only=True, slots=True)
class Restricted:
    """A thread of which readers lost sight. `waiting`: destinations that were told and are told nothing now."""

    alert_id: str
    number: str
    case_id: str
    revision: int
    since: datetime
    waiting: int
    decision: Disclosure | None
    by: str | None
    reason: str | None


_STATE: Final = text("""
    SELECT coalesce(decision, 'undecided') FROM restricted_threads WHERE alert_id = :alert_id
    ORDER BY revision DESC LIMIT 1
""")

_OPEN: Final = text("""
    INSERT INTO restricted_threads (alert_id, revision) VALUES (:alert_id, :revision) ON CONFLICT DO NOTHING
""")

_QUEUE: Final = text("""
    SELECT r.alert_id, c.number, c.id AS case_id, r.revision, r.since, r.decision, r.actor AS by, r.reason,
      (SELECT count(DISTINCT d.destination_id) FROM deliveries d WHERE d.alert_id = r.alert_id
         AND d.state = 'suppressed' AND d.reason = 'more_restricted') AS waiting
    FROM restricted_threads r JOIN cases c USING (alert_id)
    WHERE (:decided OR r.decision IS NULL) AND (CAST(:alert_id AS text) IS NULL OR r.alert_id = :alert_id)
    ORDER BY r.since, r.alert_id
""")

_DECIDE: Final = text("""
    UPDATE restricted_threads SET decision = :decision, actor = :by, reason = :reason, at = :at
    WHERE alert_id = :alert_id AND decision IS NULL
""")

_LET_KNOW: Final = text("""
    UPDATE deliveries d SET state = 'planned', reason = 'in_thread', content = 'bare', in_thread = true, due_at = now(),
      updated_at = now()
    WHERE d.alert_id = :alert_id AND d.state = 'suppressed' AND d.reason = 'more_restricted' AND d.revision = (
      SELECT max(o.revision) FROM deliveries o
      WHERE (o.alert_id, o.destination_id) = (d.alert_id, d.destination_id))
""")


def state(connection: Connection, alert_id: str) -> Disclosure:
    """How it stands with readers who lost sight of a thread."""
    found = connection.execute(_STATE, {"alert_id": alert_id}).scalar_one_or_none()
    return Disclosure.OPEN if found is None else Disclosure(found)


def note(connection: Connection, event: AlertEvent, deliveries: Iterable[PlannedDelivery]) -> None:
    """Put the thread into the queue if somebody was told nothing because of this revision; once until decided."""
    if any(each.reason is DeliveryReason.MORE_RESTRICTED for each in deliveries):
        connection.execute(_OPEN, {"alert_id": event.alert_id, "revision": event.revision})


def queue(connection: Connection, *, decided: bool, alert_id: str | None = None) -> tuple[Restricted, ...]:
    """What waits for a reviewer, oldest first; with what was decided, when `decided`."""
    rows = connection.execute(_QUEUE, {"decided": decided, "alert_id": alert_id}).mappings()
    return tuple(
        Restricted(**{**row, "decision": Disclosure(row["decision"]) if row["decision"] else None}) for row in rows
    )


def decide(
    connection: Connection, alert_id: str, decision: Disclosure, *, by: str, reason: str, at: datetime
) -> int | None:
    """Keep the decision; how many readers are told at once that something waits. None: nothing was to be decided.
    Take the lock of the thread first."""
    values = {"alert_id": alert_id, "decision": decision, "by": by, "reason": reason, "at": at}
    if not connection.execute(_DECIDE, values).rowcount:
        return None
    if decision is not Disclosure.RELEASED:
        return 0
    return connection.execute(_LET_KNOW, {"alert_id": alert_id}).rowcount
