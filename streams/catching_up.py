"""Waits until what lay in the logs at the start has been read: before that, the clock would speak of an old state."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy import Engine

from storage import positions
from storage.positions import LogEdges, Partition
from streams.accounts import logs_of
from streams.config import Stream

log: Final = structlog.get_logger("streams.catching_up")

LOOK_SECONDS: Final = 0.5
PATIENCE: Final = 900.0
"""After so many seconds the clock starts all the same: one log that cannot be read must not keep all cases silent."""


async def caught_up(engine: Engine, stream: Stream) -> None:
    """Return when every position has reached the end that its log had when this was called; held ones do not count.

    A report that lies there may confirm what is about to expire, or say what was to be told as gathered.
    """
    topics = [Partition(flow=stream.flow, topic=one, partition=0) for one in stream.topics]
    _, edges = await logs_of(stream.kafka, topics)
    until = time.monotonic() + PATIENCE
    while unread := await asyncio.to_thread(_unread, engine, edges):
        if time.monotonic() > until:
            log.error("not_caught_up", topics=unread, hint="tocsin positions list")
            return
        await asyncio.sleep(LOOK_SECONDS)


def _unread(engine: Engine, edges: Mapping[Partition, LogEdges]) -> list[str]:
    with engine.begin() as connection:
        known = {one.partition: one for one in positions.all_positions(connection)}
    held = {one for one, position in known.items() if position.held is not None}
    reached = {one: known[one].next_offset if one in known else edge.start for one, edge in edges.items()}
    return sorted(one.topic for one, edge in edges.items() if reached[one] < edge.end and one not in held)
