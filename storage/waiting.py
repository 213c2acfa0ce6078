"""Revisions that came before their event: kept as they came, found when the event comes, given up after 30 days."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from schemas.records import Record
from storage.dead_letters import decode_headers, encode_headers
from storage.memory import lock_events

PATIENCE: Final = timedelta(days=30)

_COLUMNS: Final = """laboratory, event_id, revision, digest, topic, partition, "offset", recorded_at, key, value,
    headers"""

_FOR: Final = text(f"""
    SELECT {_COLUMNS} FROM waiting_revisions WHERE event_id = ANY(CAST(:event_ids AS uuid[]))
    ORDER BY laboratory, event_id, revision
""")

_WRITE: Final = text("""
    WITH gone AS (
        DELETE FROM waiting_revisions w USING unnest(CAST(:g_laboratory AS text[]), CAST(:g_event_id AS uuid[]),
            CAST(:g_revision AS integer[])) AS g (laboratory, event_id, revision)
        WHERE (w.laboratory, w.event_id, w.revision) = (g.laboratory, g.event_id, g.revision)
    )
    INSERT INTO waiting_revisions (laboratory, event_id, revision, digest, expires_at, topic, partition, "offset",
                                   recorded_at, key, value, headers)
    SELECT laboratory, event_id, revision, digest, expires_at, topic, partition, "offset", recorded_at, key, value,
           CAST(headers AS jsonb)
    FROM unnest(CAST(:laboratory AS text[]), CAST(:event_id AS uuid[]), CAST(:revision AS integer[]),
                CAST(:digest AS text[]), CAST(:expires_at AS timestamptz[]), CAST(:topic AS text[]),
                CAST(:partition AS integer[]), CAST(:offset AS bigint[]), CAST(:recorded_at AS timestamptz[]),
                CAST(:key AS bytea[]), CAST(:value AS bytea[]), CAST(:headers AS text[]))
         AS w (laboratory, event_id, revision, digest, expires_at, topic, partition, "offset", recorded_at, key,
               value, headers)
""")

_DUE: Final = text("SELECT event_id FROM waiting_revisions WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit")

_EXPIRED: Final = text(f"""
    DELETE FROM waiting_revisions WHERE event_id = ANY(CAST(:event_ids AS uuid[])) AND expires_at <= :now
    RETURNING {_COLUMNS}
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A revision with the record it came in."""

    laboratory: str
    event_id: UUID
    revision: int
    digest: str
    record: Record


def waiting_for(connection: Connection, event_ids: Sequence[UUID]) -> tuple[Waiting, ...]:
    """What waits for these events, in the order of revisions."""
    return tuple(map(_waiting, connection.execute(_FOR, {"event_ids": sorted(event_ids)})))


def change(connection: Connection, *, kept: Sequence[Waiting], gone: Sequence[tuple[str, UUID, int]]) -> None:
    """Keep these and forget those, in one statement; nothing when there is nothing to do."""
    if not kept and not gone:
        return
    records = [one.record for one in kept]
    connection.execute(
        _WRITE,
        {
            "g_laboratory": [one[0] for one in gone],
            "g_event_id": [one[1] for one in gone],
            "g_revision": [one[2] for one in gone],
            "laboratory": [one.laboratory for one in kept],
            "event_id": [one.event_id for one in kept],
            "revision": [one.revision for one in kept],
            "digest": [one.digest for one in kept],
            "expires_at": [record.timestamp + PATIENCE for record in records],
            "topic": [record.topic for record in records],
            "partition": [record.partition for record in records],
            "offset": [record.offset for record in records],
            "recorded_at": [record.timestamp for record in records],
            "key": [record.key for record in records],
            "value": [record.value for record in records],
            "headers": [json.dumps(encode_headers(record.headers)) for record in records],
        },
    )


def take_expired(connection: Connection, now: datetime, *, limit: int = 500) -> tuple[Waiting, ...]:
    """Take out what has waited for 30 days; the caller buries it in the same transaction.

    Under the locks of its events: an event that arrives in this moment either finds its revisions or comes too late.
    """
    ids = sorted({row.event_id for row in connection.execute(_DUE, {"now": now, "limit": limit})})
    if not ids:
        return ()
    lock_events(connection, ids)
    return tuple(map(_waiting, connection.execute(_EXPIRED, {"now": now, "event_ids": ids})))


def _waiting(row: "Row[Any]") -> Waiting:
    record = Record(
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        timestamp=row.recorded_at,
        key=row.key,
        value=row.value,
        headers=decode_headers(row.headers),
    )
    return Waiting(
        laboratory=row.laboratory, event_id=row.event_id, revision=row.revision, digest=row.digest, record=record
    )
