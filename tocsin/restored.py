"""Holds back a process whose database is older than what it has told: nothing is decided or sent until `recover`."""

import asyncio
import signal
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy import Engine

from storage.engine import is_infrastructure
from storage.epochs import Stale, staleness
from streams.told import Topics
from tocsin import wiring
from tocsin.settings import Settings

log: Final = structlog.get_logger("tocsin.restored")

LOOK_SECONDS: Final = 2.0
SAY_EVERY: Final = 30
"""In how many looks what is wrong is said once more."""


def stale(settings: Settings, engine: Engine) -> Stale | None:
    """What shows that the database is older than what was told from it; None when it is not."""
    return asyncio.run(_stale(wiring.topics(settings), engine))


def up_to_date(settings: Settings, name: str) -> bool:
    """Returns True as soon as the database knows all that it has told; False when the process was told to end before.

    A process that waits is not ready. It goes on by itself once `tocsin recover` has run; so does one that could not
    ask Kafka, for without an answer nobody knows.
    """
    asked = asyncio.Event()
    asyncio.run(_until_up_to_date(settings, name, asked))
    return not asked.is_set()


async def _until_up_to_date(settings: Settings, name: str, asked: asyncio.Event) -> None:
    """Return when the database is up to date, or `asked` was set by a signal, even by one that came meanwhile."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    topics, engine, looks = wiring.topics(settings), wiring.database(settings, name), 0
    try:
        while not asked.is_set() and not await _fine(topics, engine, say=looks % SAY_EVERY == 0):
            looks += 1
            await _within(asked, LOOK_SECONDS)
    finally:
        engine.dispose()


async def _fine(topics: Topics, engine: Engine, *, say: bool) -> bool:
    try:
        found = await _stale(topics, engine)
    except Exception as error:
        if not (is_infrastructure(error) or isinstance(error, KafkaError | OSError | TimeoutError)):
            raise
        if say:
            log.warning("waits_for_engines", error=repr(error), hint="what was told cannot be read back before")
        return False
    if found is not None and say:
        log.critical("database_restored", cause=found.cause, what=found.sentence)
    return found is None


async def _stale(topics: Topics, engine: Engine) -> Stale | None:
    newest = await topics.newest()

    def ask() -> Stale | None:
        with engine.connect() as connection:
            return staleness(connection, newest)

    return await asyncio.to_thread(ask)


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
