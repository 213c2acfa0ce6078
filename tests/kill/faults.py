"""The faults of the kill suite, each alone: what strikes, and when it is over. The trial keeps workers running."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.kill.points import Point
from tests.kill.trial import PATIENCE, Trial
from tests.programs import alive

SESSION: Final = 6.0
AWAY: Final = float(os.environ.get("TOCSIN_KILL_DATABASE_AWAY", "20"))
PUSHED: Final = 60
SO_MANY: Final = 10**9
WATCHED: Final = 120.0
"""Seconds within which the watchdog, which waits for 30, has read what nobody else would; on a busy machine."""

Fault = Callable[[Trial], Awaitable[None]]


async def kill_worker(trial: Trial) -> None:
    """kill -9."""
    await _end(trial, signal.SIGKILL)


async def end_worker(trial: Trial) -> None:
    """SIGTERM in the middle of a batch."""
    await _end(trial, signal.SIGTERM)


async def _end(trial: Trial, how: signal.Signals) -> None:
    number = trial.victim()
    pid, started = trial.pid(number), trial.times_started(number)
    trial.site.running[number].send_signal(how)
    await trial.until(lambda: not alive(pid))
    await _again(trial, number, started)


async def _again(trial: Trial, number: int, started: int) -> None:
    """Until the next process of that worker reads for a moment, so that the next fault strikes one that works."""
    await trial.until(lambda: trial.times_started(number) > started)
    await asyncio.sleep(trial.random.uniform(0.2, 2.0))


async def come_and_go(trial: Trial) -> None:
    """A third worker joins, reads for a while, and leaves."""
    trial.wanted[2] = {}
    await trial.until(lambda: 2 in trial.site.running)
    await asyncio.sleep(6)
    del trial.wanted[2]
    leaving = trial.site.running[2]
    leaving.send_signal(signal.SIGTERM)
    await asyncio.to_thread(leaving.wait, PATIENCE)


async def zombie(trial: Trial) -> None:
    """Stopped for longer than its session lasts, then it goes on as if nothing had happened."""
    pid = trial.pid(trial.victim())
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(SESSION + 3)
    _continue(pid)


async def zombie_in_transaction(trial: Trial) -> None:
    """The same between the locks and the commit: the others get its cases back, and it finds its records applied."""
    pid = await _at(trial, Point.COMMIT, "stop")
    await asyncio.sleep(SESSION + 8)
    _continue(pid)


async def brief_stop(trial: Trial) -> None:
    """Stopped between the locks and the commit for less than a session lasts."""
    pid = await _at(trial, Point.COMMIT, "stop")
    await asyncio.sleep(5)
    _continue(pid)


async def zombie_frees_its_cases(trial: Trial) -> None:
    """The same, and while it stands every topic is read on."""
    pid = await _at(trial, Point.COMMIT, "stop")
    before = {topic: one.next_offset for topic, one in trial.site.positions().items()}
    try:
        await trial.until(lambda: _moved_on(trial, before), within=60)
    finally:
        _continue(pid)


def _moved_on(trial: Trial, before: Mapping[str, int]) -> bool:
    now = trial.site.positions()
    return all(now[topic].next_offset > reached for topic, reached in before.items())


async def calm(trial: Trial) -> None:
    """Nothing happens for a while."""
    await asyncio.sleep(20)


def _continue(pid: int) -> None:
    if pid and alive(pid):
        os.kill(pid, signal.SIGCONT)


async def crash_before_commit(trial: Trial) -> None:
    await _at(trial, Point.COMMIT, "kill")


async def crash_before_relay(trial: Trial) -> None:
    """Between the commit and the relay."""
    await _at(trial, Point.COMMITTED, "kill")


async def crash_before_outbox(trial: Trial) -> None:
    """Between the commit and the outbox, where a control run has a gap."""
    await _at(trial, Point.UNSAID, "kill")


async def crash_before_mark(trial: Trial) -> None:
    """Between publishing and marking."""
    await _at(trial, Point.PUBLISHED, "kill")


async def _at(trial: Trial, point: Point, how: str) -> int:
    """Set the trap, and wait until a worker went into it; its process."""
    trap = trial.directory / f"{point}.{how}"
    trap.touch()
    caught: list[int] = []

    def sprung() -> bool:
        pids = [trial.pid(number) for number in trial.wanted]
        if not trap.exists():
            caught.extend(pid for pid in pids if not alive(pid) or _stopped(pid))
        return bool(caught) or (how == "kill" and not trap.exists())

    await trial.until(sprung)
    return caught[0] if caught else 0


def _stopped(pid: int) -> bool:
    try:
        return "T (stopped)" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def kill_broker(trial: Trial, seconds: float) -> None:
    """kill -9, and back after so long."""
    async with trial.outage:
        await trial.engines.kill(trial.engines.kafka)
        await asyncio.sleep(seconds)
        await trial.engines.start(trial.engines.kafka)


async def kill_database(trial: Trial, seconds: float | None = None) -> None:
    """kill -9 of the server, and back after so long or at once."""
    async with trial.outage:
        await trial.engines.kill(trial.engines.postgres)
        await asyncio.sleep(trial.random.uniform(0.0, 3.0) if seconds is None else seconds)
        await trial.engines.start(trial.engines.postgres)


async def refuse_connections(trial: Trial, seconds: float) -> None:
    """The server is there and lets nobody in."""
    async with trial.outage:
        await asyncio.to_thread(trial.engines.refuse)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(trial.engines.accept)


async def cut_connections(trial: Trial) -> None:
    """Every connection to the database ends at once."""
    async with trial.outage:
        await asyncio.to_thread(trial.engines.cut)
        await asyncio.sleep(1)


async def push_positions_back(trial: Trial) -> None:
    """By hand, books included: what is read again ends as duplicates, which are taken off beforehand."""
    async with trial.outage:
        before: dict[str, int] = {}
        await trial.until(lambda: _pushed_back(trial, before))
        await trial.until(lambda: _reached_again(trial, before))


_PUSH_BACK: Final = text("""
    UPDATE stream_positions AS p SET next_offset = w.place, duplicates = p.duplicates - (p.next_offset - w.place)
    FROM (SELECT topic, greatest(next_offset - :by, first_offset) AS place FROM stream_positions) AS w
    WHERE w.topic = p.topic
