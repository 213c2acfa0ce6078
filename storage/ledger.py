"""The courier's half of the ledger: what is due, the committed claim before each send, and what came of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryReason, DeliveryState, OutcomeReason, Purpose, Role
from schemas.securing import Security
from schemas.vocabularies import Handling, Level
from storage import letters
from storage.leases import SEND_SECONDS
from storage.letters import LETTERS, Sendable
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


_CLAIMABLE: Final = "(d.state IN ('planned', 'deferred') OR (d.state = 'unknown' AND d.due_at IS NOT NULL))"

_BLOCKED: Final = f"""
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
            AND {_CLAIMABLE} AND d.due_at <= clock_timestamp()) d
        WHERE NOT (d.circuit = ANY(:shut) AND (d.priority > 0 OR d.delivery_id = ANY(:passed)))) d
      WHERE d.place <= :per_destination AND d.lane_place <= :per_destination AND NOT {_BLOCKED}) d
    WHERE turn <= :limit ORDER BY priority, due_at, delivery_id
""")
"""Of each priority as many, so that a flood of one does not hide the others; of each destination and lane only so many,
so that one does not hide its neighbours."""

_CURRENT: Final = """
    SELECT max(coalesce(array_position(CAST(:ladder AS text[]), w.body ->> 'handling'), 99)) AS rank,
           coalesce(bool_or(w.body -> 'use_conditions' IS DISTINCT FROM '[]'), false) AS conditions,
           coalesce(bool_or(w.body ->> 'audience' IS DISTINCT FROM 'general'), false) AS restricted
    FROM outbox w
    WHERE w.planned_at IS NULL AND w.topic = 'alert-events' AND w.body ->> 'alert_id' = d.alert_id
"""

_REFUSAL: Final = """
    CASE
      WHEN NOT (t.active AND s.active) AND d.purpose <> 'cancel' THEN 'destination_inactive'
      WHEN t.suppressed IS NOT NULL AND d.purpose <> 'cancel' THEN 'address_suppressed'
      WHEN t.channel = 'webhook' AND x.confirmed_at IS NULL THEN 'not_confirmed'
      WHEN d.tense <> a.tense OR d.tense IS DISTINCT FROM e.body ->> 'tense' THEN 'tense_crossed'
      WHEN d.tense = 'actual' AND t.recording THEN 'recording_only'
      WHEN d.tense = 'exercise' AND (t.recording OR NOT (t.accepts_exercises OR d.purpose = 'cancel'))
        THEN 'exercise_not_opted_in'
      WHEN d.tense = 'test' AND NOT t.recording THEN 'test_not_recording'
      WHEN d.tense NOT IN ('actual', 'exercise', 'test') THEN 'archival'
      WHEN d.content = 'bare' THEN NULL
      WHEN t.clearance IS NULL OR array_position(CAST(:ladder AS text[]), t.clearance) IS NULL THEN 'audience_broken'
      WHEN v.rank IS NULL AND h.rank > array_position(CAST(:ladder AS text[]), t.clearance) THEN 'handling'
      WHEN v.rank IS NULL AND NOT t.accepts_conditions
        AND (a.conditions OR c.conditions OR e.body -> 'use_conditions' IS DISTINCT FROM '[]') THEN 'use_conditions'
      WHEN (a.audience <> 'general' OR c.restricted OR e.body ->> 'audience' IS DISTINCT FROM 'general')
        AND NOT t.precursors THEN 'not_precursor_audience'
    END
"""

_VIEW: Final = """
    SELECT max(array_position(CAST(:ladder AS text[]), w ->> 'up_to')) AS rank
    FROM jsonb_array_elements(coalesce(e.body -> 'views', '[]')) w
    WHERE d.revision = a.current_revision AND c.rank IS NULL
      AND array_position(CAST(:ladder AS text[]), w ->> 'up_to')
        <= array_position(CAST(:ladder AS text[]), t.clearance)
      AND (t.accepts_conditions OR NOT CAST(w ->> 'conditions' AS boolean))
      AND (array_position(CAST(:ladder AS text[]), e.body ->> 'handling')
          > array_position(CAST(:ladder AS text[]), t.clearance)
        OR NOT t.accepts_conditions AND e.body -> 'use_conditions' IS DISTINCT FROM '[]')
