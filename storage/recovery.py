"""Brings a restored database up to what was told: events, numbers and receipts from the topics, all or nothing.

The caller's transaction holds everything: killed in the middle it has done nothing, done twice it changes nothing more.
Only sequences know no transaction: they are raised, and never go back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.vocabularies import Tense
from storage.epochs import Told, epoch, receipt_of

PROGRAM: Final = "recovered"
"""Stands as the courier of attempts that only a receipt speaks of."""

_BEGIN: Final = tuple(
    map(
        text,
        (
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SET LOCAL statement_timeout = 0",
            "SELECT number FROM system WHERE name = 'system_epoch' FOR UPDATE",
            "CREATE TEMP TABLE told_events (event_id uuid PRIMARY KEY, epoch bigint, place bigint, body jsonb)"
            " ON COMMIT DROP",
            "CREATE TEMP TABLE told_receipts (delivery_id text PRIMARY KEY, epoch bigint, place bigint, body jsonb)"
            " ON COMMIT DROP",
        ),
    )
)

_STAGE: Final = {
    kind: text(f"""
        INSERT INTO told_{kind} AS known ({key}, epoch, place, body)
        SELECT DISTINCT ON (key) CAST(key AS {cast}), epoch, place, CAST(body AS jsonb)
        FROM unnest(CAST(:keys AS text[]), CAST(:epochs AS bigint[]), CAST(:places AS bigint[]),
                    CAST(:bodies AS text[])) AS t (key, epoch, place, body)
        ORDER BY key, (epoch, place) {order}
        ON CONFLICT ({key}) DO UPDATE SET epoch = excluded.epoch, place = excluded.place, body = excluded.body
        WHERE (excluded.epoch, excluded.place) {newer} (known.epoch, known.place)
    """)
    for kind, key, cast, order, newer in (
        ("events", "event_id", "uuid", "ASC", "<"),
        ("receipts", "delivery_id", "text", "DESC", ">"),
    )
}
"""Of an event that was published twice the first counts, of a delivery the last receipt."""

_ABSENT: Final = text("""
    SELECT CAST(t.body AS text) AS body, o.event_id IS NOT NULL AS known
    FROM told_events t LEFT JOIN outbox o USING (event_id)
    WHERE o.planned_at IS NULL ORDER BY t.epoch, t.place
""")

_IMPORT_EVENTS: Final = text("""
    INSERT INTO outbox (event_id, topic, key, body, published_at)
    SELECT event_id, 'alert-events', body ->> 'case_id', body, now() FROM told_events ORDER BY epoch, place
    ON CONFLICT (event_id) DO UPDATE SET published_at = coalesce(outbox.published_at, now())
""")

_IMPORT_ALERTS: Final = text("""
    INSERT INTO alerts (alert_id, revision, case_id, number, tense, kind, level, decided_at, body)
    SELECT body ->> 'alert_id', (body ->> 'revision')::integer, body ->> 'case_id', body ->> 'number', body ->> 'tense',
           body ->> 'kind', (body ->> 'level')::smallint, (body ->> 'decided_at')::timestamptz, body
    FROM told_events ORDER BY epoch, place
    ON CONFLICT (alert_id, revision) DO NOTHING
""")

_PLANNED: Final = text("UPDATE outbox SET planned_at = now() WHERE event_id = :event_id AND planned_at IS NULL")

_STRANGERS: Final = text("""
    SELECT DISTINCT r.body ->> 'destination_id' AS id FROM told_receipts r
    LEFT JOIN destinations d ON d.id = r.body ->> 'destination_id' WHERE d.id IS NULL ORDER BY 1
""")

_ADD: Final = text("""
    INSERT INTO deliveries (delivery_id, event_id, alert_id, number, revision, kind, purpose, destination_id, channel,
      content, tense, level, priority, statutory, in_thread, state, reason, gates, due_at, decided_at)
    SELECT r.delivery_id, a.event_id, a.alert_id, a.number, a.revision, a.kind, r.body ->> 'purpose', d.id, d.channel,
      'full', a.tense, a.level, CASE a.level WHEN 4 THEN 0 WHEN 3 THEN 1 ELSE 2 END,
      EXISTS (SELECT FROM subscriptions u JOIN subscription_destinations l ON l.subscription_id = u.id
              WHERE l.destination_id = d.id AND u.ground = 'statutory'),
      true, 'planned', 'in_thread', '[]', now(), a.decided_at
    FROM told_receipts r
    JOIN destinations d ON d.id = r.body ->> 'destination_id'
    JOIN (SELECT alert_id, revision, number, kind, tense, level, decided_at, (body ->> 'event_id')::uuid AS event_id
          FROM alerts) a
      ON a.alert_id = r.body ->> 'alert_id' AND a.revision = (r.body ->> 'revision')::integer
    WHERE a.event_id = CAST(:event_id AS uuid) OR CAST(:event_id AS uuid) IS NULL AND EXISTS (
      SELECT FROM outbox o WHERE o.event_id = a.event_id AND o.planned_at IS NOT NULL)
    ON CONFLICT (delivery_id) DO NOTHING
