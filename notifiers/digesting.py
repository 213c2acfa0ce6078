"""Plans digests: whoever is owed one for the window that is over gets a delivery, once; the courier sends it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from notifiers.digests import STANDARD, Heard, digest, digest_id, window
from schemas.deliveries import DeliveryReason
from schemas.digests import Digest, Window
from storage import digests, letters
from storage.digests import Reader


@dataclass(frozen=True, kw_only=True)
class Digesting:
    """Digests of one site; several couriers may run this at once."""

    engine: Engine

    def plan(self, now: datetime) -> int:
        """Give each reader the digest of the last window that is over, once; how many have something to say. What is
        planned and not sent yet is looked at again: it must not say what is more restricted since."""
        with self.engine.begin() as connection:
            readers = digests.readers(connection)
            _renewed(connection, readers)
        owed: dict[Window, list[Reader]] = defaultdict(list)
        for reader in readers:
            owed[window(reader.wish or STANDARD, now)].append(reader)
        return sum(self._plan(over, due) for over, due in owed.items())

    def _plan(self, over: Window, readers: Sequence[Reader]) -> int:
        ids = {digest_id(reader.destination, over): reader for reader in readers}
        with self.engine.begin() as connection:
            had = digests.done(connection, list(ids))
            fresh = {id_: reader for id_, reader in ids.items() if id_ not in had}
            made = _made(connection, over, fresh)
            return digests.plan(connection, over, {id_: (fresh[id_].destination, each) for id_, each in made.items()})


def _renewed(connection: Connection, readers: Sequence[Reader]) -> None:
    """Where there is nothing left that may be said, nothing is sent."""
    known = {reader.destination: reader for reader in readers}
    for over, waiting in digests.waiting(connection).items():
        due = {id_: known[destination] for id_, destination in waiting.items() if destination in known}
        for id_, each in _made(connection, over, due).items():
            if each.empty:
                letters.withhold(connection, id_)
            else:
                letters.replace(connection, id_, each)


def _made(connection: Connection, over: Window, readers: Mapping[str, Reader]) -> dict[str, Digest]:
    """The digest of each reader, by id, from what they heard in the window and the one before."""
    if not readers:
        return {}
    since = over.start - (over.end - over.start)
    heard: dict[str, list[Heard]] = defaultdict(list)
    names = [reader.destination for reader in readers.values()]
    for told in digests.heard(connection, names, since=since, until=over.end):
        waited = told.reason is DeliveryReason.DIGEST
        heard[told.destination].append(
            Heard(event=told.event, at=told.at, waited=waited, content=told.content, handling=told.handling)
        )
    return {
        id_: digest(
            over,
            heard[reader.destination],
            channel=reader.channel,
            clearance=reader.clearance,
            language=reader.language,
        )
        for id_, reader in readers.items()
    }
