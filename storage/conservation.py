"""Does each stage pass on all that it took in? Alerts and their events, events and deliveries, cases and grades.

Set-based and in the database: what comes back is one row for each kind of disagreement and tense.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, text

from storage.engine import looking


class EventFate(StrEnum):
    """What became of an alert event. Unexplained: planned, but nobody has a row and no reason is kept."""

    UNPLANNED = "unplanned"
    PLANNED = "planned"
    HELD = "held"
    OUTDATED = "outdated"
    NOBODY = "nobody"
    UNEXPLAINED = "unexplained"


class Imbalance(StrEnum):
    """How what was decided, what was said and who was told can disagree."""

    ALERT_WITHOUT_EVENT = "alert_without_event"
    EVENT_WITHOUT_ALERT = "event_without_alert"
    ALERT_SAID_TWICE = "alert_said_twice"
    EVENT_DIFFERS = "event_differs"
    UNTOLD = "untold"
    STATUTORY_UNTOLD = "statutory_untold"
    RETRACTION_UNTOLD = "retraction_untold"
    DELIVERY_WITHOUT_EVENT = "delivery_without_event"
    ATTEMPTS = "attempts"
    CASE_LEVEL = "case_level"
    GRADES_WITHOUT_CASE = "grades_without_case"


SENTENCES: Final[Mapping[Imbalance, str]] = {
    Imbalance.ALERT_WITHOUT_EVENT: "alert revisions have no event in the outbox: nobody can be told of them",
    Imbalance.EVENT_WITHOUT_ALERT: "alert events in the outbox belong to no alert revision",
    Imbalance.ALERT_SAID_TWICE: "alert revisions have more than one event in the outbox",
    Imbalance.EVENT_DIFFERS: "events in the outbox say something else than their alert revisions",
    Imbalance.UNTOLD: "recipients who were subscribed have no delivery, not even a suppressed one, of planned events",
    Imbalance.STATUTORY_UNTOLD: "statutory destinations have no delivery of planned events of L3 or L4",
    Imbalance.RETRACTION_UNTOLD: "destinations that were told an alert have no delivery of its cancellation",
    Imbalance.DELIVERY_WITHOUT_EVENT: "deliveries speak of an event that is not there or not planned",
    Imbalance.ATTEMPTS: "deliveries count other attempts than are kept",
    Imbalance.CASE_LEVEL: "cases have another level than their highest grade",
    Imbalance.GRADES_WITHOUT_CASE: "grades are kept of cases that are not there",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Imbalanced:
    """One kind of disagreement in one tense: how often, and the first few names."""

    imbalance: Imbalance
    tense: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Relayed:
    """Outgoing messages of one kind: on Kafka, waiting for the relay, parked because Kafka refuses them."""

    published: int
    waiting: int
    parked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """What there is, by tense: alert revisions, events by fate, deliveries by state, cases; and by topic what the
    relay did. Feedback is one kind, and is not kept once it is published."""

    alerts: Mapping[str, int]
    events: Mapping[tuple[str, EventFate], int]
    deliveries: Mapping[tuple[str, str], int]
    cases: Mapping[str, int]
    relay: Mapping[str, Relayed]


_EVENTS: Final = """
    SELECT o.id, o.event_id, o.body, o.planned_at, coalesce(o.body ->> 'tense', 'unreadable') AS tense,
           o.body ->> 'alert_id' AS alert_id, o.body ->> 'kind' AS kind,
           CASE jsonb_typeof(o.body -> 'revision') WHEN 'number' THEN (o.body ->> 'revision')::numeric END AS revision,
           CASE jsonb_typeof(o.body -> 'level') WHEN 'number' THEN (o.body ->> 'level')::numeric END AS level
    FROM outbox AS o WHERE o.topic = 'alert-events'
"""

_HELD: Final = "EXISTS (SELECT FROM held_events AS h WHERE h.event_id = e.event_id)"

_OUTDATED: Final = """EXISTS (SELECT FROM outbox AS n
      WHERE n.topic = 'alert-events' AND n.body ->> 'alert_id' = e.alert_id AND n.id <> e.id
        AND n.planned_at <= e.planned_at AND (n.body ->> 'revision')::numeric >= e.revision)"""
"""By alert id: an index of the outbox that holds alert events only."""

_SUBSCRIBED: Final = """
    SELECT l.destination_id, u.ground, greatest(u.updated_at, l.linked_at) AS since
    FROM subscriptions AS u JOIN subscription_destinations AS l ON l.subscription_id = u.id WHERE u.active