""")
"""Deliveries that today's subscribers and subscriptions would not make, but that were made."""

_ADD_LETTERS: Final = text("""
    WITH added AS (
      INSERT INTO deliveries (delivery_id, event_id, alert_id, number, revision, kind, purpose, destination_id, channel,
        content, tense, level, priority, statutory, in_thread, state, reason, gates, due_at, decided_at)
      SELECT r.delivery_id, CAST(r.delivery_id AS uuid), r.delivery_id, r.body ->> 'purpose', 1, r.body ->> 'purpose',
        r.body ->> 'purpose', d.id, d.channel, 'bare', 'actual', 1, 2, false, false, 'unknown', 'restored', '[]',
        NULL, (r.body ->> 'planned_at')::timestamptz
      FROM told_receipts r JOIN destinations d ON d.id = r.body ->> 'destination_id'
      WHERE r.body ->> 'purpose' IN ('digest', 'notice') AND CAST(:event_id AS uuid) IS NULL
      ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id)
    INSERT INTO outbox (event_id, topic, key, body, planned_at, published_at)
    SELECT CAST(delivery_id AS uuid), 'letters', delivery_id, '{}', now(), now() FROM added ON CONFLICT DO NOTHING
""")
"""Of a digest that was told the receipt is all that is left: it says that there was one, so that none is sent again."""

_INSISTS: Final = "((d.level >= 3 OR d.statutory OR d.purpose = 'cancel') AND d.purpose NOT IN ('digest', 'notice'))"

_RESEND: Final = f"(r.state = 'unknown' AND r.attempts = 1 AND d.channel = 'email' AND {_INSISTS})"

_SETTLE: Final = text(f"""
    WITH receipt AS (
      SELECT r.delivery_id, r.body ->> 'state' AS state, r.body ->> 'reason' AS reason,
             (r.body ->> 'attempts')::integer AS attempts, (r.body ->> 'changed_at')::timestamptz AS changed_at,
             (r.body ->> 'first_attempt_at')::timestamptz AS first, (r.body ->> 'last_attempt_at')::timestamptz AS last
      FROM told_receipts r),
    settled AS (
      UPDATE deliveries d SET state = r.state, reason = coalesce(r.reason, d.reason),
        due_at = CASE WHEN {_RESEND} THEN now() END, resent = d.resent OR {_RESEND},
        attempts = greatest(r.attempts, d.attempts), sending_at = r.last,
        accepted_at = CASE WHEN r.state = 'accepted' THEN r.changed_at ELSE d.accepted_at END,
        updated_at = r.changed_at
      FROM receipt r
      WHERE r.delivery_id = d.delivery_id AND (CAST(:event_id AS uuid) IS NULL OR d.event_id = :event_id)
        AND (d.attempts < r.attempts OR d.attempts = r.attempts AND d.state <> r.state
             AND (d.event_id = :event_id OR d.updated_at < r.changed_at))
      RETURNING d.delivery_id),
    made AS (
      INSERT INTO attempts (delivery_id, number, courier, lease_epoch, started_at, ended_at, verdict, reason)
      SELECT r.delivery_id, n, '{PROGRAM}', 0, coalesce(CASE n WHEN 1 THEN r.first ELSE r.last END, r.changed_at),
        r.changed_at, CASE WHEN n = r.attempts AND r.state IN ('accepted', 'failed') THEN r.state ELSE 'unknown' END,
        r.reason
      FROM settled JOIN receipt r USING (delivery_id) CROSS JOIN LATERAL generate_series(1, r.attempts) AS n
      ON CONFLICT (delivery_id, number) DO NOTHING)
    SELECT count(*) FROM settled
""")
"""The ledger says what the newest receipt said, where it does not say something later. The one resend of an unknown
that no receipt speaks of is still to come."""

_UNKNOWN: Final = text(f"""
    WITH left_open AS (
      UPDATE deliveries d SET attempts = greatest(d.attempts, 1), reason = 'restored', updated_at = now(),
        state = CASE d.channel WHEN 'email' THEN 'unknown' ELSE 'deferred' END,
        due_at = CASE WHEN d.channel <> 'email' OR {_INSISTS} AND NOT d.resent THEN now() END,
        resent = d.resent OR d.channel = 'email' AND {_INSISTS}
      WHERE d.state IN ('planned', 'sending', 'deferred')
        AND (CAST(:event_id AS uuid) IS NULL OR d.event_id = :event_id)
      RETURNING d.delivery_id, d.due_at, d.attempts),
    made AS (
      INSERT INTO attempts (delivery_id, number, courier, lease_epoch, ended_at, verdict, reason)
      SELECT delivery_id, 1, '{PROGRAM}', 0, now(), 'unknown', 'restored' FROM left_open
      ON CONFLICT (delivery_id, number) DO NOTHING)
    SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS again, count(*) FILTER (WHERE due_at IS NULL) AS left_so
    FROM left_open
""")
"""What was open and has no receipt may have been sent: delivery.md's `unknown`, resent once where it must arrive. A
webhook's receiver knows it again by its id."""

