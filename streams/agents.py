"""The guard of a stream: no exception leaves it, and it returns only when each record of a batch has its fate."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, NoReturn, ParamSpec, TypeVar

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy import Connection, Engine

from schemas.records import Record
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason
from storage import holding, positions
from storage.engine import is_infrastructure, took_too_long
from storage.positions import HoldCause, Partition, Position
from streams import metrics
from streams.admin import cluster_id
from streams.continuity import Log
from streams.foreign import Difference, foreign, said
from streams.stage import Again, Dead, Fate, Prepared, Stage
from streams.transaction import (
    Batch,
    BatchResult,
    ForeignLog,
    Gap,
    HoldsChanged,
    NotBegun,
    Place,
    Transaction,
    partition_of,
    place,
)

log: Final = structlog.get_logger("streams.agents")

PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
MOST_AGAIN: Final = 100
"""How often a stage may ask for another try before it counts as failed."""

MOST_IN_A_MINUTE: Final = 5
"""Internal errors of one partition; more than that is a fault of the program, not of single records."""

LOOK_UP_AFTER: Final = 5.0
"""Seconds of silence in a stretch of the log, after which its partition may have been held meanwhile."""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
One = TypeVar("One")
"""A record as one of the two stages prepared it."""


class TooManyFailed(Exception):
    """More records of this partition failed on a fault of ours within a minute than may become dead letters."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(f"{partition.topic}/{partition.partition}: more than {MOST_IN_A_MINUTE} internal errors")
        self.partition = partition


class Stop:
    """Whether this process was asked to end; shared by everything that waits."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def leave_unfinished(self) -> NoReturn:
        """End at once with nothing acknowledged: the log and the positions know where to go on."""
        log.warning("ended_unfinished")
        os._exit(0)


@dataclass(frozen=True, slots=True)
class Condemned(Stage[Record]):
    """Stands in for the stage over the one record on which it failed."""

    flow: str

    def prepare(self, records: Sequence[Record]) -> Sequence[Record]:
        return records

    def apply(self, connection: Connection, prepared: Sequence[Record]) -> Sequence[Fate]:
        """Raises `TooManyFailed` where a day's reports would drain away."""
        for partition in {partition_of(record, self.flow) for record in prepared}:
            if holding.recent_internal_errors(connection, partition) >= MOST_IN_A_MINUTE:
                raise TooManyFailed(partition)
        return [
            Dead(
                Rejection.because(
                    RejectionReason.INTERNAL_ERROR,
                    "We failed to process this report although nothing is known to be wrong with it. "
                    "It is kept, and the operator of this site has been told; there is nothing for you to do.",
                )
            )
            for _ in prepared
        ]


