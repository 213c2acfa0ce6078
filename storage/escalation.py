"""Steps of escalation as rows: begun with a plan, claimed in the transaction of their effect, ended by an answer.

Whoever changes the steps of an alert holds its thread (`threads.lock`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Role
from schemas.vocabularies import AlertKind, Change, Level

ENDINGS: Final = frozenset({AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED})
RISES: Final = frozenset({AlertKind.RAISED, AlertKind.ESCALATED})


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyStep:
    """Which roles are told how long after the alert, when nobody of the authority acknowledged."""

    level: Level
    step: int
    after: timedelta
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of one authority that is due."""

    alert_id: str
    subscriber: str
    revision: int
    step: int
    level: Level
    roles: tuple[Role, ...]
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A step as people look at it: `state` waiting, fired or ended; `reason` and `by` say what ended it; `told` is how
    many deliveries it planned."""

    subscriber: str
    revision: int
    step: int
    level: int
    roles: tuple[str, ...]
    due_at: datetime
    state: str
    reason: str | None
    by: str | None
    told: int | None
    ended_at: datetime | None


_END: Final = text("""
    UPDATE escalation_steps SET state = 'ended', reason = :reason, ended_at = clock_timestamp()
    WHERE alert_id = :alert_id AND state = 'waiting' AND level IS DISTINCT FROM CAST(:level AS smallint)
""")

_BEGIN: Final = text("""
    INSERT INTO escalation_steps (alert_id, subscriber_id, revision, step, level, roles, due_at)
    SELECT :alert_id, s.id, :revision, p.step, p.level, p.roles, now() + make_interval(secs => p.after_seconds)
    FROM escalation_policy p CROSS JOIN unnest(CAST(:subscribers AS text[])) AS s (id)
    WHERE p.level = :level
      AND NOT EXISTS (SELECT FROM escalation_steps e WHERE e.alert_id = :alert_id AND e.subscriber_id = s.id
        AND e.level = p.level AND (e.state = 'waiting' OR NOT :rises))
      AND (:rises OR NOT EXISTS (SELECT FROM acknowledgements k JOIN destinations t ON t.id = k.destination_id
        WHERE k.alert_id = :alert_id AND t.subscriber_id = s.id))
    ON CONFLICT DO NOTHING
""")

_DUE: Final = text("""
    SELECT alert_id, subscriber_id AS subscriber, revision, step, level, roles, due_at FROM escalation_steps
    WHERE state = 'waiting' AND due_at <= clock_timestamp() ORDER BY due_at, alert_id, subscriber_id, step LIMIT :limit
""")

_CLAIM: Final = text("""
    UPDATE escalation_steps SET state = 'fired', ended_at = clock_timestamp()
    WHERE alert_id = :alert_id AND subscriber_id = :subscriber AND revision = :revision AND step = :step
      AND state = 'waiting' RETURNING step
""")

_TOLD: Final = text("""
    UPDATE escalation_steps SET told = :told
    WHERE alert_id = :alert_id AND subscriber_id = :subscriber AND revision = :revision AND step = :step
""")

_CURRENT: Final = text("""
    SELECT CAST(o.body AS text) FROM alert_threads a JOIN outbox o
      ON o.topic = 'alert-events' AND o.body ->> 'alert_id' = a.alert_id
      AND (o.body ->> 'revision')::integer = a.planned_revision
    WHERE a.alert_id = :alert_id
""")

_SHOWN: Final = text("""
    SELECT subscriber_id AS subscriber, revision, step, level, roles, due_at, state, reason, by, told, ended_at
    FROM escalation_steps
    WHERE alert_id = :alert_id AND (CAST(:subscriber AS text) IS NULL OR subscriber_id = :subscriber)
    ORDER BY subscriber_id, revision, step
""")

_POLICY: Final = text("SELECT level, step, after_seconds, roles FROM escalation_policy ORDER BY level DESC, step")

_FORGET: Final = text("DELETE FROM escalation_policy WHERE level = :level")

_PUT: Final = text("""
    INSERT INTO escalation_policy (level, step, after_seconds, roles) VALUES (:level, :step, :after, :roles)
""")

_CHANGED: Final = text("""
    INSERT INTO escalation_changes (level, steps, by, reason) VALUES (:level, CAST(:steps AS jsonb), :by, :reason)
""")


def begin(connection: Connection, event: AlertEvent, *, subscribers: Sequence[str]) -> None:
    """What a newly planned revision does to escalation: steps of another level end, all of them when the alert does;
    these authorities get the steps of its level, by the policy of now. One that acknowledged is asked again only when
    the alert rises or opens again."""
    ends = event.kind in ENDINGS
    reason = event.kind.value if ends else "level_changed"
    connection.execute(
        _END, {"alert_id": event.alert_id, "reason": reason, "level": None if ends else int(event.level)}
    )
    if ends or not subscribers:
        return
    values = {
        "alert_id": event.alert_id,
        "revision": event.revision,
        "level": int(event.level),
        "subscribers": sorted(subscribers),
        "rises": event.kind in RISES or Change.REOPENED in event.changes,
    }
    connection.execute(_BEGIN, values)


def due(connection: Connection, *, limit: int) -> tuple[Step, ...]:
    """What waits and is due, longest first."""
    rows = connection.execute(_DUE, {"limit": limit}).mappings()
    return tuple(Step(**{**row, "level": Level(row["level"]), "roles": tuple(map(Role, row["roles"]))}) for row in rows)


def claim(connection: Connection, step: Step) -> bool:
    """Take a step, once and for all; False when an answer or another courier was first."""
    return connection.execute(_CLAIM, _key(step)).one_or_none() is not None


def told(connection: Connection, step: Step, number: int) -> None:
    """Keep how many deliveries a step planned."""
    connection.execute(_TOLD, {**_key(step), "told": number})


def current(connection: Connection, alert_id: str) -> AlertEvent | None:
    """The newest revision that was planned."""
    body = connection.execute(_CURRENT, {"alert_id": alert_id}).scalar_one_or_none()
    return None if body is None else AlertEvent.model_validate_json(body)


def shown(connection: Connection, alert_id: str, *, subscriber: str | None = None) -> tuple[Shown, ...]:
    """The steps of an alert, of one authority or of all."""
    rows = connection.execute(_SHOWN, {"alert_id": alert_id, "subscriber": subscriber}).mappings()
    return tuple(Shown(**{**row, "roles": tuple(row["roles"])}) for row in rows)


def policy(connection: Connection) -> tuple[PolicyStep, ...]:
    """The policy of now, gravest level first."""
    return tuple(
        PolicyStep(
            level=Level(row.level),
            step=row.step,
            after=timedelta(seconds=row.after_seconds),
            roles=tuple(map(Role, row.roles)),
        )
        for row in connection.execute(_POLICY)
    )


def replace_policy(connection: Connection, level: Level, steps: Sequence[PolicyStep], *, by: str, reason: str) -> None:
    """The steps of a level from now on. Alerts that were planned keep theirs."""
    connection.execute(_FORGET, {"level": int(level)})
    rows = [
        {"level": int(level), "step": number, "after": int(one.after.total_seconds()), "roles": list(one.roles)}
        for number, one in enumerate(sorted(steps, key=lambda one: one.after), start=1)
    ]
    if rows:
        connection.execute(_PUT, rows)
    connection.execute(_CHANGED, {"level": int(level), "steps": json.dumps(rows), "by": by, "reason": reason})


def _key(step: Step) -> dict[str, object]:
    return {
        "alert_id": step.alert_id,
        "subscriber": step.subscriber,
        "revision": step.revision,
        "step": step.step,
    }