_NUMBERS: Final = text("""
    SELECT body ->> 'tense' AS tense, max((regexp_match(body ->> 'number', '(\\d+)$'))[1]::bigint) AS highest
    FROM told_events WHERE body ->> 'number' ~ '\\d+$' GROUP BY 1 ORDER BY 1
""")

_RAISE: Final = text("""
    SELECT setval(CAST(:sequence AS regclass), CAST(:highest AS bigint))
    WHERE CAST(:highest AS bigint) > (SELECT coalesce(last_value, 0) FROM pg_sequences
                                      WHERE schemaname = current_schema() AND sequencename = CAST(:sequence AS text))
""")

_NEXT_EPOCH: Final = text("""
    UPDATE system SET number = 1 + greatest(number, (SELECT max(epoch) FROM
        (SELECT epoch FROM told_events UNION ALL SELECT epoch FROM told_receipts) AS told))
    WHERE name = 'system_epoch'
""")

_NOBODY_SENDS: Final = text("""
    UPDATE destination_leases SET owner = NULL, epoch = epoch + 1, until = '-infinity'
""")

_NOTE: Final = text("""
    INSERT INTO recoveries (epoch, actor, reason, body) VALUES (:epoch, :actor, :reason, CAST(:body AS jsonb))
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsettled:
    """Open deliveries without a receipt: to be sent `again` once, or `left` as unknown."""

    again: int = 0
    left: int = 0

    def __add__(self, other: "Unsettled") -> "Unsettled":
        return Unsettled(again=self.again + other.again, left=self.left + other.left)


def begin(connection: Connection) -> None:
    """One recovery at a time, however long it takes; a place for what is read from the topics."""
    for statement in _BEGIN:
        connection.execute(statement)


def stage(connection: Connection, told: Sequence[Told]) -> None:
    """Put messages from the topics beside the tables, to be compared with them."""
    kinds: dict[str, dict[str, Told]] = {"events": {}, "receipts": {}}
    for one in told:
        receipt = receipt_of(one)
        if receipt is None:
            kinds["events"].setdefault(str(one.event_id), one)
        else:
            kinds["receipts"][receipt.delivery_id] = one
    for kind, found in kinds.items():
        values = {
            "keys": list(found),
            "epochs": [one.epoch for one in found.values()],
            "places": [one.number for one in found.values()],
            "bodies": [one.body.decode() for one in found.values()],
        }
        if found:
            connection.execute(_STAGE[kind], values)


def absent(connection: Connection) -> tuple[tuple[AlertEvent, bool], ...]:
    """Alert events that were told and have no plan here, in their order; with each, whether it is known at all."""
    return tuple((AlertEvent.model_validate_json(row.body), row.known) for row in connection.execute(_ABSENT))


def strangers(connection: Connection) -> tuple[str, ...]:
    """Destinations that have receipts and are not registered here."""
    return tuple(row.id for row in connection.execute(_STRANGERS))


def import_events(connection: Connection) -> None:
    """Alert events as published, with their alert revisions."""
    connection.execute(_IMPORT_EVENTS)
    connection.execute(_IMPORT_ALERTS)


def planned(connection: Connection, event_id: UUID) -> None:
    """The event has its deliveries."""
    connection.execute(_PLANNED, {"event_id": event_id})


def settle(connection: Connection, event_id: UUID | None = None) -> tuple[int, Unsettled]:
    """Bring the deliveries of one event, or all, to what their receipts say; what has none becomes unknown."""
    values = {"event_id": event_id}
    connection.execute(_ADD, values)
    connection.execute(_ADD_LETTERS, values)
    receipts = int(connection.execute(_SETTLE, values).scalar_one())
    row = connection.execute(_UNKNOWN, values).one()
    return receipts, Unsettled(again=row.again, left=row.left_so)


def highest_numbers(connection: Connection) -> Mapping[Tense, int]:
    """The highest number that people know, by tense."""
    return {Tense(row.tense): row.highest for row in connection.execute(_NUMBERS)}


def raise_sequences(connection: Connection, highest: Mapping[Tense, int]) -> None:
    """Number the next alerts above these."""
    for tense, number in highest.items():
        connection.execute(_RAISE, {"sequence": f"alert_number_{tense}", "highest": number})


def next_epoch(connection: Connection) -> int:
    """Begin an epoch newer than any that was told; its number. Leases in the dump are of couriers that are no more."""
    connection.execute(_NEXT_EPOCH)
    connection.execute(_NOBODY_SENDS)
    return epoch(connection)


def note(connection: Connection, *, by: str, reason: str, found: Mapping[str, object]) -> None:
    """Keep who recovered, why, and what was found."""
    values = {"epoch": epoch(connection), "actor": by, "reason": reason, "body": json.dumps(found)}
    connection.execute(_NOTE, values)
