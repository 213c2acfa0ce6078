"""The courier's half of the ledger: what is due, and what came of each attempt."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryReason, DeliveryState, OutcomeReason, Purpose, Role
from schemas.securing import Security
from schemas.vocabularies import Handling, Level
from storage.leases import SEND_SECONDS
from storage.letters import Sendable
from storage.receipts import receipts_of

MAIL_CIRCUIT: Final = "our relay"

PATIENCE_SECONDS: Final = 60
"""A newer revision waits for an earlier one whose next try is at most this far away; a longer outage must not
hold back an escalation. Once a newer one was accepted, the earlier one expires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A delivery that may be tried now, under the lease of this epoch. `lane` is what it shares with others that might
    hang together, a mail's domain or a webhook's host; `circuit` what fails together, our relay or that host."""

    delivery_id: str
    alert_id: str
    destination: str
    priority: int
    epoch: int
    lane: str
    circuit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A delivery that this courier, and nobody else, sends now. `handling` is the strictest of the revision sent and
    the current one; `attempt` counts from 1. `answer_by`: when the next step of escalation is due, if one is.
    `silent`: for the central desk, the authorities that did not acknowledge."""

    delivery_id: str
    alert_id: str
    event: AlertEvent | Sendable
    purpose: Purpose
    content: Content
    handling: Handling
    clearance: Handling | None
    accepts_conditions: bool
    destination: str
    channel: Channel
    address: str
    secrets: tuple[str, ...]
    """Those that sign now, the newest first; none for mail."""
    security: Security
    failing: bool
    """Whether the endpoint took nothing since something failed."""
    language: str
    level: Level
    statutory: bool
    resent: bool
    attempt: int
    tries: int
    """As `attempt`, but since a person had it tried again."""
    epoch: int
    decided_at: datetime
    country: str | None = None
    answer_by: datetime | None = None
    role: Role = Role.CONTACT
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The claim found a reason not to send; the delivery ended with it."""

    delivery_id: str
    state: DeliveryState
    reason: DeliveryReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A delivery whose courier died or lost its lease while sending."""

    delivery_id: str
    channel: Channel
    purpose: Purpose
    level: Level
    statutory: bool
    resent: bool
    attempt: int
    tries: int
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How an attempt changes its delivery. `wait` is until the next try; None: nothing more will be tried."""

    delivery_id: str
    attempt: int
    epoch: int
    state: DeliveryState
    verdict: str
    reason: OutcomeReason
    code: str | None
    answer: str
    wait: timedelta | None
    resent: bool


CLAIMABLE: Final = "(d.state IN ('planned', 'deferred') OR (d.state = 'unknown' AND d.due_at IS NOT NULL))"

BLOCKED: Final = f"""
    EXISTS (SELECT 1 FROM deliveries o
      WHERE o.alert_id = d.alert_id AND o.destination_id = d.destination_id AND o.delivery_id <> d.delivery_id
        AND (o.state = 'sending' OR (o.revision < d.revision AND o.state IN ('planned', 'deferred', 'unknown')
          AND o.due_at <= clock_timestamp() + make_interval(secs => {PATIENCE_SECONDS}))))
"""

_HOST: Final = "lower(substring(t.address FROM '^https?://([^/]+)'))"

_DUE: Final = text(f"""
    SELECT delivery_id, alert_id, destination_id AS destination, priority, epoch, lane, circuit FROM (
      SELECT d.*, row_number() OVER (PARTITION BY d.priority ORDER BY d.due_at, d.delivery_id) AS turn
      FROM (
        SELECT d.*, row_number() OVER (PARTITION BY d.destination_id ORDER BY d.priority, d.due_at, d.revision,
                      d.delivery_id) AS place,
               row_number() OVER (PARTITION BY d.lane ORDER BY d.priority, d.due_at, d.delivery_id) AS lane_place
        FROM (
          SELECT d.delivery_id, d.alert_id, d.destination_id, d.revision, d.priority, d.due_at, l.epoch,
                 CASE d.channel WHEN 'email' THEN lower(split_part(t.address, '@', 2)) ELSE {_HOST} END AS lane,
                 CASE d.channel WHEN 'email' THEN '{MAIL_CIRCUIT}' ELSE {_HOST} END AS circuit
          FROM deliveries d JOIN destination_leases l USING (destination_id)
          JOIN destinations t ON t.id = d.destination_id
          WHERE l.owner = :owner AND l.until > clock_timestamp() + make_interval(secs => {SEND_SECONDS})
            AND {CLAIMABLE} AND d.due_at <= clock_timestamp()) d
        WHERE NOT (d.circuit = ANY(:shut) AND (d.priority > 0 OR d.delivery_id = ANY(:passed)))) d
      WHERE d.place <= :per_destination AND d.lane_place <= :per_destination AND NOT {BLOCKED}) d
    WHERE turn <= :limit ORDER BY priority, due_at, delivery_id
