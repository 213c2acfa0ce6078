"""Runs what is due: each second, in one process at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from storage.leadership import confirm
from streams import metrics
from streams.tasks import leading

log: Final = structlog.get_logger("streams.clock")

TICK_SECONDS: Final = 1.0

Tick = Callable[[datetime], int]
"""Runs every timer due at this instant, each in its own transaction; how many ran."""


@dataclass(frozen=True, slots=True)
class Both:
    """Two of them, one after the other."""

    first: Tick
    then: Tick

    def __call__(self, now: datetime) -> int:
        return self.first(now) + self.then(now)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a site. Timers are rows claimed in the transaction of their effect: two clocks would do no harm."""

    engine: Engine
    tick: Tick
    committed: Callable[[], None]

    async def step(self) -> None:
        """Lead and tick for as long as nothing breaks; return when another clock leads."""
        async with leading(self.engine, "clock") as connection:
            while connection is not None:
                ran = await asyncio.to_thread(self.tick, datetime.now(UTC))
                metrics.timers.inc(ran)
                if ran:
                    log.info("timers", ran=ran)
                    await asyncio.to_thread(self.committed)
                await asyncio.sleep(TICK_SECONDS)
                await asyncio.to_thread(confirm, connection)