"""

_IN_TIME: Final = "interval '10 seconds'"
"""An import that was not committed yet when an event was planned is no fault of the plan."""

_FATES: Final = text(f"""
    SELECT e.tense, CASE
        WHEN e.planned_at IS NULL THEN 'unplanned'
        WHEN {_HELD} THEN 'held'
        WHEN EXISTS (SELECT FROM deliveries AS d WHERE d.event_id = e.event_id) THEN 'planned'
        WHEN {_OUTDATED} THEN 'outdated'
        WHEN e.kind = 'cancelled' OR NOT EXISTS (
            SELECT FROM ({_SUBSCRIBED}) AS s WHERE s.since < e.planned_at - {_IN_TIME}) THEN 'nobody'
        ELSE 'unexplained' END AS fate, count(*) AS number
    FROM ({_EVENTS}) AS e GROUP BY 1, 2
""")

_COUNTS: Final[Mapping[str, TextClause]] = {
    "alerts": text("SELECT tense, count(*) AS number FROM alerts GROUP BY 1"),
    "cases": text("SELECT ledger AS tense, count(*) AS number FROM cases GROUP BY 1"),
}

_RELAY: Final = text("""
    SELECT CASE WHEN topic LIKE 'feedback-%' THEN 'feedback' ELSE topic END AS kind,
           count(published_at) AS published,
           count(*) FILTER (WHERE published_at IS NULL AND parked IS NULL) AS waiting,
           count(*) FILTER (WHERE published_at IS NULL AND parked IS NOT NULL) AS parked
    FROM outbox WHERE topic <> 'letters' GROUP BY 1 ORDER BY 1
