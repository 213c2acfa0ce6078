"""Recovers a restored database from what was told: one transaction, committed or, to look at it first, given up."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from alerts.told import NOT_REPEATED, ToldBefore
from notifiers.planning import Policy, plan
from schemas.alert_events import AlertEvent
from schemas.subscribers import Recipient
from schemas.vocabularies import Tense
from storage import audiences, recovery, subscribers, threads, told_before
from storage.epochs import Told
from storage.leadership import leadership
from storage.recovery import Unsettled
from streams.told import Topics
from tocsin.errors import Refusal

CHUNK: Final = 2_000
"""Messages that are put beside the tables in one statement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who recovers, and why."""

    by: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovered:
    """What was found and done. `numbers` are the highest that people know; `strangers` destinations with receipts that
    are not registered here; `to_redo` alerts about which persons had decided what cannot be repeated from messages."""

    epoch: int
    messages: int
    events: int
    alerts: int
    numbers: Mapping[Tense, int]
    receipts: int
    unsettled: Unsettled
    strangers: tuple[str, ...]
    to_redo: tuple[str, ...]

    def shown(self) -> dict[str, object]:
        """For machines."""
        return {**asdict(self), "numbers": {tense.value: number for tense, number in self.numbers.items()}}


def recover(engine: Engine, topics: Topics, person: Person, *, really: bool, leave_out: bool) -> Recovered:
    """Import all that was told and begin a new epoch; without `really`, do it and take it back.

    Raises `Refusal` where a process works on the database, or where receipts speak of unknown destinations that are
    not to be left out.
    """
    with leadership(engine, "relay") as alone, closing(engine.connect()) as connection:
        if alone is None:
            raise Refusal("A worker runs on this database: stop all workers and couriers, then recover.")
        with connection.begin() as transaction:
            found = _recovered(connection, topics)
            if found.strangers and really and not leave_out:
                raise _unknown_destinations(found.strangers)
            if really:
                recovery.raise_sequences(connection, found.numbers)
                recovery.note(connection, by=person.by, reason=person.reason, found=found.shown())
            else:
                transaction.rollback()
    return found


def _recovered(connection: Connection, topics: Topics) -> Recovered:
    recovery.begin(connection)
    messages = asyncio.run(_stage(connection, topics))
    absent = recovery.absent(connection)
    receipts, unsettled = recovery.settle(connection)
    recovery.import_events(connection)
    audience = subscribers.recipients(connection)
    for event, _ in absent:
        _plan(connection, event, audience)
        more, open_ones = recovery.settle(connection, event.event_id)
        receipts, unsettled = receipts + more, unsettled + open_ones
    unknown = _by_alert([event for event, known in absent if not known])
    told_before.keep(connection, [ToldBefore.of(events) for events in unknown])
    return Recovered(
        messages=messages,
        events=sum(map(len, unknown)),
        alerts=len(unknown),
        numbers=recovery.highest_numbers(connection),
        receipts=receipts,
        unsettled=unsettled,
        strangers=recovery.strangers(connection),
        to_redo=tuple(sorted({event.number for events in unknown for event in events if _by_hand(event)})),
        epoch=recovery.next_epoch(connection),
    )


async def _stage(connection: Connection, topics: Topics) -> int:
    """Read the topics from their beginning; how many messages of ours there were."""
    count, chunk = 0, list[Told]()
    async for told in topics.everything():
        chunk.append(told)
        if len(chunk) >= CHUNK:
            count += await asyncio.to_thread(_staged, connection, chunk)
            chunk = []
    return count + await asyncio.to_thread(_staged, connection, chunk)


def _staged(connection: Connection, told: Sequence[Told]) -> int:
    recovery.stage(connection, told)
    return len(told)


def _plan(connection: Connection, event: AlertEvent, audience: Sequence[Recipient]) -> None:
    """Who is to be told, as dispatch would say it today; what came of it the receipts say."""
    threads.lock(connection, event.alert_id)
    thread, now = threads.load(connection, event.alert_id), threads.now(connection)
    made = plan(event, audience, thread=thread, policy=Policy(blast_limit=ANY_NUMBER), now=now)
    threads.seen(connection, event)
    if made.hold is None and not made.outdated:
        threads.record(connection, event, deliveries=made.deliveries, superseded=made.superseded)
    recovery.planned(connection, event.event_id)
    audiences.end(connection, [event.event_id])


ANY_NUMBER: Final = 2**31
"""They were told already."""


def _by_hand(event: AlertEvent) -> bool:
    return not NOT_REPEATED.isdisjoint(event.changes)


def _by_alert(events: Sequence[AlertEvent]) -> list[list[AlertEvent]]:
    found: dict[str, list[AlertEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.revision):
        found[event.alert_id].append(event)
    return list(found.values())


def _unknown_destinations(strangers: Sequence[str]) -> Refusal:
    return Refusal(
        f"{len(strangers)} destinations have receipts and are not registered in this database, {strangers[0]} among "
        "them: import your subscribers again (`tocsin subscriber add FILE`), or go on without them with --leave-out. "
        "Nothing was changed."
    )