"""
"""The widest part of the newest revision that is composed for readers like this one, where the whole is not theirs."""

_OVERTAKEN: Final = """
    d.attempts > 0 AND d.purpose <> 'cancel' AND EXISTS (SELECT 1 FROM deliveries o
      WHERE o.alert_id = d.alert_id AND o.destination_id = d.destination_id AND o.revision > d.revision
        AND o.state IN ('accepted', 'delivered', 'acknowledged'))
"""

_SILENT: Final = """
    ARRAY(SELECT DISTINCT y.name FROM escalation_steps x JOIN subscribers y ON y.id = x.subscriber_id
      WHERE x.alert_id = d.alert_id AND 'desk' = ANY(x.roles) AND x.state <> 'ended'
        AND x.due_at <= clock_timestamp()
        AND NOT EXISTS (SELECT FROM acknowledgements k JOIN destinations o ON o.id = k.destination_id
          WHERE k.alert_id = x.alert_id AND o.subscriber_id = x.subscriber_id AND k.revision >= x.revision)
      ORDER BY 1)
"""

_CLAIM: Final = text(f"""
    WITH asked AS (
      SELECT d.delivery_id, coalesce(v.rank, h.rank) AS rank, t.clearance, t.accepts_conditions,
             t.address, t.language, coalesce(x.security, '{{}}') AS security,
             array_remove(ARRAY[t.secret, CASE WHEN x.previous_until > clock_timestamp() THEN x.previous_secret END],
               NULL) AS secrets, x.failing_since IS NOT NULL AS failing, s.country, CAST(e.body AS text) AS body,
             t.role, CASE WHEN t.role = 'desk' THEN {_SILENT} ELSE '{{}}' END AS silent,
             (SELECT min(x.due_at) FROM escalation_steps x WHERE x.alert_id = d.alert_id
                AND x.subscriber_id = t.subscriber_id AND x.state = 'waiting') AS answer_by,
             {_OVERTAKEN} AS overtaken, {_REFUSAL} AS refusal
      FROM deliveries d
      JOIN destinations t ON t.id = d.destination_id
      JOIN subscribers s ON s.id = t.subscriber_id
      LEFT JOIN endpoints x ON x.destination_id = t.id
      JOIN alert_threads a ON a.alert_id = d.alert_id
      JOIN outbox e ON e.event_id = d.event_id
      CROSS JOIN LATERAL ({_CURRENT}) c
      CROSS JOIN LATERAL (SELECT greatest(coalesce(c.rank, 0),
        coalesce(array_position(CAST(:ladder AS text[]), a.handling), 99),
        coalesce(array_position(CAST(:ladder AS text[]), e.body ->> 'handling'), 99)) AS rank) h
      CROSS JOIN LATERAL ({_VIEW}) v
      WHERE d.delivery_id = :delivery_id AND NOT {_BLOCKED}
      FOR UPDATE OF d),
    claimed AS (
      UPDATE deliveries d SET
        state = CASE WHEN asked.overtaken THEN 'expired' WHEN asked.refusal IS NULL THEN 'sending'
          ELSE 'suppressed' END,
        reason = CASE WHEN asked.overtaken THEN 'newer_revision' ELSE coalesce(asked.refusal, d.reason) END,
        due_at = CASE WHEN asked.overtaken OR asked.refusal IS NOT NULL THEN NULL ELSE d.due_at END,
        attempts = d.attempts + CASE WHEN asked.overtaken OR asked.refusal IS NOT NULL THEN 0 ELSE 1 END,
        lease_epoch = l.epoch, sending_at = clock_timestamp(), updated_at = clock_timestamp()
      FROM asked, destination_leases l
      WHERE d.delivery_id = asked.delivery_id AND {_CLAIMABLE}
        AND l.destination_id = d.destination_id AND l.owner = :owner AND l.epoch = :epoch
        AND l.until > clock_timestamp() + make_interval(secs => {SEND_SECONDS})
      RETURNING d.*, asked.rank, asked.clearance, asked.accepts_conditions,
        asked.address, asked.language, asked.security, asked.secrets, asked.failing, asked.country,
        asked.answer_by, asked.body, asked.role, asked.silent),
    begun AS (
      INSERT INTO attempts (delivery_id, number, courier, lease_epoch)
      SELECT delivery_id, attempts, :owner, lease_epoch FROM claimed WHERE state = 'sending'),
    told AS ({receipts_of("claimed")})
    SELECT * FROM claimed
