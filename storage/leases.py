"""Which courier may send to which destination: row leases with an epoch, on the database's clock."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, CursorResult, text

LEASE_SECONDS: Final = 90
"""A lease that is not renewed runs out after this; `SEND_SECONDS` before that nothing new is begun under it."""

SEND_SECONDS: Final = 45
"""The longest that one send may take in all."""

_WANTED: Final = """
    SELECT d.*, row_number() OVER (PARTITION BY d.priority ORDER BY d.due_at) AS turn FROM (
      SELECT d.destination_id, min(d.priority) AS priority, min(d.due_at) AS due_at
      FROM deliveries d JOIN destination_leases f USING (destination_id)
      WHERE d.state IN ('planned', 'deferred', 'unknown') AND d.due_at <= clock_timestamp()
        AND f.until < clock_timestamp()
      GROUP BY d.destination_id) d
"""

_ACQUIRE: Final = text(f"""
    WITH free AS (
      SELECT l.destination_id FROM destination_leases l JOIN ({_WANTED}) w USING (destination_id)
      WHERE l.until < clock_timestamp() AND w.turn <= :limit ORDER BY w.priority, w.due_at
      FOR UPDATE OF l SKIP LOCKED)
    UPDATE destination_leases l
    SET owner = :owner, epoch = l.epoch + 1, until = clock_timestamp() + make_interval(secs => {LEASE_SECONDS})
    FROM free WHERE free.destination_id = l.destination_id
    RETURNING l.destination_id, l.epoch
""")

_RENEW: Final = text(f"""
    UPDATE destination_leases SET until = clock_timestamp() + make_interval(secs => {LEASE_SECONDS})
    WHERE owner = :owner AND until > clock_timestamp() RETURNING destination_id, epoch
""")

_RELEASE: Final = text("""
    UPDATE destination_leases l SET owner = NULL, until = '-infinity'
    WHERE owner = :owner AND NOT destination_id = ANY(:busy)
      AND (:everything OR NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.destination_id = l.destination_id
        AND d.state IN ('planned', 'sending', 'deferred', 'unknown') AND d.due_at IS NOT NULL))
    RETURNING destination_id
""")


def acquire(connection: Connection, owner: str, *, limit: int) -> Mapping[str, int]:
    """Take destinations that have something due and no living owner, up to `limit` of each priority: destination →
    epoch."""
    return _epochs(connection.execute(_ACQUIRE, {"owner": owner, "limit": limit}))


def renew(connection: Connection, owner: str) -> Mapping[str, int]:
    """Everything still owned, now for the full time again. What is missing was lost."""
    return _epochs(connection.execute(_RENEW, {"owner": owner}))


def release(connection: Connection, owner: str, *, busy: Sequence[str], everything: bool = False) -> frozenset[str]:
    """Give back what has nothing left to send, or `everything`; never what is `busy`."""
    found = connection.execute(_RELEASE, {"owner": owner, "busy": list(busy), "everything": everything})
    return frozenset(row.destination_id for row in found)


def _epochs(rows: CursorResult[tuple[str, int]]) -> Mapping[str, int]:
    return {row.destination_id: row.epoch for row in rows}
