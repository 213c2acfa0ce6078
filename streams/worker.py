"""One worker process: the guarded stream of a flow, and beside it watchdog, registry watch, relay and clock."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic

import structlog
from sqlalchemy import Engine

from storage import laboratories, restarts
from storage.wakeups import Bell, Wakeup
from streams import app as application
from streams import garbage
from streams.agents import Guard, Stop
from streams.catching_up import caught_up
from streams.clock import Clock, Tick
from streams.config import Flow, Stream
from streams.conserving import Conserving
from streams.continuity import Log
from streams.fencing import fenced
from streams.pacing import Short
from streams.relay import Relay
from streams.stage import Prepared, Stage
from streams.tasks import forever
from streams.transaction import Place, place
from streams.watchdog import Watchdog

log: Final = structlog.get_logger("streams.worker")

REGISTRY_SECONDS: Final = 1.0
BROKEN: Final = 70

Loop = Coroutine[Any, Any, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker(Generic[Prepared]):
    """What a worker needs. `registry` is the version of the laboratories that `stream.topics` were taken from; `site`
    the name under which it publishes. `caught_up` is called before the first tick, when what lay in the logs was read.
    """

    engine: Engine
    stream: Stream
    stage: Stage[Prepared]
    registry: int
    site: str
    tick: Tick | None = None
    caught_up: Callable[[], object] = lambda: None
    relay: bool = True
    place: Place = place
    ready: Callable[[], None] = lambda: None


def run(worker: Worker[Prepared]) -> int:
    """Run until SIGTERM, SIGINT or a new registry; the exit code: 0 after those, 70 when the stream broke."""
    asyncio.run(_main(worker))
    return 0


async def _main(worker: Worker[Prepared]) -> None:
    application.quieten()
    garbage.look_less()
    stop = Stop()
    _end_on_signals(stop, worker.stream.stop_within)
    logs = Log(worker.stream.kafka, worker.stream.batch_records)
    bell = Bell(worker.engine, Wakeup.OUTBOX)
    guard = Guard(
        worker.engine,
        worker.stream.flow,
        worker.stage,
        logs=logs,
        stop=stop,
        place=worker.place,
        committed=bell.ring,
        most=worker.stream.batch_records,
    )
    began = asyncio.Event()
    beside = [asyncio.create_task(loop) for loop in _beside(worker, guard, stop, bell, began)]
    log.info("worker_started", flow=worker.stream.flow, topics=len(worker.stream.topics), registry=worker.registry)
    clean = await _stream(worker, guard, stop, began)
    if not clean:
        os._exit(BROKEN)
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    log.info("worker_ended")


async def _stream(worker: Worker[Prepared], guard: Guard[Prepared], stop: Stop, began: asyncio.Event) -> bool:
    def ready() -> None:
        began.set()
        worker.ready()

    if not worker.stream.topics:
        log.warning("no_laboratories", hint="tocsin lab add")
        ready()
        await stop.asked.wait()
        return True
    handle = Short(guard.handle).handle if worker.stream.flow == Flow.BACKFILL else guard.handle
    return await application.run(application.build(worker.stream, handle), stop.asked, ready=ready)


def _beside(
    worker: Worker[Prepared], guard: Guard[Prepared], stop: Stop, bell: Bell, began: asyncio.Event
) -> list[Loop]:
    watchdog = Watchdog(worker.engine, worker.stream, guard)
    loops = [
        forever("watchdog", watchdog.step, every=worker.stream.watch_every),
        forever("registry", _RegistryWatch(worker, stop, began).step, every=REGISTRY_SECONDS),
        fenced(worker.engine, broken=lambda: os._exit(BROKEN)),
    ]
    if worker.relay:
        loops.append(forever("relay", Relay(worker.engine, worker.stream.kafka, worker.site).step, every=0.0))
        loops.append(forever("conserving", Conserving(worker.engine).step, every=30.0))
    if worker.tick is not None:
        loops.append(_clock(worker, Clock(worker.engine, worker.tick, bell.ring)))
    return loops


async def _clock(worker: Worker[Prepared], clock: Clock) -> None:
    """The clock, once what waited in the logs was read."""
    caught = False

    async def step() -> None:
        nonlocal caught
        if not caught:
            await caught_up(worker.engine, worker.stream)
            await asyncio.to_thread(worker.caught_up)
            caught = True
        await clock.step()

    await forever("clock", step, every=1.0)


@dataclass(slots=True)
class _RegistryWatch(Generic[Prepared]):
    """A new registry ends the worker so that it starts anew, one worker of a flow at a time.

    It goes when no other is away, between two batches; when the one started in its place reads, the next may go.
    """

    worker: Worker[Prepared]
    stop: Stop
    began: asyncio.Event
    _is_back: bool = False
    _waits: bool = False

    async def step(self) -> None:
        if self.stop.asked.is_set():
            return
        if await asyncio.to_thread(self._may_go):
            log.info("registry_changed", was=self.worker.registry)
            _leave_after(self.worker.stream.stop_within)
            self.stop.asked.set()

    def _may_go(self) -> bool:
        flow = self.worker.stream.flow
        with self.worker.engine.begin() as connection:
            if self.began.is_set() and not self._is_back:
                restarts.back(connection, flow)
                self._is_back = True
            changed = laboratories.registry_version(connection) != self.worker.registry
            goes = changed and restarts.leave(connection, flow)
        if changed and not goes and not self._waits:
            log.info("waits_for_its_turn", flow=flow)
            self._waits = True
        return goes


def _end_on_signals(stop: Stop, within: float) -> None:
    def asked(name: str) -> None:
        log.info("stopping", signal=name)
        _leave_after(within)
        stop.asked.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, asked, one.name)


def _leave_after(seconds: float) -> None:
    """A stop that hangs, as SIGTERM during a rebalance may, is cut off: nothing is lost by it."""

    def leave() -> None:
        with suppress(Exception):
            log.warning("stop_took_too_long", seconds=seconds)
        os._exit(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