""")
"""Over dead letters too: each stays the one it is."""


def _pushed_back(trial: Trial, before: dict[str, int]) -> bool:
    try:
        with trial.site.engine.begin() as connection:
            connection.execute(text("LOCK stream_positions IN EXCLUSIVE MODE"))
            found = connection.execute(text("SELECT topic, next_offset FROM stream_positions"))
            before |= {row.topic: row.next_offset for row in found}
            connection.execute(_PUSH_BACK, {"by": PUSHED})
        return True
    except SQLAlchemyError:
        return False


def _reached_again(trial: Trial, before: Mapping[str, int]) -> bool:
    """Until then rows lie beyond the positions, and no audit adds up."""
    try:
        now = trial.site.positions()
    except SQLAlchemyError:
        return False
    return all(now[topic].next_offset >= reached for topic, reached in before.items())


async def push_committed_offsets(trial: Trial) -> None:
    """Nobody reads for a moment; what Faust committed skips records; more come afterwards."""
    async with trial.outage, nobody_reads(trial):
        read = trial.read_to()
        await trial.until(lambda: trial.sent >= read + 8 * PUSHED)
        await trial.site.push_committed_offsets(PUSHED)


async def push_to_the_end(trial: Trial) -> None:
    """What Faust committed skips everything that is unread, and nothing comes that would show a gap."""
    async with nobody_reads(trial):
        read = trial.read_to()
        await trial.until(lambda: trial.sent >= read + 8 * PUSHED)
        trial.quiet = True
        await asyncio.sleep(2)
        await trial.site.push_committed_offsets(SO_MANY)
    ends = await trial.ends()
    try:
        await trial.until(lambda: trial.read_to() >= ends, within=WATCHED)
    finally:
        trial.quiet = False


@asynccontextmanager
async def nobody_reads(trial: Trial) -> AsyncIterator[None]:
    """All workers are ended, and come back after the block."""
    wanted, trial.wanted = trial.wanted, {}
    running = list(trial.site.running.values())
    for worker in running:
        worker.send_signal(signal.SIGTERM)
    for worker in running:
        await asyncio.to_thread(worker.wait, PATIENCE)
    try:
        yield
    finally:
        trial.wanted = wanted


async def fill_disk(trial: Trial) -> None:
    """No room where Kafka and PostgreSQL keep their data; then there is. What ended by it is started again, at once
    or, where it takes its time to end, by the trial."""
    async with trial.outage:
        await asyncio.to_thread(trial.engines.fill_disk)
        await asyncio.sleep(12)
        await asyncio.to_thread(trial.engines.free_disk)
        for _ in range(10):
            await asyncio.sleep(1)
            await trial.start_ended_engines()


async def wrong_clock(trial: Trial, hours: float) -> None:
    """One worker believes that it is so much later or earlier."""
    assert trial.clock is not None
    trial.clock.move(hours, "wrong")
    await run_with(trial, trial.clock.environment("wrong"))


async def move_clock(trial: Trial) -> None:
    """The machine's clock goes an hour ahead or back, for workers, Kafka and PostgreSQL, and then is right again."""
    assert trial.clock is not None
    for hours in (trial.random.choice((1.0, -1.0)), 0.0):
        trial.clock.move(hours)
        await asyncio.sleep(6)


