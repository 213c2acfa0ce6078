"""The guard of a stream: no exception leaves it, and it returns only when each record of a batch has its fate."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Generic, NoReturn

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy import Connection, Engine

from schemas.records import Record
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason
from storage import positions
from storage.engine import is_infrastructure
from storage.positions import Partition
from streams import metrics
from streams.admin import cluster_id
from streams.continuity import Log
from streams.stage import Again, Dead, Fate, Prepared, Stage
from streams.transaction import Batch, BatchResult, Gap, NotBegun, Place, Transaction, place

log: Final = structlog.get_logger("streams.agents")

PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
MOST_AGAIN: Final = 100
"""How often a stage may ask for another try before it counts as failed."""

LOUD_ABOVE: Final = 5
"""Internal errors within a minute; more than that is a fault of the program, not of single records."""


class Stop:
    """Whether this process was asked to end; shared by everything that waits."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def leave_unfinished(self) -> NoReturn:
        """End at once with nothing acknowledged: the log and the positions know where to go on."""
        log.warning("ended_unfinished")
        os._exit(0)


class Condemned(Stage[Record]):
    """Stands in for the stage over the one record on which it failed."""

    def prepare(self, records: Sequence[Record]) -> Sequence[Record]:
        return records

    def apply(self, connection: Connection, prepared: Sequence[Record]) -> Sequence[Fate]:
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
    to end. A gap: read from the log first. Any other error: the batch is halved until the record that fails is alone,
    and that one becomes a dead letter.
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
    ) -> None:
        self._transaction = Transaction(engine, flow, stage, place)
        self._condemn = Transaction(engine, flow, Condemned(), place)
        self._engine = engine
        self._committed = committed
        self._logs = logs
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stage")
        self._failed_alone: deque[float] = deque(maxlen=LOUD_ABOVE + 1)

    async def handle(self, batch: Batch) -> None:
        """Returns when all of it is committed; raises nothing."""
        failures = again = 0
        while True:
            try:
                await self._run(self._transaction, batch)
                return
            except Gap as gap:
                await self.fill(gap.partition, gap.start, gap.stop)
            except NotBegun as new:
                await self._begin(new.partitions)
            except Again:
                again += 1
                if again > MOST_AGAIN:
                    await self._divide(batch, RuntimeError(f"asked for another try {again} times"))
                    return
            except Exception as error:
                if not is_infrastructure(error):
                    await self._divide(batch, error)
                    return
                await self._wait(failures, "database_away", error)
                failures += 1

    async def fill(self, partition: Partition, start: int, stop: int) -> None:
        """Apply what the log holds from `start` to `stop`."""
        log.warning("gap", topic=partition.topic, partition=partition.partition, start=start, stop=stop)
        metrics.gaps.inc()
        async for batch in self._logs.read(partition, start, stop):
            await self.handle(batch)

    async def _run(self, transaction: Transaction[Prepared] | Transaction[Record], batch: Batch) -> None:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._thread, transaction.run, batch)
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
        self._count_internal_error()
        while True:
            try:
                await self._run(self._condemn, batch)
                return
            except Gap as gap:
                await self.fill(gap.partition, gap.start, gap.stop)
            except Exception as another:
                await self._wait(failures, "cannot_bury", another)
                failures += 1

    async def _begin(self, new: tuple[Partition, ...]) -> None:
        failures = 0
        while True:
            try:
                edges = await self._logs.edges(new)
                cluster = await cluster_id(self._logs.kafka)
                starts = {one: edges[one].start for one in new}
                await asyncio.get_running_loop().run_in_executor(self._thread, self._register, starts, cluster)
                return
            except Exception as error:
                await self._wait(failures, "cannot_begin", error)
                failures += 1

    def _register(self, starts: Mapping[Partition, int], cluster: str) -> None:
        with self._engine.begin() as connection:
            for partition, start in sorted(starts.items()):
                positions.register(connection, partition, log_start=start, cluster_id=cluster)

    async def _wait(self, failures: int, event: str, error: Exception) -> None:
        expected = is_infrastructure(error) or isinstance(error, KafkaError)
        log.warning(event, error=type(error).__name__, failures=failures, exc_info=None if expected else error)
        try:
            await asyncio.wait_for(self._stop.asked.wait(), PAUSES[min(failures, len(PAUSES) - 1)])
        except TimeoutError:
            return
        self._stop.leave_unfinished()

    def _count_internal_error(self) -> None:
        now = time.monotonic()
        self._failed_alone.append(now)
        if len(self._failed_alone) > LOUD_ABOVE and now - self._failed_alone[0] < 60:
            log.critical("many_internal_errors", within_seconds=60, more_than=LOUD_ABOVE)


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
        holes=counters.holes,
        replayed=counters.replayed,
        reasons={reason.value: count for reason, count in result.dead.items()},
        seconds=round(seconds, 4),
    )
