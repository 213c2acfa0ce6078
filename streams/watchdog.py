"""Looks after every registered partition: one that has unread records and does not move is read directly."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Generic

import structlog
from sqlalchemy import Engine

from storage import positions
from storage.positions import LogEdges, Partition, Position
from streams import metrics
from streams.accounts import logs_of
from streams.agents import Guard
from streams.config import Stream
from streams.stage import Prepared
from streams.tasks import leading

log: Final = structlog.get_logger("streams.watchdog")


@dataclass(slots=True)
class Watchdog(Generic[Prepared]):
    """Any worker's watchdog looks at all partitions, whoever reads them; one at a time heals each.

    It is what brings back records that Faust skipped at the quiet tail of a topic, where no later record shows a gap,
    and those of a worker that is in its group but does nothing. It also sees when a log is not the one that was read,
    and holds its partition. What is held it leaves alone; what was released it reads at once.
    """

    engine: Engine
    stream: Stream
    guard: Guard[Prepared]
    _seen: dict[Partition, tuple[int, float]] = field(default_factory=dict)
    _held: set[Partition] = field(default_factory=set)

    async def step(self) -> None:
        """One look at all partitions."""
        watched = [Partition(flow=self.stream.flow, topic=topic, partition=0) for topic in self.stream.topics]
        if not watched:
            return
        known = await asyncio.to_thread(self._positions, watched)
        await self.guard.look([one for one in known.values() if one.held is None])
        known = await asyncio.to_thread(self._positions, watched)
        _, edges = await logs_of(self.stream.kafka, watched)
        nexts = {one: known[one].next_offset if one in known else edge.start for one, edge in edges.items()}
        metrics.show_lag({one: max(0, edge.end - nexts[one]) for one, edge in edges.items()}, known)
        held = {one for one, position in known.items() if position.held is not None}
        self._seen |= {one: (nexts[one], -inf) for one in self._held - held if one in nexts}
        self._held = held
        for partition in self._stalled(edges, nexts):
            if partition not in held:
                await self._heal(partition, nexts[partition], edges[partition].end)

    def _stalled(self, edges: Mapping[Partition, LogEdges], nexts: Mapping[Partition, int]) -> list[Partition]:
        now = time.monotonic()
        for partition, reached in nexts.items():
            if self._seen.get(partition, (None, 0.0))[0] != reached:
                self._seen[partition] = (reached, now)
        return [
            partition
            for partition, reached in nexts.items()
            if reached < edges[partition].end and now - self._seen[partition][1] >= self.stream.watch_patience
        ]

    async def _heal(self, partition: Partition, start: int, stop: int) -> None:
        name = f"watchdog {partition.flow} {partition.topic} {partition.partition}"
        async with leading(self.engine, name) as connection:
            if connection is not None:
                log.warning("stalled", topic=partition.topic, partition=partition.partition, start=start, stop=stop)
                await self.guard.fill(partition, start, stop)

    def _positions(self, watched: Sequence[Partition]) -> dict[Partition, Position]:
        with self.engine.begin() as connection:
            return {one.partition: one for one in positions.all_positions(connection) if one.partition in watched}