async def run_with(trial: Trial, more: Mapping[str, str]) -> None:
    """One worker runs in another environment for a while."""
    number = trial.victim()
    for environment in (more, {}):
        pid = trial.pid(number)
        trial.wanted[number] = environment
        trial.site.running[number].send_signal(signal.SIGTERM)
        await trial.until(partial(_is_another, trial, number, pid))
        await asyncio.sleep(8)


def _is_another(trial: Trial, number: int, pid: int) -> bool:
    return trial.pid(number) != pid


OF_WORKERS: Final[Mapping[str, Fault]] = {
    "worker killed": kill_worker,
    "worker ended": end_worker,
    "third worker came and went": come_and_go,
    "worker stopped and continued": zombie,
    "worker stopped before commit": zombie_in_transaction,
    "worker died before commit": crash_before_commit,
    "worker died before relay": crash_before_relay,
    "worker died before mark": crash_before_mark,
    "committed offsets pushed": push_committed_offsets,
}

OF_ENGINES: Final[Mapping[str, Fault]] = {
    "broker killed for 5 s": partial(kill_broker, seconds=5),
    "broker killed for 26 s": partial(kill_broker, seconds=26),
    "database killed": kill_database,
    "database refused for 10 s": partial(refuse_connections, seconds=10),
    "connections cut": cut_connections,
    "positions pushed back": push_positions_back,
    "disk full": fill_disk,
    "clock moved": move_clock,
}

LONG: Final[Mapping[str, Fault]] = {
    "broker killed for 60 s": partial(kill_broker, seconds=60),
    "database refused for 60 s": partial(refuse_connections, seconds=60),
    f"database killed for {AWAY:.0f} s": partial(kill_database, seconds=AWAY),
    "committed offsets pushed to the end": push_to_the_end,
    "worker stopped before commit, the others go on": zombie_frees_its_cases,
    "worker an hour ahead": partial(wrong_clock, hours=1),
    "worker an hour behind": partial(wrong_clock, hours=-1),
}
"""Alone only."""

EVERY: Final[Mapping[str, Fault]] = {**OF_WORKERS, **OF_ENGINES, **LONG}


def _dealt(names: Sequence[str], random: Random) -> Iterator[str]:
    """Shuffled like cards: each kind strikes before any has struck too often."""
    while True:
        yield from random.sample(names, len(names))


OFTEN: Final = frozenset({"worker killed", "worker ended", "connections cut", "positions pushed back"})


async def each(trial: Trial, names: Sequence[str]) -> None:
    """These faults, one after the other."""
    for name in names:
        trial.struck(name)
        await EVERY[name](trial)


async def mixed(trial: Trial, *, faults: int, until: Callable[[], bool] = lambda: False) -> None:
    """Faults of workers and of engines beside each other, drawn at random, so many of them or until told."""
    impossible = {"disk full": not trial.engines.small_disk, "clock moved": trial.clock is None}
    engines = {name: fault for name, fault in OF_ENGINES.items() if not impossible.get(name)}
    lanes = {"workers": OF_WORKERS, "engines": engines}
    await asyncio.gather(
        *(_lane(trial, lane, Random(f"{trial.seed} {name}"), faults, until) for name, lane in lanes.items())
    )


async def _lane(
    trial: Trial, lane: Mapping[str, Fault], random: Random, faults: int, until: Callable[[], bool]
) -> None:
    """One fault after another; which they are depends on the seed alone."""
    for name in _dealt([kind for kind in lane for _ in range(4 if kind in OFTEN else 1)], random):
        if trial.faults.total() >= faults or until():
            return
        trial.struck(name)
        await lane[name](trial)
        reached = trial.read_to()
        await trial.until(lambda reached=reached: trial.read_to() > reached)  # type: ignore[misc]
        await asyncio.sleep(random.uniform(0.2, 2.0))
