"""Loops beside the stream: each does its step again and again, and trouble makes it wait, never end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy import Connection, Engine

from storage.engine import is_infrastructure
from storage.leadership import leadership

log: Final = structlog.get_logger("streams.tasks")

LONGEST_PAUSE: Final = 10.0


async def forever(name: str, step: Callable[[], Awaitable[None]], *, every: float) -> None:
    """Repeat `step`, `every` seconds apart; after an error with longer and longer pauses."""
    pause = every
    while True:
        try:
            await step()
            pause = every
        except Exception as error:
            expected = is_infrastructure(error) or isinstance(error, KafkaError | OSError)
            log.warning("step_failed", task=name, error=type(error).__name__, exc_info=None if expected else error)
            pause = min(max(pause, 0.5) * 2, LONGEST_PAUSE)
        await asyncio.sleep(pause)


@asynccontextmanager
async def leading(engine: Engine, name: str) -> AsyncIterator[Connection | None]:
    """`storage.leadership` for a coroutine: the database is waited for in a thread."""
    with ExitStack() as stack:
        connection = await asyncio.to_thread(stack.enter_context, leadership(engine, name))
        yield connection
