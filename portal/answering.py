"""What the page behind a link does, as one synchronous transaction each; the pages call these in a thread."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from notifiers.cleaning import shown
from notifiers.tokens import LinkPurpose, Links
from schemas.answers import AnswerKind, Way
from storage import answers, subscribers
from storage.answers import Told
from storage.wakeups import Bell, Wakeup

LONGEST_NAME: Final = 100
LONGEST_WORDS: Final = 2_000
Value = TypeVar("Value")


class NotFound(LookupError):
    """The delivery that a token names is not in the ledger."""


@dataclass(frozen=True)
class Answering:
    """`engine` is the database, `links` reads what a reader holds."""

    engine: Engine
    links: Links

    def told(self, token: str, now: datetime) -> Told:
        """What the holder of a link was told. Changes nothing. Raises TokenRefused, NotFound."""
        delivery_id = self.links.read(LinkPurpose.ACKNOWLEDGE, token, now=now)
        return self._in_one(lambda connection: _found(connection, delivery_id))

    def acknowledge(self, token: str, now: datetime, *, by: str) -> None:
        """Keep who read what `told` showed; the second time nothing changes."""
        delivery_id = self.links.read(LinkPurpose.ACKNOWLEDGE, token, now=now)
        self._in_one(lambda connection: answers.acknowledge(connection, delivery_id, by=by, way=Way.LINK))
        Bell(self.engine, Wakeup.LEDGER).ring()

    def report(self, token: str, now: datetime, *, by: str, kind: AnswerKind, text: str) -> None:
        """Keep a measure or an information on what `told` showed."""
        delivery_id = self.links.read(LinkPurpose.ACKNOWLEDGE, token, now=now)
        self._in_one(lambda connection: answers.answer(connection, delivery_id, kind=kind, text=text, by=by))

    def unsubscribe(self, token: str, now: datetime) -> None:
        """End what this address subscribed to; a second time changes nothing. Statutory ones stay."""
        delivery_id = self.links.read(LinkPurpose.UNSUBSCRIBE, token, now=now)
        self._in_one(lambda connection: subscribers.unsubscribe(connection, delivery_id))

    def may_unsubscribe(self, token: str, now: datetime) -> None:
        """Raises TokenRefused when the link is not one of ours."""
        self.links.read(LinkPurpose.UNSUBSCRIBE, token, now=now)

    def _in_one(self, work: Callable[[Connection], Value]) -> Value:
        with self.engine.begin() as connection:
            return work(connection)


def named(text: str) -> str | None:
    """A name as it is kept, or None when there is none to keep."""
    name = shown(text, limit=LONGEST_NAME)
    return name if len(name) >= 2 and len(text) <= LONGEST_NAME * 2 else None


def worded(text: str) -> str | None:
    """Sentences as they are kept, or None when there are none, or too many."""
    if len(text) > LONGEST_WORDS:
        return None
    words = shown(text, limit=LONGEST_WORDS)
    return words if len(words) >= 3 else None


def _found(connection: Connection, delivery_id: str) -> Told:
    told = answers.told(connection, delivery_id)
    if told is None:
        raise NotFound
    return told