""")
"""Of each priority as many, so that a flood of one does not hide the others; of each destination and lane only so many,
so that one does not hide its neighbours."""

_LOCK: Final = "SELECT delivery_id FROM deliveries WHERE delivery_id = ANY(:ids) ORDER BY delivery_id FOR UPDATE"
_LOCK_FREE: Final = text(f"{_LOCK} SKIP LOCKED")
_LOCK_ALL: Final = text(_LOCK)

_FINISH: Final = text(f"""
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(CAST(:results AS jsonb)) AS r (delivery_id text, attempt integer, epoch bigint,
        state text, verdict text, reason text, code text, answer text, wait double precision, resent boolean)),
    ended AS (
      UPDATE attempts SET ended_at = clock_timestamp(), verdict = g.verdict, reason = g.reason, code = g.code,
        answer = g.answer
      FROM given g
      WHERE attempts.delivery_id = g.delivery_id AND number = g.attempt AND lease_epoch = g.epoch),
    finished AS (
      UPDATE deliveries d SET
        state = CASE WHEN d.acknowledged_at IS NOT NULL AND g.state <> 'failed' THEN 'acknowledged'
          WHEN g.state = 'deferred' AND d.purpose <> 'cancel' AND a.cancelled THEN 'superseded' ELSE g.state END,
        reason = CASE WHEN g.state = 'deferred' AND d.purpose <> 'cancel' AND a.cancelled THEN 'retraction'
          ELSE g.reason END,
        due_at = CASE WHEN d.purpose <> 'cancel' AND a.cancelled OR d.acknowledged_at IS NOT NULL THEN NULL
          ELSE clock_timestamp() + make_interval(secs => g.wait) END,
        resent = d.resent OR g.resent,
        accepted_at = CASE WHEN g.state = 'accepted' THEN clock_timestamp() END, updated_at = clock_timestamp()
      FROM given g, alert_threads a
      WHERE d.delivery_id = g.delivery_id AND a.alert_id = d.alert_id AND d.attempts = g.attempt
        AND d.lease_epoch = g.epoch AND d.state IN ('sending', 'unknown')
      RETURNING d.*),
    told AS ({receipts_of("finished")})
    SELECT g.delivery_id, f.state FROM given g LEFT JOIN finished f USING (delivery_id)
""")

_LEFT: Final = text(f"""
    SELECT d.delivery_id, d.channel, d.purpose, d.level, d.statutory, d.resent, d.attempts AS attempt,
           d.attempts - d.schedule_from AS tries, d.lease_epoch AS epoch
    FROM deliveries d JOIN destination_leases l USING (destination_id)
    WHERE d.state = 'sending' AND (l.epoch > d.lease_epoch OR l.until < clock_timestamp()
      OR d.sending_at < clock_timestamp() - make_interval(secs => {2 * SEND_SECONDS}))
    ORDER BY d.priority, d.delivery_id LIMIT :limit FOR UPDATE OF d SKIP LOCKED
""")

LADDER: Final = [handling.value for handling in Handling]


def due(
    connection: Connection,
    owner: str,
    *,
    per_destination: int,
    limit: int,
    shut: Collection[str] = (),
    passed: Collection[str] = (),
) -> tuple[Due, ...]:
    """What this owner may try now, most urgent first: `limit` of each priority, `per_destination` of one destination
    or lane, of the circuits that are `shut` only L4 that have not `passed` yet."""
    values = {
        "owner": owner,
        "per_destination": per_destination,
        "limit": limit,
        "shut": list(shut),
        "passed": list(passed),
    }
    found = connection.execute(_DUE, values)
    return tuple(Due(**row) for row in found.mappings())


def locked(connection: Connection, ids: Sequence[str], *, wait: bool = False) -> list[str]:
    """Those of these deliveries that nobody else is at, held until the transaction ends. Whoever plans holds all of a
    thread: what is asked after this sees the thread as it left it."""
    return list(connection.execute(_LOCK_ALL if wait else _LOCK_FREE, {"ids": list(ids)}).scalars())


def finish(connection: Connection, results: Sequence[Result]) -> Mapping[Result, DeliveryState | None]:
    """Record what came of these attempts: the state that each delivery is in now, or None when it has moved on
    meanwhile (the attempt keeps it all the same). A late answer still settles an `unknown`. Left out is what another
    transaction is at, and what another one of these results is about."""
    first = {each.delivery_id: each for each in reversed(results)}
    return _finished(connection, [first[id_] for id_ in locked(connection, list(first))])


def finish_one(connection: Connection, result: Result) -> DeliveryState | None:
    """The same for one, after whoever is at it."""
    locked(connection, [result.delivery_id], wait=True)
    return _finished(connection, [result])[result]


def _finished(connection: Connection, results: Sequence[Result]) -> Mapping[Result, DeliveryState | None]:
    if not results:
        return {}
    rows = connection.execute(_FINISH, {"results": json.dumps([_values(each) for each in results])})
    states = {row.delivery_id: row.state for row in rows}
    return {each: None if (found := states[each.delivery_id]) is None else DeliveryState(found) for each in results}


def _values(result: Result) -> Mapping[str, object]:
    wait = None if result.wait is None else result.wait.total_seconds()
    return {name: getattr(result, name) for name in Result.__slots__} | {"wait": wait}


def left_behind(connection: Connection, *, limit: int = 500) -> tuple[Left, ...]:
    """Deliveries in flight under a lease that is over, or for longer than any send: nobody is sending them."""
    rows = connection.execute(_LEFT, {"limit": limit}).mappings()
    return tuple(
        Left(
            **{
                **row,
                "channel": Channel(row["channel"]),
                "purpose": Purpose(row["purpose"]),
                "level": Level(row["level"]),
            }
        )
        for row in rows
    )
