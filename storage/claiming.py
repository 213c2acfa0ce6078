"""The committed claim before each send: the last look at whether it may go, and the attempt that begins with it."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryReason, DeliveryState, Purpose, Role
from schemas.securing import Security
from schemas.vocabularies import Handling, Level
from storage import letters
from storage.leases import SEND_SECONDS
from storage.ledger import BLOCKED, CLAIMABLE, LADDER, Claimed, Due, Refused, locked
from storage.letters import LETTERS, Sendable
from storage.receipts import receipts_of

Begun = Claimed | Refused

_CURRENT: Final = """
    SELECT max(coalesce(array_position(CAST(:ladder AS text[]), w.body ->> 'handling'), 99)) AS rank,
           coalesce(bool_or(w.body -> 'use_conditions' IS DISTINCT FROM '[]'), false) AS conditions,
           coalesce(bool_or(w.body ->> 'audience' IS DISTINCT FROM 'general'), false) AS restricted
    FROM outbox w
    WHERE w.planned_at IS NULL AND w.topic = 'alert-events' AND w.body ->> 'alert_id' = d.alert_id
      AND w.event_id <> d.event_id
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
    WITH wanted AS (
      SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:epochs AS bigint[])) AS w (delivery_id, epoch)),
    asked AS (
      SELECT d.delivery_id, w.epoch, coalesce(v.rank, h.rank) AS rank, t.clearance, t.accepts_conditions,
             t.address, t.language, coalesce(x.security, '{{}}') AS security,
             array_remove(ARRAY[t.secret, CASE WHEN x.previous_until > clock_timestamp() THEN x.previous_secret END],
               NULL) AS secrets, x.failing_since IS NOT NULL AS failing, s.country,
             t.role, CASE WHEN t.role = 'desk' THEN {_SILENT} ELSE '{{}}' END AS silent,
             (SELECT min(x.due_at) FROM escalation_steps x WHERE x.alert_id = d.alert_id
                AND x.subscriber_id = t.subscriber_id AND x.state = 'waiting') AS answer_by,
             {_OVERTAKEN} AS overtaken, {_REFUSAL} AS refusal
      FROM wanted w
      JOIN deliveries d USING (delivery_id)
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
      WHERE NOT {BLOCKED}),
    claimed AS (
      UPDATE deliveries d SET
        state = CASE WHEN asked.overtaken THEN 'expired' WHEN asked.refusal IS NULL THEN 'sending'
          ELSE 'suppressed' END,
        reason = CASE WHEN asked.overtaken THEN 'newer_revision' ELSE coalesce(asked.refusal, d.reason) END,
        due_at = CASE WHEN asked.overtaken OR asked.refusal IS NOT NULL THEN NULL ELSE d.due_at END,
        attempts = d.attempts + CASE WHEN asked.overtaken OR asked.refusal IS NOT NULL THEN 0 ELSE 1 END,
        lease_epoch = asked.epoch, sending_at = clock_timestamp(), updated_at = clock_timestamp()
      FROM asked
      WHERE d.delivery_id = asked.delivery_id AND {CLAIMABLE} AND asked.epoch = (
        SELECT l.epoch FROM destination_leases l WHERE l.destination_id = d.destination_id AND l.owner = :owner
          AND l.until > clock_timestamp() + make_interval(secs => {SEND_SECONDS}))
      RETURNING d.*, asked.rank, asked.clearance, asked.accepts_conditions,
        asked.address, asked.language, asked.security, asked.secrets, asked.failing, asked.country,
        asked.answer_by, asked.role, asked.silent),
    begun AS (
      INSERT INTO attempts (delivery_id, number, courier, lease_epoch)
      SELECT delivery_id, attempts, :owner, lease_epoch FROM claimed WHERE state = 'sending'),
    told AS ({receipts_of("claimed")})
    SELECT c.*, CASE WHEN row_number() OVER (PARTITION BY c.event_id, c.state) = 1 AND c.state = 'sending'
                  THEN CAST(e.body AS text) END AS body
    FROM claimed c JOIN outbox e USING (event_id)
""")
"""What is sent comes once for all that say the same, and is what was looked at. The lease is asked for by its key: as a
join, all that the courier owns was gone through for each claim."""


def claim(connection: Connection, wanted: Sequence[Due], owner: str) -> Mapping[str, Begun]:
    """Begin an attempt for each of these, or end it with a reason (P5, P6); what is missing is not ours or not now,
    as what another transaction is at. Commit before sending: what was claimed and not finished counts as perhaps sent.
    """
    first = {(each.alert_id, each.destination): each for each in reversed(wanted)}
    epochs = {each.delivery_id: each.epoch for each in first.values()}
    ids = locked(connection, list(epochs))
    if not ids:
        return {}
    keys = {"ids": ids, "epochs": [epochs[each] for each in ids], "owner": owner, "ladder": LADDER}
    rows = connection.execute(_CLAIM, keys).mappings().all()
    events = {row["event_id"]: _said(row["purpose"], row["body"]) for row in rows if row["body"]}
    return {row["delivery_id"]: _answer(row, events.get(row["event_id"])) for row in rows}


def _said(purpose: str, body: str) -> AlertEvent | Sendable:
    return letters.read(body) if purpose in LETTERS else AlertEvent.model_validate_json(body)


def _answer(row: RowMapping, event: AlertEvent | Sendable | None) -> Begun:
    if event is None or row["state"] != DeliveryState.SENDING:
        return Refused(
            delivery_id=row["delivery_id"], state=DeliveryState(row["state"]), reason=DeliveryReason(row["reason"])
        )
    return _claimed(row, event)


def _claimed(row: RowMapping, event: AlertEvent | Sendable) -> Claimed:
    return Claimed(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        event=event,
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