""")

_FINISH: Final = text(f"""
    WITH finished AS (
    UPDATE deliveries d SET
      state = CASE WHEN d.acknowledged_at IS NOT NULL AND :state <> 'failed' THEN 'acknowledged'
        WHEN :state = 'deferred' AND d.purpose <> 'cancel' AND a.cancelled THEN 'superseded' ELSE :state END,
      reason = CASE WHEN :state = 'deferred' AND d.purpose <> 'cancel' AND a.cancelled THEN 'retraction'
        ELSE :reason END,
      due_at = CASE WHEN d.purpose <> 'cancel' AND a.cancelled OR d.acknowledged_at IS NOT NULL THEN NULL
        ELSE clock_timestamp() + CAST(:wait AS interval) END,
      resent = d.resent OR :resent,
      accepted_at = CASE WHEN :state = 'accepted' THEN clock_timestamp() END, updated_at = clock_timestamp()
    FROM alert_threads a
    WHERE d.delivery_id = :delivery_id AND a.alert_id = d.alert_id AND d.attempts = :attempt
      AND d.lease_epoch = :epoch AND d.state IN ('sending', 'unknown')
    RETURNING d.*),
    told AS ({receipts_of("finished")})
    SELECT state FROM finished
""")

_END_ATTEMPT: Final = text("""
    UPDATE attempts SET ended_at = clock_timestamp(), verdict = :verdict, reason = :reason, code = :code,
      answer = :answer
    WHERE delivery_id = :delivery_id AND number = :attempt AND lease_epoch = :epoch
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


def claim(connection: Connection, wanted: Due, owner: str) -> Claimed | Refused | None:
    """Begin one attempt, or end the delivery with a reason (P5, P6), or None: not ours, not now. Commit before
    sending: what was claimed and not finished counts as perhaps sent."""
    keys = {"delivery_id": wanted.delivery_id, "owner": owner, "epoch": wanted.epoch, "ladder": LADDER}
    row = connection.execute(_CLAIM, keys).mappings().one_or_none()
    if row is None:
        return None
    if row["state"] != DeliveryState.SENDING:
        return Refused(
            delivery_id=row["delivery_id"], state=DeliveryState(row["state"]), reason=DeliveryReason(row["reason"])
        )
    return _claimed(row)


def finish(connection: Connection, result: Result) -> DeliveryState | None:
    """Record what came of an attempt; None when the delivery has moved on meanwhile (the attempt keeps it all the
    same). A late answer still settles an `unknown`."""
    values: Mapping[str, object] = {
        "delivery_id": result.delivery_id,
        "attempt": result.attempt,
        "epoch": result.epoch,
        "state": result.state,
        "verdict": result.verdict,
        "reason": result.reason,
        "code": result.code,
        "answer": result.answer,
        "wait": result.wait,
        "resent": result.resent,
    }
    connection.execute(_END_ATTEMPT, values)
    state = connection.execute(_FINISH, values).scalar_one_or_none()
    return None if state is None else DeliveryState(state)


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


def _said(purpose: str, body: str) -> AlertEvent | Sendable:
    return letters.read(body) if purpose in LETTERS else AlertEvent.model_validate_json(body)


def _claimed(row: RowMapping) -> Claimed:
    return Claimed(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        event=_said(row["purpose"], row["body"]),
        purpose=Purpose(row["purpose"]),
        content=Content(row["content"]),
        handling=Handling(LADDER[row["rank"] - 1]) if row["rank"] <= len(LADDER) else Handling.RED,
        clearance=Handling(row["clearance"]) if row["clearance"] in LADDER else None,
        accepts_conditions=row["accepts_conditions"],
        destination=row["destination_id"],
        channel=Channel(row["channel"]),
        address=row["address"],
        secrets=tuple(row["secrets"]),
        security=Security.model_validate(row["security"]),
        failing=row["failing"],
        language=row["language"],
        level=Level(row["level"]),
        statutory=row["statutory"],
        resent=row["resent"],
        attempt=row["attempts"],
        tries=row["attempts"] - row["schedule_from"],
        epoch=row["lease_epoch"],
        decided_at=row["decided_at"],
        country=row["country"],
        answer_by=row["answer_by"],
        role=Role(row["role"]),
        silent=tuple(row["silent"]),
    )
