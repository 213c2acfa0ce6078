"""Ends a process under which the database was restored from a dump: it starts anew, and then waits for `recover`."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Engine

from storage.epochs import Fence, Restored
from streams.tasks import forever

log: Final = structlog.get_logger("streams.fencing")

LOOK_SECONDS: Final = 0.5


async def fenced(engine: Engine, *, broken: Callable[[], None]) -> None:
    """Look again and again; `broken` is called when the database has gone back."""
    fence = Fence()

    def look() -> None:
        with engine.connect() as connection:
            fence.look(connection)

    async def step() -> None:
        try:
            await asyncio.to_thread(look)
        except Restored as error:
            log.critical("restored_under_us", what=str(error))
            broken()

    await forever("fence", step, every=LOOK_SECONDS)