""")

_STATES: Final = text("SELECT tense, state, count(*) AS number FROM deliveries GROUP BY 1, 2")


def _untold(which: str) -> str:
    return f"""
        SELECT e.tense, e.event_id || ' at ' || s.destination_id AS name
        FROM ({_EVENTS}) AS e
        JOIN (SELECT destination_id, bool_or(ground = 'statutory') AS statutory, min(since) AS since,
                     min(since) FILTER (WHERE ground = 'statutory') AS duty
              FROM ({_SUBSCRIBED}) AS all_of_them GROUP BY destination_id) AS s ON {which}
        WHERE e.kind IS DISTINCT FROM 'cancelled' AND e.planned_at IS NOT NULL AND NOT {_HELD} AND NOT {_OUTDATED}
          AND NOT EXISTS (SELECT FROM deliveries AS d
                          WHERE d.event_id = e.event_id AND d.destination_id = s.destination_id)
    """


_DUTY: Final = f"(e.level >= 3 AND s.statutory AND s.duty < e.planned_at - {_IN_TIME})"
_WISH: Final = f"s.since < e.planned_at - {_IN_TIME}"

_CHECKS: Final[Mapping[Imbalance, str]] = {
    Imbalance.ALERT_WITHOUT_EVENT: f"""
        SELECT a.tense, a.number || ' revision ' || a.revision AS name
        FROM alerts AS a LEFT JOIN ({_EVENTS}) AS e ON e.alert_id = a.alert_id AND e.revision = a.revision
        WHERE e.id IS NULL
    """,
    Imbalance.EVENT_WITHOUT_ALERT: f"""
        SELECT e.tense, e.event_id::text AS name
        FROM ({_EVENTS}) AS e LEFT JOIN alerts AS a ON a.alert_id = e.alert_id AND a.revision = e.revision
        WHERE a.alert_id IS NULL
    """,
    Imbalance.ALERT_SAID_TWICE: f"""
        SELECT e.tense, e.alert_id || ' revision ' || e.revision AS name
        FROM ({_EVENTS}) AS e WHERE e.revision IS NOT NULL GROUP BY e.tense, e.alert_id, e.revision HAVING count(*) > 1
    """,
    Imbalance.EVENT_DIFFERS: f"""
        SELECT a.tense, a.number || ' revision ' || a.revision AS name
        FROM alerts AS a JOIN ({_EVENTS}) AS e ON e.alert_id = a.alert_id AND e.revision = a.revision
        WHERE e.body IS DISTINCT FROM a.body
    """,
    Imbalance.UNTOLD: _untold(f"{_WISH} AND NOT coalesce({_DUTY}, false)"),
    Imbalance.STATUTORY_UNTOLD: _untold(_DUTY),
    Imbalance.RETRACTION_UNTOLD: f"""
        SELECT DISTINCT e.tense, e.event_id || ' at ' || d.destination_id AS name
        FROM ({_EVENTS}) AS e JOIN deliveries AS d ON d.alert_id = e.alert_id
        WHERE e.kind = 'cancelled' AND e.planned_at IS NOT NULL AND NOT {_HELD} AND NOT {_OUTDATED}
          AND d.in_thread AND d.attempts > 0 AND d.purpose <> 'cancel' AND d.planned_at < e.planned_at
          AND NOT EXISTS (SELECT FROM deliveries AS c WHERE c.alert_id = d.alert_id
                            AND c.destination_id = d.destination_id AND c.purpose = 'cancel')
    """,
    Imbalance.DELIVERY_WITHOUT_EVENT: """
        SELECT d.tense, d.delivery_id AS name FROM deliveries AS d LEFT JOIN outbox AS o ON o.event_id = d.event_id
        WHERE o.planned_at IS NULL AND NOT EXISTS (SELECT FROM event_audiences AS a WHERE a.event_id = d.event_id)
    """,
    Imbalance.ATTEMPTS: """
        SELECT d.tense, d.delivery_id AS name
        FROM deliveries AS d LEFT JOIN (SELECT delivery_id, count(*) AS number FROM attempts GROUP BY 1) AS a
          ON a.delivery_id = d.delivery_id
        WHERE d.attempts <> coalesce(a.number, 0)
    """,
    Imbalance.CASE_LEVEL: """
        SELECT c.ledger AS tense, c.id AS name
        FROM cases AS c LEFT JOIN (SELECT case_id, max(level) AS level FROM case_grades GROUP BY 1) AS g
          ON g.case_id = c.id
        WHERE c.level <> CASE c.state WHEN 'retracted' THEN 0 ELSE coalesce(g.level, 0) END
    """,
    Imbalance.GRADES_WITHOUT_CASE: """
        SELECT DISTINCT 'unknown' AS tense, g.case_id AS name
        FROM case_grades AS g LEFT JOIN cases AS c ON c.id = g.case_id WHERE c.id IS NULL
    """,
}

_ASK: Final = """
    SELECT found.tense, count(*) AS number, (array_agg(found.name ORDER BY found.name))[1:5] AS examples
    FROM ({check}) AS found GROUP BY found.tense ORDER BY found.tense
"""

_QUERIES: Final = {imbalance: text(_ASK.format(check=check)) for imbalance, check in _CHECKS.items()}

PASSED_ON: Final = (
    Imbalance.ALERT_WITHOUT_EVENT,
    Imbalance.EVENT_WITHOUT_ALERT,
    Imbalance.ALERT_SAID_TWICE,
    Imbalance.DELIVERY_WITHOUT_EVENT,
    Imbalance.CASE_LEVEL,
)
"""What is cheap enough to be asked every minute."""


def read(engine: Engine) -> tuple[Stages, tuple[Imbalanced, ...]]:
    """Stages and everything that disagrees, as they are at one moment."""
    with looking(engine) as connection:
        return stages(connection), imbalances(connection)


def imbalances(connection: Connection, asked: Sequence[Imbalance] = tuple(Imbalance)) -> tuple[Imbalanced, ...]:
    """Everything that disagrees; empty when it adds up."""
    return tuple(
        Imbalanced(imbalance=one, tense=row.tense, count=row.number, examples=tuple(row.examples))
        for one in asked
        for row in connection.execute(_QUERIES[one])
    )


def stages(connection: Connection) -> Stages:
    """How much there is at each stage, and what became of it."""
    return Stages(
        alerts={row.tense: row.number for row in connection.execute(_COUNTS["alerts"])},
        events={(row.tense, EventFate(row.fate)): row.number for row in connection.execute(_FATES)},
        deliveries={(row.tense, row.state): row.number for row in connection.execute(_STATES)},
        cases={row.tense: row.number for row in connection.execute(_COUNTS["cases"])},
        relay={
            row.kind: Relayed(published=row.published, waiting=row.waiting, parked=row.parked)
            for row in connection.execute(_RELAY)
        },
    )
