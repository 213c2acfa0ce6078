"""Looks after the ways to destinations: tells owners whose endpoint was switched off, and when certificates end."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers import metrics
from notifiers.email.letters import switched_off
from notifiers.email.message import template
from notifiers.email.relay import MailRelay
from notifiers.email.smime import Signer, expiry
from notifiers.metrics import Whose
from notifiers.outcomes import Verdict
from notifiers.sending import Mail
from storage import endpoints
from storage.endpoints import SwitchedOff

log: Final = structlog.get_logger("notifiers.notices")

LOOK_EVERY: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Notices:
    """Several couriers may run this: each notice is handed out once."""

    engine: Engine
    relay: MailRelay
    mail: Mail
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
        for each in await asyncio.to_thread(self._due):
            await self._tell(each)
        ends = await asyncio.to_thread(self._certificates)
        site = [] if self.signer is None else [self.signer.certificate.not_valid_after_utc]
        show_expiry(site=site, readers=ends)

    async def _tell(self, off: SwitchedOff) -> None:
        """By mail to every mailbox of the same subscriber; when none could be tried, again at the next look."""
        outcomes = [await self._send(off, address, language) for address, language in off.owners]
        log.warning("endpoint_switched_off", destination=off.destination, reason=off.reason, told=len(outcomes))
        if outcomes and all(verdict is Verdict.DEFERRED for verdict in outcomes):
            await asyncio.to_thread(self._again, off.destination)

    async def _send(self, off: SwitchedOff, address: str, language: str) -> Verdict:
        thread = hashlib.sha256(f"notice:{off.destination}:{off.reason}".encode()).hexdigest()[:32]
        body = switched_off(off.address, off.reason, language=language, thread=thread)
        now = datetime.now(UTC)
        id_ = hashlib.sha256(f"{thread}:{address}:{now:%Y-%m-%d}".encode()).hexdigest()[:32]
        message = template(body, relay=self.relay).fill(delivery_id=id_, recipient=address, at=now)
        return (await self.mail.send(message, sender=self.relay.from_address, recipient=address)).verdict

    def _due(self) -> tuple[SwitchedOff, ...]:
        with self.engine.begin() as connection:
            return endpoints.notices(connection)

    def _again(self, destination: str) -> None:
        with self.engine.begin() as connection:
            endpoints.notice_again(connection, destination)

    def _certificates(self) -> list[datetime]:
        with self.engine.connect() as connection:
            found = endpoints.certificates(connection)
        return [expiry(pem) or datetime.fromtimestamp(0, UTC) for pem in found]


def show_expiry(*, site: Iterable[datetime], readers: Iterable[datetime]) -> None:
    """The first certificate of each kind to end; 0 where there is none."""
    for whose, ends in ((Whose.SITE, list(site)), (Whose.READER, list(readers))):
        metrics.certificate_expiry.labels(whose.value).set(min(ends).timestamp() if ends else 0.0)
