"""A trial: reports come without pause, workers are kept running, faults strike, and in the end there is a verdict."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from storage.positions import Counters, Partition
from streams.accounts import logs_of
from streams.clients import producer_options
from tests.kill.clock import Clock, NoClock, machine_clock
from tests.kill.engines import Engines, no_small_disk, own_engines
from tests.kill.messages import message
from tests.kill.unsafe import Safeguard
from tests.kill.verdict import NUMBER, Verdict, judge
from tests.streaming.site import ROOT, Site, site
from tocsin.embedded.processes import die_with

LABORATORIES: Final = 4
RATE: Final = int(os.environ.get("TOCSIN_KILL_RATE", "200"))
CATCH_UP: Final = float(os.environ.get("TOCSIN_KILL_CATCH_UP", "180"))
"""Seconds within which everything must be read once the last fault is over, and per 100,000 reports."""

PATIENCE: Final = 180.0
"""Seconds that one step may take on a machine with much else to do."""

MOST_UNREAD: Final = 5_000
"""Faults are to strike workers that read; a backlog that only grows would make them wait for each other."""

RELAY: Final = 9

SAY_EVERY: Final = 20.0

Say = Callable[[str], None]
Value = TypeVar("Value")
Other = TypeVar("Other")


@dataclass
class Trial:
    """A site on engines of its own. `wanted` are the workers that are kept running, with what their environment has
    more than usual."""

    engines: Engines
    site: Site
    directory: Path
    seed: int
    clock: Clock | None = None
    quiet: bool = False
    """While it is so, no report comes."""
    left_out: tuple[str, ...] = ()
    """Why some faults of the mix cannot strike here."""
    random: Random = field(init=False)
    rate: int = RATE
    wanted: dict[int, Mapping[str, str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    outage: asyncio.Lock = field(default_factory=asyncio.Lock)
    programs: dict[int, Sequence[str]] = field(default_factory=dict)
    """What a number runs when that is not a worker."""
    say: Say = lambda line: None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    async def suffer(self, faults: Callable[["Trial"], Awaitable[None]], *, reports: int = 0) -> None:
        """Let reports come while `faults` runs, and until there were so many; then let everything be read."""
        self.say(f"seed {self.seed}")
        over = asyncio.Event()
        feeding = asyncio.create_task(self._feed(over, reports))
        keeping = asyncio.gather(self._keep(), self._keep_engines(), self._tell())
        try:
            await self.until(self._all_begun)
            await faults(self)
            over.set()
            await feeding
            self.say(f"{self.sent:,} reports sent, {self.faults.total()} faults: reading what is left")
            await self.until_read()
        finally:
            for task in (feeding, keeping):
                task.cancel()
            await asyncio.gather(feeding, keeping, return_exceptions=True)

    def _all_begun(self) -> bool:
        positions = self._asked(self.site.positions, otherwise={})
        return all(topic in positions and positions[topic].next_offset > 0 for topic in self.site.topics)

    async def until_read(self) -> None:
        """Everything sent is read, and everything decided is on Kafka."""
        ends = await self.ends()
        within = CATCH_UP * (1 + self.sent / 100_000)
        await self.until(lambda: self.read_to() >= ends, within=within)
        await self.until(lambda: self._count("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0)

    async def _tell(self) -> None:
        """How far it is, now and then."""
        while True:
            await asyncio.sleep(SAY_EVERY)
            read = await asyncio.to_thread(self.read_to)
            known = f"{read:,} read" if read >= 0 else "the database is away"
            self.say(f"{self.sent:,} reports sent, {known}, {self.faults.total()} faults")

    async def verdict(self) -> Verdict:
        """Stop the workers and compare with the reference."""
        self.say("comparing with the reference")
        for worker in self.site.running.values():
            worker.terminate()
        for worker in self.site.running.values():
            await asyncio.to_thread(worker.wait, 40)
        return await judge(self.site, sent=self.sent)

    def struck(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] += 1
        self.say(fault)

    def victim(self) -> int:
        """One of the two workers."""
        return self.random.choice((0, 1))

    def pid(self, number: int) -> int:
        """The process of a worker now."""
        return self.site.running[number].pid

    def times_started(self, number: int) -> int:
        """How often a worker has said that it reads."""
        log = self.directory / f"worker-{number}.log"
        return log.read_text(errors="replace").count("worker_started") if log.exists() else 0

    def read_to(self) -> int:
        """How many offsets were read; −1 while the database does not say."""
        return self._asked(self.site.read_to, otherwise=-1)

    def counters(self) -> Counters | None:
        """What became of what was read, over all topics; None while the database does not say."""
        found = self._asked(lambda: [one.counters for one in self.site.positions().values()], otherwise=None)
        if found is None:
            return None
        return Counters(
            applied=sum(one.applied for one in found),
            duplicates=sum(one.duplicates for one in found),
            dead=sum(one.dead for one in found),
        )

    def _count(self, statement: str) -> int:
        return self._asked(lambda: int(str(self.site.query(statement)[0][0])), otherwise=-1)

    def _asked(self, question: Callable[[], Value], *, otherwise: Other) -> Value | Other:
        try:
            return question()
        except SQLAlchemyError:
            return otherwise

    async def until(self, condition: Callable[[], object], *, within: float = PATIENCE) -> None:
        """Wait for a condition while everything else goes on; a failure shows what the workers said last."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while not await asyncio.to_thread(condition):
            if loop.time() > end:
                said = self.site.log()[-6000:]
                raise AssertionError(f"not within {within:.0f} s; {self.read_to()} of {self.sent} read\n{said}")
            await asyncio.sleep(0.1)

    async def ends(self) -> int:
        """How many offsets the topics have, over all of them."""
        wanted = [Partition(flow="live", topic=topic, partition=0) for topic in self.site.topics]
        _, logs = await logs_of(self.site.kafka, wanted)
        return sum(one.end for one in logs.values())

    async def _keep(self) -> None:
        """As a supervisor does: a wanted worker that has ended is started again."""
        while True:
            for number, more in list(self.wanted.items()):
                running = self.site.running.get(number)
                if running is None or running.poll() is not None:
                    self._start(number, more)
            await asyncio.sleep(0.1)

    async def _keep_engines(self) -> None:
        """As its supervisor does: an engine that ended by itself, because its disk was full, is started again."""
        while True:
            async with self.outage:
                await self.start_ended_engines()
            await asyncio.sleep(1)

    async def start_ended_engines(self) -> None:
        """While nothing else is done to them."""
        for child in (self.engines.postgres, self.engines.kafka):
            if self.engines.ended(child):
                await self.engines.start(child)

    def _start(self, number: int, more: Mapping[str, str]) -> None:
        with (self.directory / f"worker-{number}.log").open("ab") as log:
            self.site.running[number] = subprocess.Popen(
                [sys.executable, *self.programs.get(number, self.site.worker)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.site.environment, **more},
                start_new_session=True,
                preexec_fn=die_with(os.getpid(), signal.SIGKILL),
            )

    async def _feed(self, over: asyncio.Event, reports: int) -> None:
        """A tenth of a second's messages at a time, each time until Kafka has them all; some come twice then."""
        while not over.is_set() or self.sent < reports:
            few = range(self.sent, self.sent + max(self.rate // 10, LABORATORIES))
            await self._deliver(few)
            self.sent = few.stop
            while not over.is_set() or self.quiet:
                await asyncio.sleep(0.1)
                if not self.quiet and self.sent - await asyncio.to_thread(self.read_to) < MOST_UNREAD:
                    break

    async def feed(self, count: int) -> None:
        """These many more, while nobody feeds."""
        few = range(self.sent, self.sent + count)
        await self._deliver(few)
        self.sent = few.stop

    async def _deliver(self, few: range) -> None:
        while True:
            try:
                await self._send(few)
                return
            except (KafkaError, OSError):
                await self._drop()
                await asyncio.sleep(0.5)

    async def _send(self, few: range) -> None:
        producer = await self._connected()
        answers = []
        for number in few:
            place, step = number % LABORATORIES, number // LABORATORIES
            one = message(self.site.laboratories[place], place=place, of=LABORATORIES, step=step)
            headers = [(NUMBER, str(number).encode())]
            answers.append(await producer.send(self.site.topics[place], one.value, key=one.key, headers=headers))
        for answer in await asyncio.gather(*answers, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    _producer: AIOKafkaProducer | None = None

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            made = AIOKafkaProducer(**producer_options(self.site.kafka))
            await made.start()
            self._producer = made
        return self._producer

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                await asyncio.wait_for(producer.stop(), 5)

    async def close(self) -> None:
        """End what still runs; a stopped process too."""
        await self._drop()
        for worker in self.site.running.values():
            worker.kill()
            worker.wait()


@asynccontextmanager
async def trial(
    directory: Path,
    *,
    seed: int,
    safeguard: Safeguard | None = None,
    small_disk: bool = False,
    clock: Clock | None = None,
) -> AsyncIterator[Trial]:
    """Two workers on fresh engines. `clock` is the one by which everything started here lives already."""
    worker: Sequence[str] = ("-m", "tests.kill.launcher", "worker", str(directory))
    if safeguard is not None:
        worker = (*worker, safeguard.value)
    async with own_engines(small_disk=small_disk) as engines:
        made = site(engines.kafka.bootstrap, engines.postgres.url(), directory, count=LABORATORIES, worker=worker)
        here = await asyncio.to_thread(made.__enter__)
        hurt = Trial(engines, here, directory, seed, clock, wanted={0: {}, 1: {}})
        if safeguard is Safeguard.RELAY_ORDER:
            hurt.wanted[RELAY] = {}
            hurt.programs[RELAY] = ("-m", "tests.kill.launcher", "relay", str(directory))
        try:
            yield hurt
        finally:
            await hurt.close()
            here.engine.dispose()


@asynccontextmanager
async def widest_trial(directory: Path, *, seed: int) -> AsyncIterator[Trial]:
    """A trial in which every fault can strike that this machine permits; `left_out` says what it does not."""
    no_disk, clock, no_clock = no_small_disk(), None, None
    with ExitStack() as stack:
        try:
            clock = stack.enter_context(machine_clock())
        except NoClock as reason:
            no_clock = str(reason)
        async with trial(directory, seed=seed, small_disk=no_disk is None, clock=clock) as hurt:
            hurt.left_out = tuple(reason for reason in (no_disk, no_clock) if reason is not None)
            yield hurt
