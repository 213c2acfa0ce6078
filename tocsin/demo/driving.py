"""Runs the demo through the real path: publishes, waits until the worker has read, and until everybody is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from schemas.deliveries import DeliveryState
from schemas.vocabularies import Tense
from storage import delivery_list, overview
from storage.engine import is_infrastructure
from storage.overview import Read, ToDo
from storage.positions import Partition
from streams.config import Flow, Kafka
from streams.continuity import Log
from streams.publishing import Publisher, publisher
from tocsin.demo.replay import Replay, Report
from tocsin.demo.scenes import (
    HISTORY_PER_SECOND,
    STARTING_SECONDS,
    Figures,
    Reach,
    Scene,
    Screen,
    Stage,
    seconds_left,
    until_due,
)
from tocsin.errors import Refusal

_LOOK_EVERY: Final = 0.02
_SELDOM: Final = 0.1
"""While many reports are under way, or nothing is: the processor is the worker's."""
_SHOW_EVERY: Final = 0.5
_PATIENCE: Final = 180.0
"""Seconds without any movement after which the demo gives up; the longest planned pause is a webhook's second wait."""

T = TypeVar("T")


@dataclass
class Drive:
    """One run over one set of engines."""

    kafka: Kafka
    engine: Engine
    replay: Replay
    screen: Screen
    _scene: Scene = field(default_factory=Scene)
    _rate: float = HISTORY_PER_SECOND
    _sent: int = 0
    _end: int = 0

    async def run(self) -> Figures:
        """Publish everything, wait until all is settled, and count."""
        async with publisher(self.kafka) as out, self._shown():
            self._end = await self._log_end()
            before = await self._reached(self._end)
            await self._tell_history(out)
            await self._tell_live(out)
            after = await self._reached(self._end)
            await self._settle()
        return await self._ask(lambda connection: _figures(connection, before, after, self._sent))

    async def _tell_history(self, out: Publisher) -> None:
        self._move(stage=Stage.HISTORY, done=0, total=len(self.replay.history))
        start, began = self._end, time.monotonic()
        await self._publish(out, self.replay.history)
        while (read := await self._read()).next_offset < self._end:
            done = max(0, read.next_offset - start)
            self._rate = max(10.0, done / (time.monotonic() - began)) if done else self._rate
            self._move(done=done)
            await self._moving(read)
        self._move(done=len(self.replay.history))

    async def _tell_live(self, out: Publisher) -> None:
        """One after the other, each applied before the next: what arrives first was reported first."""
        self._move(stage=Stage.LIVE, done=0, total=len(self.replay.live))
        known = (await self._read()).duplicates
        for number, report in enumerate(self.replay.live, start=1):
            await self._publish(out, [report])
            duplicates = (await self._reached(self._end)).duplicates
            self._move(done=number)
            if duplicates == known and report.told is Tense.ACTUAL:
                await asyncio.sleep(self.screen.tempo.gap)
            known = duplicates

    async def _settle(self) -> None:
        self._move(stage=Stage.SETTLING, done=0, total=0)
        while not (left := await self._ask(overview.to_do)).nothing:
            self._move(note=_waiting(left), settling=until_due(left.last_due, datetime.now(UTC)))
            await self._moving(left)
        self._move(stage=Stage.SETTLED, note="", settling=0.0)

    async def _publish(self, out: Publisher, reports: Sequence[Report]) -> None:
        """Send to the topic that they share; returns when every replica has them."""
        async for more in out.publish(reports[0].topic, [report.value for report in reports]):
            self._sent += more
            self._end += more

    async def _log_end(self) -> int:
        partitions = [Partition(flow=Flow.LIVE.value, topic=topic, partition=0) for topic in self.replay.topics]
        return sum(edges.end for edges in (await Log(self.kafka).edges(partitions)).values())

    async def _reached(self, offset: int) -> Read:
        """When the worker has read up to there."""
        while (read := await self._read()).next_offset < offset:
            await self._moving(read)
        return read

    async def _read(self) -> Read:
        topics = self.replay.topics
        return await self._ask(lambda connection: overview.read(connection, flow=Flow.LIVE.value, topics=topics))

    _last: tuple[object, float] = (None, 0.0)

    async def _moving(self, seen: object) -> None:
        """Pause before looking again; raises `Refusal` when what is seen has not changed for minutes."""
        now = time.monotonic()
        if seen != self._last[0]:
            self._last = (seen, now)
        elif now - self._last[1] > _PATIENCE:
            raise Refusal(
                f"Nothing has moved for {_PATIENCE:.0f} s ({seen}): see what worker and courier say in demo.log of the "
                "data directory, and run the demo again; it goes on where it was."
            )
        await asyncio.sleep(_LOOK_EVERY if self._scene.stage is Stage.LIVE else _SELDOM)

    async def _ask(self, question: Callable[[Connection], T]) -> T:
        """Ask the database; one that is away is asked again, its keeper starts it."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return await asyncio.to_thread(self._answer, question)
            except Exception as error:
                if not is_infrastructure(error) or time.monotonic() > end:
                    raise
            await asyncio.sleep(1)

    def _answer(self, question: Callable[[Connection], T]) -> T:
        with self.engine.begin() as connection:
            return question(connection)

    def _move(
        self,
        *,
        stage: Stage | None = None,
        done: int | None = None,
        total: int | None = None,
        note: str | None = None,
        settling: float | None = None,
    ) -> None:
        scene = self._scene
        scene = replace(
            scene,
            stage=stage or scene.stage,
            done=scene.done if done is None else done,
            total=scene.total if total is None else total,
            note=scene.note if note is None else note,
        )
        self._scene = replace(scene, seconds_left=self._left(scene, settling))
        self.screen.show(self._scene)

    def _left(self, scene: Scene, settling: float | None) -> float:
        history = max(0, len(self.replay.history) - self._done_in(scene, Stage.HISTORY))
        live = max(0, len(self.replay.live) - self._done_in(scene, Stage.LIVE))
        tempo = self.screen.tempo
        return seconds_left(history=history, rate=self._rate, live=live, tempo=tempo, settling=settling)

    @staticmethod
    def _done_in(scene: Scene, stage: Stage) -> int:
        """How much of a stage is done: all of it once a later one began."""
        order = list(Stage)
        if scene.stage is stage:
            return scene.done
        return 1_000_000 if order.index(scene.stage) > order.index(stage) else 0

    @asynccontextmanager
    async def _shown(self) -> AsyncIterator[None]:
        """The board beside everything else."""
        task = asyncio.create_task(self._keep_board())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._scene = replace(self._scene, board=await self._ask(overview.board))
        self.screen.show(self._scene)

    async def _keep_board(self) -> None:
        while True:
            self._scene = replace(self._scene, board=await self._ask(overview.board))
            self.screen.show(self._scene)
            await asyncio.sleep(_SHOW_EVERY)


def whole(replay: Replay, screen: Screen) -> float:
    """A first estimate of everything, starting included, in seconds."""
    return STARTING_SECONDS + seconds_left(
        history=len(replay.history), rate=HISTORY_PER_SECOND, live=len(replay.live), tempo=screen.tempo, settling=None
    )


def _waiting(left: ToDo) -> str:
    parts = (
        (left.gathering, "gathered update", "gathered updates"),
        (left.unplanned + left.unpublished, "message to plan or relay", "messages to plan or relay"),
        (left.deliveries, "delivery", "deliveries"),
    )
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in parts if number)


def _figures(connection: Connection, before: Read, after: Read, sent: int) -> Figures:
    times = overview.report_to_accepted(connection)
    return Figures(
        reports=sent,
        duplicates=after.duplicates - before.duplicates,
        dead_letters=after.dead - before.dead,
        cases_by_level={level.name: number for level, number in overview.cases_by_level(connection).items()},
        alert_events_by_kind=overview.alert_events_by_kind(connection),
        deliveries={
            channel: {state: states[state] for state in DeliveryState if state in states}
            for channel, states in delivery_list.counts(connection).items()
        },
        report_to_accepted_s=None if times is None else Reach(p50=round(times.p50, 4), p99=round(times.p99, 4)),
    )
