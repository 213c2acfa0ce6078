"""Sends digests: plans the window that is over for everybody, then one claim, one mail, one result after the other."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers.digests import STANDARD, Heard, digest, digest_id, window
from notifiers.email.message import template
from notifiers.email.relay import MailRelay
from notifiers.outcomes import Outcome, Verdict
from notifiers.rendering import digest_body
from notifiers.sending import Mail
from schemas.deliveries import DeliveryReason
from schemas.digests import Window
from storage import digests
from storage.digests import MOST_ATTEMPTS, Claimed, Reader

log: Final = structlog.get_logger("notifiers.digests")

STATES: Final = {
    Verdict.ACCEPTED: "accepted",
    Verdict.DEFERRED: "planned",
    Verdict.UNKNOWN: "unknown",
    Verdict.FAILED: "failed",
}
"""A digest whose reply was lost is not sent again: it is nothing urgent, and nobody wants it twice."""


@dataclass(frozen=True, kw_only=True)
class Digesting:
    """Digests of one site; several couriers may run this at once."""

    engine: Engine
    relay: MailRelay
    mail: Mail

    def plan(self, now: datetime) -> int:
        """Give each reader the digest of the last window that is over, once; how many have something to say."""
        with self.engine.begin() as connection:
            digests.give_up_left(connection)
            owed: dict[Window, list[Reader]] = defaultdict(list)
            for reader in digests.readers(connection):
                owed[window(reader.wish or STANDARD, now)].append(reader)
        return sum(self._plan(over, readers) for over, readers in owed.items())

    def _plan(self, over: Window, readers: Sequence[Reader]) -> int:
        ids = {digest_id(reader.destination, over): reader for reader in readers}
        planned = 0
        with self.engine.begin() as connection:
            had = digests.done(connection, list(ids))
            fresh = {id_: reader for id_, reader in ids.items() if id_ not in had}
            if not fresh:
                return 0
            since = over.start - (over.end - over.start)
            heard: dict[str, list[Heard]] = defaultdict(list)
            names = [reader.destination for reader in fresh.values()]
            for told in digests.heard(connection, names, since=since, until=over.end):
                heard[told.destination].append(
                    Heard(
                        event=told.event,
                        at=told.at,
                        waited=told.reason is DeliveryReason.DIGEST,
                        content=told.content,
                        handling=told.handling,
                    )
                )
            for id_, reader in fresh.items():
                made = digest(over, heard[reader.destination], clearance=reader.clearance, language=reader.language)
                planned += digests.plan(connection, id_, reader.destination, made) and not made.empty
        return planned

    async def send(self) -> int:
        """Send what is due; how many were tried. The database is waited for in threads: couriers share the loop."""
        tried = 0
        while (claimed := await asyncio.to_thread(self._claim)) is not None:
            message = await asyncio.to_thread(self._message, claimed)
            outcome = await self.mail.send(message, sender=self.relay.from_address, recipient=claimed.address)
            await asyncio.to_thread(self._finish, claimed, outcome)
            tried += 1
        return tried

    def _claim(self) -> Claimed | None:
        with self.engine.begin() as connection:
            return digests.claim(connection)

    def _message(self, claimed: Claimed) -> bytes:
        body = digest_body(claimed.digest, digest_id=claimed.digest_id, language=claimed.language)
        made = template(body, relay=self.relay)
        return made.fill(delivery_id=claimed.digest_id, recipient=claimed.address, at=datetime.now(UTC))

    def _finish(self, claimed: Claimed, outcome: Outcome) -> None:
        state = STATES[outcome.verdict]
        if state == "planned" and claimed.attempt >= MOST_ATTEMPTS:
            state = "failed"
        with self.engine.begin() as connection:
            digests.finish(connection, claimed, state=state, answer=outcome.answer)
        log.info("digest", digest=claimed.digest_id, state=state, reason=outcome.reason.value)
