"""Shows whether each stage passes on what it took in, and who is silent: once a minute, in one process."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Engine

from storage.balance import Balance, balance
from storage.leadership import confirm
from streams import conservation_metrics as metrics
from streams.tasks import leading

log: Final = structlog.get_logger("streams.conserving")

EVERY_SECONDS: Final = 60.0
SHARE: Final = 50
"""A look that takes long is followed by a pause this many times as long: never more than a fiftieth of the time."""


@dataclass(frozen=True, slots=True)
class Conserving:
    """The bookkeeper of a site. Whoever does not lead shows zeros: ask for the greatest over all workers."""

    engine: Engine
    every: float = EVERY_SECONDS

    async def step(self) -> None:
        """Lead and look for as long as nothing breaks; return when another process leads."""
        async with leading(self.engine, "conservation") as connection:
            try:
                while connection is not None:
                    begin = time.monotonic()
                    found = await asyncio.to_thread(balance, self.engine)
                    metrics.show(found)
                    _say(found)
                    await asyncio.sleep(max(self.every, SHARE * (time.monotonic() - begin)))
                    await asyncio.to_thread(confirm, connection)
            finally:
                metrics.clear()


def _say(found: Balance) -> None:
    gaps = {stage.value: count for stage, count in found.gaps.items() if count}
    if gaps:
        log.error("page", cause="conservation_gap", hint="tocsin audit", gaps=gaps)
