"""Is this database the newest that told anything? It may be an old dump: then the topics know more than it does.

What we publish carries the site's name, the epoch and the number in the outbox. A restored dump lacks what was
published after it: a newer epoch, or the newest event or receipt of its own epoch (design 3.10).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.delivery_receipts import DeliveryReceipt
from schemas.topics import DELIVERY_RECEIPTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One message of ours as it lies on its topic. `number` is its place in the outbox that it came from."""

    topic: str
    epoch: int
    number: int
    event_id: UUID
    body: bytes

    @property
    def order(self) -> tuple[int, int]:
        """As it was said: epochs one after another, each in the order of its outbox."""
        return self.epoch, self.number


class Cause(StrEnum):
    """Why a database must not tell anybody."""

    NEWER_EPOCH = "newer_epoch"
    UNKNOWN_EVENT = "unknown_event"
    UNKNOWN_RECEIPT = "unknown_receipt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale:
    """This database is older than what was told from it. `told` is the message that shows it."""

    cause: Cause
    epoch: int
    told: Told

    @property
    def sentence(self) -> str:
        """What happened and what to do."""
        where = f"message {self.told.number} of epoch {self.told.epoch} on {self.told.topic}"
        found = {
            Cause.NEWER_EPOCH: f"{where} is of a newer epoch than the database, which is of epoch {self.epoch}",
            Cause.UNKNOWN_EVENT: f"{where} is not known to the database",
            Cause.UNKNOWN_RECEIPT: f"{where} is the receipt of a delivery that the database does not know of",
        }[self.cause]
        return (
            f"The database is older than what it has told: {found}. It was restored from a dump, or another site has "
            "the same name (TOCSIN_SITE). Nothing is decided or sent until `tocsin recover` has brought it up to date."
        )


UNSURE: Final = 64
"""A server that crashes may take back numbers of the outbox that were drawn and not committed: PostgreSQL keeps a
sequence safe in steps of 32."""


class Restored(Exception):
    """The database went back while this process ran: it was restored from a dump. Start anew."""


@dataclass(slots=True)
class Fence:
    """Notices a restore under a running process: the outbox is another table, or what only grows has shrunk."""

    _seen: tuple[int, int, int] | None = None

    def look(self, connection: Connection) -> None:
        """Raises `Restored` when this is not the database that the process has seen, or an older state of it."""
        row = connection.execute(_REACHED).one()
        table, epoch, last = self._seen or (row.outbox, row.epoch, row.last)
        if row.outbox != table or row.epoch < epoch or row.last < last - UNSURE:
            raise Restored("The database went back while this process ran: it was restored from a dump.")
        self._seen = (row.outbox, row.epoch, row.last)


_EPOCH: Final = text("SELECT number FROM system WHERE name = 'system_epoch'")

_REACHED: Final = text("""
    SELECT CAST(CAST('outbox' AS regclass) AS oid) AS outbox, s.number AS epoch, o.last_value AS last
    FROM system s, outbox_id_seq o WHERE s.name = 'system_epoch'
""")

_KNOWN_EVENT: Final = text("SELECT EXISTS (SELECT FROM outbox WHERE event_id = :event_id AND id = :number)")

_KNOWN_OUTCOME: Final = text("""
    SELECT EXISTS (SELECT FROM deliveries WHERE delivery_id = :delivery_id
        AND (attempts > :attempts OR attempts = :attempts
             AND (state IN (:state, 'acknowledged') OR updated_at >= :changed_at)))
""")
"""Receipts leave the outbox once they are published: the ledger says what they said, or something later."""


def epoch(connection: Connection) -> int:
    """How often this site was recovered, and one."""
    return int(connection.execute(_EPOCH).scalar_one())


def staleness(connection: Connection, newest: Sequence[Told]) -> Stale | None:
    """Whether these newest messages of the site show that the database is older than they are."""
    current = epoch(connection)
    for told in sorted(newest, key=lambda one: one.order, reverse=True):
        cause = _against(connection, told, current)
        if cause is not None:
            return Stale(cause=cause, epoch=current, told=told)
    return None


def _against(connection: Connection, told: Told, current: int) -> Cause | None:
    if told.epoch != current:
        return Cause.NEWER_EPOCH if told.epoch > current else None
    if connection.execute(_KNOWN_EVENT, {"event_id": told.event_id, "number": told.number}).scalar_one():
        return None
    receipt = receipt_of(told)
    if receipt is None:
        return Cause.UNKNOWN_EVENT
    return None if knows(connection, receipt) else Cause.UNKNOWN_RECEIPT


def knows(connection: Connection, receipt: DeliveryReceipt) -> bool:
    """Whether the ledger says what the receipt says, or something later."""
    values = receipt.model_dump(include={"delivery_id", "attempts", "state", "changed_at"})
    return bool(connection.execute(_KNOWN_OUTCOME, values).scalar_one())


def receipt_of(told: Told) -> DeliveryReceipt | None:
    """The receipt in a message; None for an alert event."""
    return DeliveryReceipt.model_validate_json(told.body) if told.topic == DELIVERY_RECEIPTS else None
