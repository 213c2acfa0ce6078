"""The ledger to look at: deliveries by filter, one with its reasons and attempts, and the figures of what is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, text

from schemas.bounces import Came
from schemas.deliveries import Channel, DeliveryState
from schemas.plans import GateNote


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One delivery in a list. `destination` is the opaque id."""

    delivery_id: str
    alert: str
    alert_id: str
    revision: int
    kind: str
    purpose: str
    level: int
    tense: str
    subscriber: str
    destination: str
    channel: str
    address: str
    content: str
    state: str
    reason: str
    attempts: int
    due_at: datetime | None
    decided_at: datetime
    planned_at: datetime
    accepted_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt; `ended_at` None: its courier died or still sends."""

    number: int
    courier: str
    started_at: datetime
    ended_at: datetime | None
    verdict: str | None
    reason: str | None
    code: str | None
    answer: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Redrive:
    """That a person had it tried again."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CameBack:
    """A mail that came back about it."""

    came: Came
    status: str
    said: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """One delivery with everything that is known of it."""

    row: Row
    gates: tuple[GateNote, ...]
    subscriptions: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    redrives: tuple[Redrive, ...] = ()
    came_back: tuple[CameBack, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What is open now, for gauges and for who waits that all is sent. Seconds."""

    open: Mapping[tuple[DeliveryState, Channel], int]
    oldest_pending: float
    outbox_age: float


_COLUMNS: Final = """
    d.delivery_id, d.number AS alert, d.alert_id, d.revision, d.kind, d.purpose, d.level, d.tense,
    t.subscriber_id AS subscriber, d.destination_id AS destination, d.channel, t.address, d.content, d.state, d.reason,
    d.attempts, d.due_at, d.decided_at, d.planned_at, d.accepted_at
"""

_LIST: Final = text(f"""
    SELECT {_COLUMNS} FROM deliveries d JOIN destinations t ON t.id = d.destination_id
    WHERE (CAST(:alert AS text) IS NULL OR :alert IN (d.alert_id, d.number))
      AND (CAST(:state AS text) IS NULL OR d.state = :state)
      AND (CAST(:destination AS text) IS NULL OR :destination IN (d.destination_id, t.address, t.subscriber_id))
    ORDER BY d.planned_at DESC, d.delivery_id LIMIT :limit
""")

_SHOW: Final = text(f"""
    SELECT {_COLUMNS}, d.gates, d.subscriptions
    FROM deliveries d JOIN destinations t ON t.id = d.destination_id
    WHERE d.delivery_id LIKE :prefix || '%' ORDER BY d.delivery_id LIMIT 2
""")

_ATTEMPTS: Final = text("""
    SELECT number, courier, started_at, ended_at, verdict, reason, code, answer
    FROM attempts WHERE delivery_id = :delivery_id ORDER BY number
""")

_REDRIVES: Final = text("SELECT by, reason, at FROM redrives WHERE delivery_id = :delivery_id ORDER BY id")

_CAME_BACK: Final = text(
    "SELECT came, status, said, at FROM bounces WHERE delivery_id = :delivery_id ORDER BY at, digest"
)

_OPEN: Final = text("""
    SELECT state, channel, count(*) AS number,
           coalesce(extract(epoch FROM now() - min(due_at)), 0) AS waited
    FROM deliveries WHERE state IN ('planned', 'sending', 'deferred', 'unknown') GROUP BY state, channel
""")

_OUTBOX_AGE: Final = text("""
    SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox
    WHERE planned_at IS NULL AND topic = 'alert-events'
""")

_COUNTS: Final = text("SELECT channel, state, count(*) AS number FROM deliveries GROUP BY channel, state")

_NOTES: Final = TypeAdapter(tuple[GateNote, ...])


def listed(
    connection: Connection,
    *,
    alert: str | None = None,
    state: DeliveryState | None = None,
    destination: str | None = None,
    limit: int = 100,
) -> tuple[Row, ...]:
    """The newest deliveries that fit: `alert` is an id or number; `destination` an id, address or subscriber."""
    wanted = {"alert": alert, "state": state, "destination": destination, "limit": limit}
    return tuple(Row(**row) for row in connection.execute(_LIST, wanted).mappings())


def shown(connection: Connection, prefix: str) -> tuple[Detail, ...]:
    """The deliveries whose id begins so; at most two, which is enough to say that it is not clear."""
    details = []
    for found in connection.execute(_SHOW, {"prefix": prefix}).mappings():
        columns = {name: value for name, value in found.items() if name not in ("gates", "subscriptions")}
        tried = connection.execute(_ATTEMPTS, {"delivery_id": found["delivery_id"]}).mappings()
        redriven = connection.execute(_REDRIVES, {"delivery_id": found["delivery_id"]}).mappings()
        returned = connection.execute(_CAME_BACK, {"delivery_id": found["delivery_id"]}).mappings()
        details.append(
            Detail(
                row=Row(**columns),
                gates=_NOTES.validate_python(found["gates"]),
                subscriptions=tuple(found["subscriptions"]),
                attempts=tuple(Attempt(**each) for each in tried),
                redrives=tuple(Redrive(**each) for each in redriven),
                came_back=tuple(CameBack(**{**each, "came": Came(each["came"])}) for each in returned),
            )
        )
    return tuple(details)


def figures(connection: Connection) -> Figures:
    """What is open now."""
    rows = connection.execute(_OPEN).all()
    return Figures(
        open={(DeliveryState(row.state), Channel(row.channel)): row.number for row in rows},
        oldest_pending=max((float(row.waited) for row in rows), default=0.0),
        outbox_age=float(connection.execute(_OUTBOX_AGE).scalar_one()),
    )


def counts(connection: Connection) -> Mapping[Channel, Mapping[DeliveryState, int]]:
    """Deliveries by channel and state, the whole ledger."""
    found: dict[Channel, dict[DeliveryState, int]] = {channel: {} for channel in Channel}
    for row in connection.execute(_COUNTS):
        found[Channel(row.channel)][DeliveryState(row.state)] = row.number
    return found
