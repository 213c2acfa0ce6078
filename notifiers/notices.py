"""Looks after the ways to destinations: tells owners whose endpoint was switched off, and when certificates end."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers import metrics
from notifiers.email.smime import Signer, expiry
from notifiers.metrics import Whose
from schemas.deliveries import Content, DeliveryReason, Gate, Purpose
from schemas.letters import EndpointOff
from storage import endpoints, letters
from storage.endpoints import SwitchedOff

log: Final = structlog.get_logger("notifiers.notices")

LOOK_EVERY: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Notices:
    """Several couriers may run this: each notice is planned once."""

    engine: Engine
    signer: Signer | None = None
    look_every: float = LOOK_EVERY

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:
                log.warning("notices_failed", error=type(error).__name__)
            await asyncio.sleep(self.look_every)

    async def look(self) -> None:
        """One round."""
        for off, told in await asyncio.to_thread(self._planned):
            log.warning("endpoint_switched_off", destination=off.destination, reason=off.reason, told=told)
        ends = await asyncio.to_thread(self._certificates)
        site = [] if self.signer is None else [self.signer.certificate.not_valid_after_utc]
        show_expiry(site=site, readers=ends)

    def _planned(self) -> list[tuple[SwitchedOff, int]]:
        """Word to every mailbox of the same subscriber, as deliveries, in the transaction that notes that they are
        told."""
        with self.engine.begin() as connection:
            due = endpoints.notices(connection)
            return [(off, sum(letters.plan(connection, each) for each in _letters(off))) for off in due]

    def _certificates(self) -> list[datetime]:
        with self.engine.connect() as connection:
            found = endpoints.certificates(connection)
        return [expiry(pem) or datetime.fromtimestamp(0, UTC) for pem in found]


def _letters(off: SwitchedOff) -> Iterator[letters.Planned]:
    for owner in off.owners:
        about = f"notice\x1f{off.destination}\x1f{off.reason}\x1f{off.at.isoformat()}\x1f{owner}"
        yield letters.Planned(
            delivery_id=hashlib.sha256(about.encode()).hexdigest()[:32],
            destination=owner,
            number=f"notice-{off.at:%Y-%m-%d}",
            purpose=Purpose.NOTICE,
            gate=Gate.DESTINATION,
            reason=DeliveryReason.OWNER,
            content=Content.BARE,
            letter=EndpointOff(url=off.address, reason=off.reason),
        )


def show_expiry(*, site: Iterable[datetime], readers: Iterable[datetime]) -> None:
    """The first certificate of each kind to end; 0 where there is none."""
    for whose, ends in ((Whose.SITE, list(site)), (Whose.READER, list(readers))):
        metrics.certificate_expiry.labels(whose.value).set(min(ends).timestamp() if ends else 0.0)
