"""Sends what waits in a journal, in order, as often as it takes; a mark is set only for what Kafka has acknowledged."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.config import Kafka
from streams.publishing import NotPublished, Refused, publisher
from tocsin.errors import Refusal
from tocsin.journal import Entry, Journal, Key, identified
from tocsin.report_files import lines

_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
_MOST_FAULTS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How to send: how many seconds without progress to bear, whom to tell, and what to do at each step."""

    kafka: Kafka
    patience: float
    say: Callable[[str], None]
    advanced: Callable[[int], None]


def entries(journal: Journal, files: Sequence[Path]) -> list[Entry]:
    """Every report of the files. One without an identity, or changed under the same one, refuses all of them."""
    found: list[Entry] = []
    seen: dict[Key, str] = {}
    faults: list[str] = []
    for path in files:
        for line in lines(path):
            entry = identified(line.value)
            if isinstance(entry, str):
                faults.append(f"{path}:{line.number}: {entry}")
            elif journal.conflict(entry) or seen.setdefault(entry.key, entry.digest) != entry.digest:
                faults.append(f"{path}:{line.number}: {_changed(entry)}")
            else:
                found.append(entry)
    if faults:
        raise Refusal(
            "\n".join([*faults[:_MOST_FAULTS], f"{len(faults)} such lines; nothing of these files was sent."])
        )
    return found


def _changed(entry: Entry) -> str:
    return (
        f"Event {entry.event_id} revision {entry.revision} was given before with another content. "
        "A change is a new revision: raise `revision` and say `action: amend`."
    )


async def send(journal: Journal, sending: Sending) -> int:
    """Until Kafka has everything; how many that were. Raises `Refusal` when it refuses, or is away for too long."""
    before, last, pause = journal.standing.acknowledged, time.monotonic(), _PAUSE
    while journal.standing.waiting:
        had = journal.standing.acknowledged
        try:
            await _once(journal, sending)
        except NotPublished as error:
            if journal.standing.acknowledged > had:
                last, pause = time.monotonic(), _PAUSE
            if isinstance(error, Refused) or time.monotonic() - last >= sending.patience:
                raise _given_up(journal, error) from error
            sending.say(f"{error} {journal.standing.waiting:,} reports wait in the journal; trying again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
    return journal.standing.acknowledged - before


async def _once(journal: Journal, sending: Sending) -> None:
    async with publisher(sending.kafka) as out:
        async for more in out.publish(journal.standing.topic, journal.waiting()):
            journal.acknowledge(more)
            sending.advanced(more)


def _given_up(journal: Journal, error: NotPublished) -> Refusal:
    return Refusal(
        f"{error} {journal.standing.waiting:,} reports are kept in the journal and not acknowledged: "
        "run the same command again; without files it goes on where it stopped."
    )
