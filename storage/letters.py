"""Letters as deliveries: what is about no single alert gets a thread, a body and a ledger row of its own.

From then on it is a delivery as any other: leased, claimed, tried again, bounced, unsubscribed from, and shown. Its
body lies beside the alert events, where the claim looks; the relay never publishes it.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import Connection, text

from schemas.deliveries import Content, DeliveryReason, Gate, Purpose
from schemas.digests import Digest
from schemas.letters import EndpointOff
from schemas.plans import GateNote
from storage.receipts import receipts_of

TOPIC: Final = "letters"
"""Of no Kafka topic: nobody else is told."""

LETTERS: Final = frozenset({Purpose.DIGEST, Purpose.NOTICE})
Sendable = Digest | EndpointOff

_ANY: Final[TypeAdapter[Sendable]] = TypeAdapter(Annotated[Sendable, Field(discriminator="letter")])


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A letter to one destination, due at once. `number` is what people call it; the id is for ever, so that it is
    never sent twice. `content` is FULL where it says something of alerts."""

    delivery_id: str
    destination: str
    number: str
    purpose: Purpose
    gate: Gate
    reason: DeliveryReason
    content: Content
    letter: Sendable


_PLAN: Final = text(f"""
    WITH fresh AS (
      INSERT INTO deliveries (delivery_id, event_id, alert_id, number, revision, kind, purpose, destination_id, channel,
        content, tense, level, priority, statutory, in_thread, state, reason, gates, subscriptions, due_at, decided_at)
      SELECT :delivery_id, :event_id, :delivery_id, :number, 1, :purpose, :purpose, t.id, t.channel, :content, :tense,
        1, 2, coalesce(w.statutory, false), false, 'planned', :reason, CAST(:gates AS jsonb), coalesce(w.ids, '{{}}'),
        clock_timestamp(), clock_timestamp()
      FROM destinations t CROSS JOIN LATERAL (
        SELECT bool_or(u.ground = 'statutory') AS statutory, array_agg(u.id ORDER BY u.id) AS ids
        FROM subscriptions u JOIN subscription_destinations l ON l.subscription_id = u.id
        WHERE l.destination_id = t.id AND u.active
          AND NOT EXISTS (SELECT FROM unsubscriptions x WHERE (x.subscription_id, x.destination_id) = (u.id, t.id))) w
      WHERE t.id = :destination
      ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id),
    thread AS (
      INSERT INTO alert_threads (alert_id, tense, planned_revision, current_revision, handling, audience, conditions)
      SELECT delivery_id, :tense, 1, 1, :handling, :audience, :conditions FROM fresh)
    INSERT INTO outbox (event_id, topic, key, body, planned_at, published_at)
    SELECT :event_id, '{TOPIC}', delivery_id, CAST(:body AS jsonb), now(), now() FROM fresh
""")

_REPLACE: Final = text("""
    WITH said AS (
      UPDATE outbox SET body = CAST(:body AS jsonb) WHERE event_id = :event_id AND body <> CAST(:body AS jsonb)
      RETURNING key)
    UPDATE alert_threads a SET handling = :handling, audience = :audience, conditions = :conditions, updated_at = now()
    FROM said WHERE a.alert_id = said.key
""")

_WITHHOLD: Final = text(f"""
    WITH held AS (
      UPDATE deliveries d SET state = 'suppressed', reason = 'handling', due_at = NULL, updated_at = clock_timestamp()
      WHERE d.delivery_id = :delivery_id AND d.state IN ('planned', 'deferred') RETURNING d.*)
    {receipts_of("held")}
""")


def read(body: str) -> Sendable:
    """A letter from its stored body."""
    return _ANY.validate_json(body)


def plan(connection: Connection, wanted: Planned) -> bool:
    """Put it into the ledger; False when it was there already."""
    gates = [GateNote(gate=wanted.gate, reason=wanted.reason).model_dump(mode="json")]
    row = {
        "destination": wanted.destination,
        "number": wanted.number,
        "purpose": wanted.purpose,
        "content": wanted.content,
        "reason": wanted.reason,
        "gates": json.dumps(gates),
    }
    return connection.execute(_PLAN, row | _said(wanted.delivery_id, wanted.letter)).rowcount > 0


def replace(connection: Connection, delivery_id: str, letter: Sendable) -> None:
    """What was planned and not sent yet says this now."""
    connection.execute(_REPLACE, _said(delivery_id, letter))


def withhold(connection: Connection, delivery_id: str) -> None:
    """Nothing is left in it that its reader may know: it is not sent."""
    connection.execute(_WITHHOLD, {"delivery_id": delivery_id})


def _said(delivery_id: str, letter: Sendable) -> dict[str, object]:
    return {
        "delivery_id": delivery_id,
        "event_id": UUID(hex=delivery_id),
        "tense": letter.tense,
        "handling": letter.handling,
        "audience": letter.audience,
        "conditions": bool(letter.use_conditions),
        "body": letter.model_dump_json(),
    }
