"""The ledger as one courier asks it: in threads, many claims or many results in one committed transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from notifiers.gathering import Gathering
from schemas.deliveries import DeliveryState
from storage import claiming, ledger
from storage.claiming import Begun
from storage.engine import is_infrastructure
from storage.ledger import Due, Result

log: Final = structlog.get_logger("notifiers.courier")

Value = TypeVar("Value")

CLAIMS: Final = 32
"""In one transaction. The first mail of a burst waits for all that are claimed with it: some five milliseconds."""

RESULTS: Final = 64

PAUSE: Final = 0.015
"""Seconds between two groups. A send that is not recorded when its courier dies is `unknown`."""


class Booking:
    """Belongs to the courier of this name."""

    def __init__(self, engine: Engine, name: str, *, threads: int) -> None:
        self._engine = engine
        self._name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ledger")
        self._claims = Gathering(self._claim, self._claim_one, most=CLAIMS, pause=0.0)
        self._results = Gathering(self._record, self._record_one, most=RESULTS, pause=PAUSE)

    async def claim(self, wanted: Due) -> Begun | None:
        """Begin an attempt, committed; None: not ours, not now."""
        return await self._claims.ask(wanted)

    async def record(self, result: Result) -> DeliveryState | None:
        """Record what came of an attempt, however long the database is away."""
        return await self._results.ask(result)

    async def insist(self, work: Callable[[Connection], Value]) -> Value:
        """The work, again every second while the database is away."""
        while True:
            try:
                return await self.transact(work)
            except Exception as error:
                if not is_infrastructure(error):
                    raise
                log.warning("database_away", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def transact(self, work: Callable[[Connection], Value]) -> Value:
        """One committed transaction, in a thread."""

        def transacted() -> Value:
            with self._engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transacted)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)

    async def _claim(self, wanted: Sequence[Due]) -> Mapping[Due, Begun | None]:
        found = await self.transact(lambda connection: claiming.claim(connection, wanted, self._name))
        return {each: found.get(each.delivery_id) for each in wanted}

    async def _claim_one(self, wanted: Due) -> Begun | None:
        return (await self._claim([wanted]))[wanted]

    async def _record(self, results: Sequence[Result]) -> Mapping[Result, DeliveryState | None]:
        return await self.insist(lambda connection: ledger.finish(connection, results))

    async def _record_one(self, result: Result) -> DeliveryState | None:
        return await self.insist(lambda connection: ledger.finish_one(connection, result))
