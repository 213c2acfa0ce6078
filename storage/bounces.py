"""What a mail that came back changes in the ledger: the delivery fails or is delivered, the address may be lost."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from schemas.bounces import Came
from schemas.deliveries import OutcomeReason
from schemas.vocabularies import Level
from storage import endpoints, subscribers
from storage.receipts import receipts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The delivery that it was about. `news` is false for the same mail again, `lost` when the address was suppressed
    because of it, `failed` when the delivery now counts as failed."""

    delivery_id: str
    destination: str
    statutory: bool
    level: Level
    news: bool
    failed: bool
    lost: bool

    @property
    def pages(self) -> bool:
        """Whether a person must look: somebody who must be told was not."""
        return (self.failed and (self.statutory or self.level >= Level.L3)) or (self.lost and self.statutory)


_ABOUT: Final = text("""
    SELECT delivery_id, destination_id AS destination, statutory, level FROM deliveries
    WHERE delivery_id = :delivery_id AND channel = 'email' FOR UPDATE
""")

_KEEP: Final = text("""
    INSERT INTO bounces (delivery_id, digest, came, status, said)
    SELECT :delivery_id, :digest, :came, :status, :said
    WHERE (SELECT count(*) FROM bounces WHERE delivery_id = :delivery_id) < 20
    ON CONFLICT DO NOTHING
""")
"""Twenty at most of one delivery: who received the mail could send any number."""

_MOVE: Final = text(f"""
    WITH moved AS (
      UPDATE deliveries d SET state = :state, reason = :reason, due_at = NULL, updated_at = clock_timestamp()
      WHERE d.delivery_id = :delivery_id AND d.state = ANY(:movable) RETURNING d.*),
    told AS ({receipts_of("moved")})
    SELECT count(*) FROM moved
""")

_AFTER_SENDING: Final = ["accepted", "delivered", "unknown"]
_UNHEARD: Final = ["accepted", "unknown"]


def settle(
    connection: Connection, delivery_id: str, *, digest: str, came: Came, status: str, said: str, lost: bool
) -> Settled | None:
    """Keep what came back, once, and let it count. What a person acknowledged stays acknowledged. `lost`: the address
    does not exist. None: no such delivery."""
    row = connection.execute(_ABOUT, {"delivery_id": delivery_id}).mappings().one_or_none()
    if row is None:
        return None
    kept = {"delivery_id": delivery_id, "digest": digest, "came": came, "status": status, "said": said}
    news = connection.execute(_KEEP, kept).rowcount > 0
    moved = news and _moved(connection, delivery_id, came)
    dropped = news and lost and _lose(connection, row["destination"], status)
    return Settled(
        delivery_id=delivery_id,
        destination=row["destination"],
        statutory=row["statutory"],
        level=Level(row["level"]),
        news=news,
        failed=moved and came is Came.FAILED,
        lost=dropped,
    )


def _moved(connection: Connection, delivery_id: str, came: Came) -> bool:
    if came not in (Came.FAILED, Came.DELIVERED):
        return False
    failed = came is Came.FAILED
    values = {
        "delivery_id": delivery_id,
        "state": "failed" if failed else "delivered",
        "reason": OutcomeReason.BOUNCED if failed else OutcomeReason.NOTIFIED,
        "movable": _AFTER_SENDING if failed else _UNHEARD,
    }
    return bool(connection.execute(_MOVE, values).scalar_one())


def _lose(connection: Connection, destination: str, status: str) -> bool:
    lost = subscribers.suppress(connection, destination, OutcomeReason.ADDRESS_REFUSED)
    if lost:
        endpoints.log(connection, destination, action="switched off", by="bounces", reason=f"mail came back: {status}")
    return lost
