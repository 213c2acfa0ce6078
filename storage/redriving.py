"""What a person has tried again: failed and unanswered deliveries, under their own ids: receivers know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """A delivery that may be tried again."""

    delivery_id: str
    number: str
    revision: int
    level: int
    subscriber: str
    address: str
    state: str
    reason: str
    attempts: int


_CANDIDATES: Final = text("""
    SELECT d.delivery_id, d.number, d.revision, d.level, t.subscriber_id AS subscriber, t.address, d.state, d.reason,
           d.attempts
    FROM deliveries d
    JOIN destinations t ON t.id = d.destination_id AND t.suppressed IS NULL
    JOIN subscribers s ON s.id = t.subscriber_id
    JOIN alert_threads a ON a.alert_id = d.alert_id
    WHERE (d.state = 'failed' OR d.state = 'unknown' AND d.due_at IS NULL)
      AND (t.active AND s.active AND NOT a.cancelled OR d.purpose = 'cancel')
      AND (CAST(:since AS timestamptz) IS NULL OR d.updated_at >= :since)
      AND (CAST(:delivery_id AS text) IS NULL OR d.delivery_id = :delivery_id)
      AND NOT EXISTS (SELECT FROM deliveries o WHERE o.alert_id = d.alert_id AND o.destination_id = d.destination_id
        AND o.revision > d.revision AND o.state NOT IN ('failed', 'suppressed', 'superseded', 'expired'))
    ORDER BY d.priority, d.planned_at, d.delivery_id FOR UPDATE OF d
""")
"""Not what a newer revision has overtaken, not where an address is lost, nothing of a withdrawn alert but its
withdrawal."""

_AGAIN: Final = text("""
    UPDATE deliveries SET state = 'deferred', due_at = clock_timestamp(), schedule_from = attempts,
      updated_at = clock_timestamp()
    WHERE delivery_id = ANY(:ids)
""")

_NOTE: Final = text("""
    INSERT INTO redrives (delivery_id, by, reason) SELECT id, :by, :reason FROM unnest(CAST(:ids AS text[])) AS r (id)
""")


def candidates(
    connection: Connection, *, since: datetime | None = None, delivery_id: str | None = None
) -> tuple[Again, ...]:
    """What came to nothing since then, most urgent first, locked; or that one delivery if it did."""
    rows = connection.execute(_CANDIDATES, {"since": since, "delivery_id": delivery_id}).mappings()
    return tuple(Again(**row) for row in rows)


def redrive(connection: Connection, wanted: Sequence[Again], *, by: str, reason: str) -> None:
    """Due now, with the whole schedule before them again. The ids stay."""
    ids = [one.delivery_id for one in wanted]
    connection.execute(_AGAIN, {"ids": ids})
    connection.execute(_NOTE, {"ids": ids, "by": by, "reason": reason})
