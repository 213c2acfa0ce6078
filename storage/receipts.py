"""Receipts of deliveries, written in the transaction of the outcome, so that what was told survives this database."""

from typing import Final

from schemas.delivery_receipts import FINAL_STATES
from schemas.topics import DELIVERY_RECEIPTS

STATES: Final = ", ".join(f"'{state}'" for state in FINAL_STATES)


def receipts_of(rows: str) -> str:
    """A statement that adds the receipt of each row of `rows` that has come to an outcome.

    `rows` names rows of `deliveries` as they now are. Begin times come from `attempts`, where they are before a send.
    The same outcome of the same attempt is the same message; planning is not asked, so it counts as planned.
    """
    return f"""
        INSERT INTO outbox (event_id, topic, key, body, planned_at)
        SELECT CAST(md5(concat_ws(':', 'receipt', r.delivery_id, r.attempts, r.state)) AS uuid), '{DELIVERY_RECEIPTS}',
               r.alert_id, jsonb_build_object(
                 'schema_version', '1.0', 'delivery_id', r.delivery_id, 'alert_id', r.alert_id,
                 'revision', r.revision, 'destination_id', r.destination_id, 'channel', r.channel,
                 'purpose', r.purpose, 'state', r.state, 'reason', r.reason, 'attempts', r.attempts,
                 'first_attempt_at', a.first, 'last_attempt_at', a.last, 'planned_at', r.planned_at,
                 'changed_at', greatest(r.updated_at, r.planned_at),
                 'epoch', (SELECT number FROM system WHERE name = 'system_epoch')), now()
        FROM {rows} AS r
        CROSS JOIN LATERAL (
            SELECT min(started_at) AS first, max(started_at) AS last FROM attempts WHERE delivery_id = r.delivery_id
        ) AS a
        WHERE r.state IN ({STATES})
        ON CONFLICT (event_id) DO NOTHING
    """
