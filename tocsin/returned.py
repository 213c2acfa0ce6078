"""Takes one mail that came back into the ledger: whose it is by its address, what it says, what follows from it."""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers import metrics
from notifiers.email.bounces import LONGEST, Bounce, read_bounce, recipients_of
from notifiers.email.verp import Verp
from notifiers.metrics import Page, Returned
from schemas.bounces import Came
from storage.bounces import Settled, settle
from tocsin.errors import Refusal

log: Final = structlog.get_logger("tocsin.bounces")


@dataclass(frozen=True)
class Returns:
    """Promises: only a mail to an address that we made counts, once; the same mail again changes nothing."""

    engine: Engine
    verp: Verp

    def about(self, recipients: tuple[str, ...]) -> str | None:
        """The delivery that a mail to these addresses is about."""
        return next((found for each in recipients if (found := self.verp.read(each)) is not None), None)

    def take(self, raw: bytes, recipients: tuple[str, ...] = ()) -> Returned:
        """What the mail was. `recipients`: those of its envelope, where they are known. Raises what the database
        raises: the mail is to be kept then, and taken again."""
        raw = raw[:LONGEST]
        delivery = self.about(recipients or recipients_of(raw))
        kind = Returned.FORGED if delivery is None else self._counted(delivery, raw)
        metrics.bounces.labels(kind.value).inc()
        log.info("bounce", said=kind.value, delivery=delivery)
        return kind

    def _counted(self, delivery: str, raw: bytes) -> Returned:
        bounce = read_bounce(raw)
        if bounce.came is Came.NOTHING:
            return Returned.NOTHING
        with self.engine.begin() as connection:
            settled = settle(
                connection,
                delivery,
                digest=hashlib.sha256(raw).hexdigest(),
                came=bounce.came,
                status=bounce.status,
                said=bounce.said,
                lost=bounce.loses_address,
            )
        if settled is None:
            return Returned.UNKNOWN
        _page(settled, bounce)
        return Returned(bounce.came.value) if settled.news else Returned.REPEATED


def _page(settled: Settled, bounce: Bounce) -> None:
    if settled.pages:
        cause = Page.ADDRESS_LOST if settled.lost else Page.BOUNCED
        metrics.pages.labels(cause.value).inc()
        log.error(
            "page",
            cause=cause,
            delivery=settled.delivery_id,
            destination=settled.destination,
            status=bounce.status,
        )


@dataclass(frozen=True)
class Maildir:
    """A Maildir (`new`, `cur`) that another program delivers to. What was taken is moved to `cur`."""

    path: Path

    def check(self) -> None:
        """Refuse what is no Maildir."""
        if not ((self.path / "new").is_dir() and (self.path / "cur").is_dir()):
            raise Refusal(f"{self.path} is no Maildir: it has no folders new and cur.")

    def taken(self, returns: Returns) -> Counter[str]:
        """Take every new mail; how many of each kind. A mail whose taking fails stays, and so do those after it."""
        self.check()
        counted: Counter[str] = Counter()
        for file in sorted((self.path / "new").iterdir()):
            raw = _read(file)
            if raw is None:
                continue
            counted[returns.take(raw).value] += 1
            file.rename(self.path / "cur" / f"{file.name}:2,S")
        return counted


def _read(file: Path) -> bytes | None:
    """The beginning of a plain file; links and everything else are left alone."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read(LONGEST) if file.is_file() else None