class Guard(Generic[Prepared]):
    """Takes batches of one flow through its stage, whatever happens.

    Database away or too busy: retried here without end, nothing acknowledged, until it works or the process is asked
    to end. A gap: read from the log first. A log that is not the one we knew: its partition is held. Any other error:
    the batch is halved until the record that fails is alone, and that one becomes a dead letter; when too many do, the
    partition is held. Records of a held partition pass unapplied, and those of others go on.
    """

    def __init__(
        self,
        engine: Engine,
        flow: str,
        stage: Stage[Prepared],
        *,
        logs: Log,
        stop: Stop,
        place: Place = place,
        committed: Callable[[], None] = lambda: None,
        most: int = 500,
    ) -> None:
        self._most = most
        self._transaction = Transaction(engine, flow, stage, place)
        self._condemn = Transaction(engine, flow, Condemned(flow), place)
        self._engine = engine
        self._committed = committed
        self._logs = logs
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stage")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._known = frozenset[Partition]()
        self._held = frozenset[Partition]()

    async def handle(self, batch: Batch) -> None:
        """Returns when all of it is committed; raises nothing. While one part is decided, the next one is prepared."""
        parts = batch.parts(self._most)
        prepare = self._transaction.stage.prepare
        ahead = [self._ahead.submit(prepare, part.records) if len(parts) > 1 else None for part in parts]
        for part, ready in zip(parts, ahead, strict=True):
            await self._handle(part, ready)

    async def _handle(self, batch: Batch, ahead: "Future[Sequence[Prepared]] | None" = None) -> None:
        await self._get_to_know(batch.partitions(self._transaction.flow))
        ready = await _result(ahead)
        failures = again = 0
        while True:
            try:
                await self._run(self._transaction, batch, ready)
                return
            except Again:
                ready = None
                again += 1
                if again > MOST_AGAIN:
                    await self._divide(batch, RuntimeError(f"asked for another try {again} times"))
                    return
            except Exception as error:
                if await self._cleared(error):
                    continue
                if not is_infrastructure(error):
                    await self._divide(batch, error)
                    return
                await self._wait(failures, "database_away", error)
                failures += 1
                if took_too_long(error) and len(batch.records) > 1:
                    for half in batch.halves():
                        await self.handle(half)
                    return

    async def fill(self, partition: Partition, start: int, stop: int) -> None:
        """Apply what the log holds from `start` to `stop`; ends early when the partition is held."""
        log.warning("gap", topic=partition.topic, partition=partition.partition, start=start, stop=stop)
        metrics.gaps.inc()
        async with aclosing(self._logs.read(partition, start, stop)) as stretch:
            while (batch := await self._next(stretch, partition)) is not None:
                await self.handle(batch)
                if partition in self._held:
                    return

    async def look(self, known: Sequence[Position]) -> None:
        """Hold those partitions whose log is not the one that was read; raises what Kafka or the database raise."""
        differing = await foreign(self._logs, known)
        for position in known:
            if found := differing.get(position.partition):
                await self._in_thread(self._hold, position, HoldCause.FOREIGN_LOG, said(found))

    async def _get_to_know(self, asked: frozenset[Partition]) -> None:
        """Before the first record of a partition is taken by this process, its log is looked at."""
        failures = 0
        while new := asked - self._known:
            try:
                known = await self._in_thread(self._positions, new)
                await self.look([one for one in known if one.held is None])
                self._known |= new
            except Exception as error:
                await self._wait(failures, "cannot_look_at_the_log", error)
                failures += 1

    async def _cleared(self, error: Exception) -> bool:
        """Deal with what stands in the way of a batch; False when the error is nothing of that kind."""
        match error:
            case Gap():
                await self.fill(error.partition, error.start, error.stop)
            case NotBegun():
                await self._begin(error.partitions)
            case HoldsChanged():
                self._held = (self._held - error.asked) | error.held
            case ForeignLog():
                await self._hold_for(error.position.partition, HoldCause.FOREIGN_LOG, said((Difference.RECORD,)))
            case TooManyFailed():
                reason = f"More than {MOST_IN_A_MINUTE} records failed within a minute on a fault of Tocsin itself."
                await self._hold_for(error.partition, HoldCause.INTERNAL_ERRORS, reason)
            case _:
                return False
        return True

    async def _next(self, stretch: AsyncGenerator[Batch, None], partition: Partition) -> Batch | None:
        """The next part of a stretch; None at its end, or when nothing comes and the partition is held meanwhile."""
        coming = asyncio.ensure_future(anext(stretch, None))
        try:
            while not (await asyncio.wait({coming}, timeout=LOOK_UP_AFTER))[0]:
                if await self._is_held(partition):
                    return None
            return coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait({coming})

    async def _is_held(self, partition: Partition) -> bool:
        with suppress(Exception):
            return any(one.held is not None for one in await self._in_thread(self._positions, {partition}))
        return False

    async def _run(self, transaction: Transaction[One], batch: Batch, ready: Sequence[One] | None = None) -> None:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._thread, transaction.run, batch, self._held, ready)
        _tell(transaction.flow, result, time.monotonic() - began)
        if result.counters.applied:
            await loop.run_in_executor(self._thread, self._spread_word)

    def _spread_word(self) -> None:
        """A wake-up that fails costs the listener a second, never the batch its commit."""
        with suppress(Exception):
            self._committed()

    async def _divide(self, batch: Batch, error: Exception) -> None:
        if len(batch.records) > 1:
            log.error("batch_failed", records=len(batch.records), error=type(error).__name__)
            for half in batch.halves():
                await self.handle(half)
            return
        await self._bury(batch, error)

    async def _bury(self, batch: Batch, error: Exception) -> None:
        failures = 0
        where = batch.records[0] if batch.records else None
        log.error("record_failed", record=_coordinates(where), exc_info=error)
        while True:
            try:
                await self._run(self._condemn, batch)
                return
            except Exception as another:
                if not await self._cleared(another):
                    await self._wait(failures, "cannot_bury", another)
                    failures += 1

    async def _begin(self, new: tuple[Partition, ...]) -> None:
        failures = 0
        while True:
            try:
                edges = await self._logs.edges(new)
                cluster = await cluster_id(self._logs.kafka)
                starts = {one: edges[one].start for one in new}
                await self._in_thread(self._register, starts, cluster)
                return
            except Exception as error:
                await self._wait(failures, "cannot_begin", error)
                failures += 1

    def _register(self, starts: Mapping[Partition, int], cluster: str) -> None:
        with self._engine.begin() as connection:
            for partition, start in sorted(starts.items()):
                positions.register(connection, partition, log_start=start, cluster_id=cluster)

    async def _hold_for(self, partition: Partition, cause: HoldCause, reason: str) -> None:
        failures = 0
        while True:
            try:
                for position in await self._in_thread(self._positions, {partition}):
                    await self._in_thread(self._hold, position, cause, reason)
                return
            except Exception as error:
                await self._wait(failures, "cannot_hold", error)
                failures += 1

    def _hold(self, position: Position, cause: HoldCause, reason: str) -> None:
        with self._engine.begin() as connection:
            held = holding.hold(connection, position, cause=cause, reason=reason)
        if held:
            where = position.partition
            log.critical(
                "partition_held",
                flow=where.flow,
                topic=where.topic,
                partition=where.partition,
                cause=cause.value,
                reason=reason,
                hint="tocsin positions list",
            )

    def _positions(self, wanted: Set[Partition]) -> list[Position]:
        with self._engine.begin() as connection:
            return [one for one in positions.all_positions(connection) if one.partition in wanted]

    async def _in_thread(self, work: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given, **named))

    async def _wait(self, failures: int, event: str, error: Exception) -> None:
        expected = is_infrastructure(error) or isinstance(error, KafkaError)
        log.warning(event, error=type(error).__name__, failures=failures, exc_info=None if expected else error)
        try:
            await asyncio.wait_for(self._stop.asked.wait(), PAUSES[min(failures, len(PAUSES) - 1)])
        except TimeoutError:
            return
        self._stop.leave_unfinished()


async def _result(ahead: "Future[Sequence[Prepared]] | None") -> Sequence[Prepared] | None:
    """What was prepared ahead; nothing when that failed: prepared again, it fails where that is dealt with."""
    if ahead is not None:
        with suppress(Exception):
            return await asyncio.wrap_future(ahead)
    return None


def _coordinates(record: Record | None) -> str:
    return "none" if record is None else f"{record.topic}/{record.partition}@{record.offset}"


def _tell(flow: str, result: BatchResult, seconds: float) -> None:
    counters = result.counters
    metrics.observe(result, seconds)
    log.info(
        "batch",
        flow=flow,
        applied=counters.applied,
        duplicates=counters.duplicates,
        dead=counters.dead,
        withheld=result.withheld,
        holes=counters.holes,
        replayed=counters.replayed,
        reasons={reason.value: count for reason, count in result.dead.items()},
        seconds=round(seconds, 4),
    )
