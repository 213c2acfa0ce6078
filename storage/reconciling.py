"""What an authority should have and does not: every L3 and L4 at every statutory destination has an outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text


class Gap(StrEnum):
    """Why an authority may not know. `missing`: no delivery at all; `unknown`: sent twice, and no answer to either."""

    MISSING = "missing"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    HELD = "held"
    UNPLANNED = "unplanned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """One revision that one destination should have; for an event that was not planned, `destination` is empty."""

    gap: Gap
    alert_id: str
    number: str
    revision: int
    destination: str
    subscriber: str
    delivery_id: str | None
    reason: str | None


DAYS: Final = 30
PLANNED_WITHIN: Final = 300
"""Seconds in which dispatch plans what the worker decided; then somebody must look."""

_ALONE: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('tocsin reconciliation', 0))")

_GAPS: Final = text(f"""
    WITH events AS (
      SELECT o.event_id, o.planned_at, o.created_at, o.body ->> 'alert_id' AS alert_id, o.body ->> 'number' AS number,
             (o.body ->> 'revision')::integer AS revision
      FROM outbox o
      WHERE o.topic = 'alert-events' AND o.created_at > now() - make_interval(days => {DAYS})
        AND o.body ->> 'level' IN ('3', '4') AND o.body ->> 'tense' IN ('actual', 'exercise')
        AND o.body ->> 'kind' <> 'cancelled'),
    owed AS (
      SELECT DISTINCT e.event_id, e.alert_id, e.number, e.revision, t.id AS destination, t.subscriber_id AS subscriber
      FROM events e
      JOIN alert_threads a ON a.alert_id = e.alert_id AND a.planned_revision = e.revision AND NOT a.cancelled
      JOIN subscriptions u ON u.ground = 'statutory' AND u.active
      JOIN subscription_destinations l ON l.subscription_id = u.id AND l.linked_at < e.created_at
      JOIN destinations t ON t.id = l.destination_id AND t.active AND t.role = 'contact'
      JOIN subscribers s ON s.id = t.subscriber_id AND s.active
      WHERE e.planned_at IS NOT NULL),
    judged AS (
      SELECT o.*, d.delivery_id, d.reason, CASE
          WHEN d.delivery_id IS NULL THEN 'missing'
          WHEN d.state = 'failed' THEN 'failed'
          WHEN d.state = 'unknown' AND d.due_at IS NULL THEN 'unknown'
          WHEN d.state IN ('planned', 'deferred') AND d.due_at IS NULL THEN 'missing'
          WHEN d.state = 'suppressed' AND d.reason NOT IN ('handling', 'use_conditions', 'not_precursor_audience',
            'more_restricted', 'exercise_not_opted_in', 'recording_only', 'for_escalation') THEN 'suppressed'
        END AS gap
      FROM owed o LEFT JOIN deliveries d ON d.alert_id = o.alert_id AND d.revision = o.revision
        AND d.destination_id = o.destination AND d.purpose <> 'escalation')
    SELECT gap, alert_id, number, revision, destination, subscriber, delivery_id, reason
    FROM judged WHERE gap IS NOT NULL
    UNION ALL
    SELECT CASE WHEN h.event_id IS NULL THEN 'unplanned' ELSE 'held' END, e.alert_id, e.number, e.revision, '', '',
           NULL, h.reason
    FROM events e
    LEFT JOIN held_events h ON h.event_id = e.event_id AND h.released_at IS NULL
    LEFT JOIN alert_threads a ON a.alert_id = e.alert_id
    WHERE coalesce(a.planned_revision, 0) < e.revision
      AND (h.event_id IS NOT NULL
        OR e.planned_at IS NULL AND e.created_at < clock_timestamp() - make_interval(secs => {PLANNED_WITHIN}))
    ORDER BY alert_id, revision, destination
""")
"""What P5 and P6 keep from a destination is no gap: it has its reason. An older revision is none either: the newest
replaces it."""


_KEEP: Final = text("""
    WITH found AS (
      SELECT * FROM unnest(CAST(:gaps AS text[]), CAST(:alerts AS text[]), CAST(:revisions AS integer[]),
        CAST(:destinations AS text[])) AS f (gap, alert_id, revision, destination_id)),
    closed AS (
      DELETE FROM reconciliation_findings k WHERE NOT EXISTS (SELECT FROM found f
        WHERE f.alert_id = k.alert_id AND f.revision = k.revision AND f.destination_id = k.destination_id
          AND f.gap = k.gap))
    INSERT INTO reconciliation_findings (gap, alert_id, revision, destination_id)
    SELECT DISTINCT gap, alert_id, revision, destination_id FROM found
    ON CONFLICT DO NOTHING RETURNING gap, alert_id, revision, destination_id
""")


def alone(connection: Connection) -> bool:
    """Whether this transaction alone reconciles now."""
    return bool(connection.execute(_ALONE).scalar_one())


def gaps(connection: Connection) -> tuple[Owed, ...]:
    """Everything that is neither accepted nor pending with a due time."""
    return tuple(Owed(**{**row, "gap": Gap(row["gap"])}) for row in connection.execute(_GAPS).mappings())


def not_found_before(connection: Connection, found: Sequence[Owed]) -> tuple[Owed, ...]:
    """Those of these gaps that the look before did not find; from now on they are known, and closed ones are not."""
    values = {
        "gaps": [one.gap.value for one in found],
        "alerts": [one.alert_id for one in found],
        "revisions": [one.revision for one in found],
        "destinations": [one.destination for one in found],
    }
    new = {tuple(row) for row in connection.execute(_KEEP, values)}
    return tuple(one for one in found if (one.gap.value, one.alert_id, one.revision, one.destination) in new)
