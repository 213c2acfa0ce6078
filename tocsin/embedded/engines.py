"""The pair of engines of one data directory: started together, stopped together, on ports that are kept."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection, sql

from tocsin.embedded import kafka, postgres
from tocsin.embedded.directory import DataDirectory, State
from tocsin.embedded.kafka import Kafka
from tocsin.embedded.placement import place
from tocsin.embedded.ports import choose, taken
from tocsin.embedded.postgres import Postgres
from tocsin.embedded.processes import Say, end_orphans, stop, tail
from tocsin.errors import Refusal

_ATTEMPTS: Final = 3
_READY_WITHIN: Final = 90.0
_GRACE: Final = 20.0

Process = asyncio.subprocess.Process


@dataclass(frozen=True)
class Wanted:
    """Which engines are to be embedded; one that is given by a setting is not."""

    kafka: bool = True
    postgres: bool = True


@dataclass(frozen=True)
class Engines:
    """What runs, with its processes, for whoever watches them."""

    kafka: Kafka | None
    postgres: Postgres | None
    processes: dict[str, Process]


def marks(directory: DataDirectory) -> frozenset[str]:
    """The exact arguments by which a process is known to belong to this directory."""
    state = directory.state()
    home = Path(state.postgres_home) if state.postgres_home else directory.path / "postgres"
    return frozenset({Kafka.mark(directory.path), str(home / "data"), child_mark(directory.path)})


def child_mark(directory: Path) -> str:
    """Python ignores it; we know our own child by it."""
    return f"tocsin={directory}"


@contextlib.asynccontextmanager
async def running(directory: DataDirectory, say: Say, wanted: Wanted | None = None) -> AsyncIterator[Engines]:
    """The engines, ready, for the time of the block. The caller holds the directory."""
    await asyncio.to_thread(end_orphans, marks(directory), say)
    engines = await _started(directory, say, wanted or Wanted())
    try:
        yield engines
    finally:
        await stop_all(engines.processes, say)


async def stop_all(processes: dict[str, Process], say: Say) -> None:
    """Stop the engines cleanly, both at once."""
    signals = {"kafka": kafka.STOP, "postgres": postgres.STOP}
    await asyncio.gather(*(stop(p, signals[name], grace=_GRACE) for name, p in processes.items()))
    if processes:
        say(f"{' and '.join(processes)} stopped")


async def _started(directory: DataDirectory, say: Say, wanted: Wanted) -> Engines:
    for attempt in range(1, _ATTEMPTS + 1):
        engines = _laid_out(directory, say, wanted)
        try:
            await _start(engines, say)
        except Refusal:
            await stop_all(engines.processes, _silent)
            if attempt == _ATTEMPTS or not taken(_ports(engines)):
                raise
            say("another program took a port in the meantime; trying with other ports")
        except BaseException:
            await stop_all(engines.processes, _silent)
            raise
        else:
            return engines
    raise AssertionError("unreachable: the last attempt returns or raises")


def _laid_out(directory: DataDirectory, say: Say, wanted: Wanted) -> Engines:
    state = _kept(directory, directory.state())
    ports = state.ports
    server = None
    if wanted.postgres:
        placement = place(directory.path, kept=state.postgres_home, say=say)
        directory.keep(state.model_copy(update={"postgres_home": str(placement.home)}))
        server = Postgres(placement, directory.path / "postgres.log", ports.postgres, state.password)
    node = Kafka(directory.path, ports.kafka, ports.controller) if wanted.kafka else None
    return Engines(node, server, {})


def _ports(engines: Engines) -> tuple[int, ...]:
    node, server = engines.kafka, engines.postgres
    return (*((node.port, node.controller_port) if node else ()), *((server.port,) if server else ()))


def _kept(directory: DataDirectory, state: State) -> State:
    """Choose the ports that are free now, and keep them."""
    wishes = state.ports.model_dump()
    chosen = dict(zip(wishes, choose(wishes.values()), strict=True))
    state = state.model_copy(update={"ports": state.ports.model_copy(update=chosen)})
    directory.keep(state)
    return state


async def _start(engines: Engines, say: Say) -> None:
    starts = [_bring_up("kafka", engines.kafka, engines, say)] if engines.kafka else []
    if engines.postgres:
        starts.append(_bring_up("postgres", engines.postgres, engines, say))
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except* Refusal as refused:
        raise refused.exceptions[0] from None
    if engines.postgres:
        await _ensure_database(engines.postgres)


async def _bring_up(name: str, engine: Kafka | Postgres, engines: Engines, say: Say) -> None:
    process = await engine.start()
    engines.processes[name] = process
    await wait_until_ready(process, lambda: engine.ready(process), name=name, log=engine.log)
    say(f"{name} ready on port {engine.port} (pid {process.pid})")


async def wait_until_ready(process: Process, ready: Callable[[], Awaitable[bool]], *, name: str, log: Path) -> None:
    """Until it answers; it has failed when it ended or has not answered in 90 s."""
    end = time.monotonic() + _READY_WITHIN
    while not await ready():
        if process.returncode is not None:
            raise Refusal(f"{name} ended while starting (exit code {process.returncode}). {tail(log)}")
        if time.monotonic() > end:
            raise Refusal(f"{name} did not answer within {_READY_WITHIN:.0f} s. {tail(log)}")
        await asyncio.sleep(0.05)


async def _ensure_database(server: Postgres) -> None:
    """Our database, apart from the one PostgreSQL makes for itself."""
    async with await AsyncConnection.connect(server.url("postgres"), autocommit=True) as connection:
        found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [postgres.DATABASE])
        if await found.fetchone() is None:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(postgres.DATABASE)))


def _silent(_: str) -> None:
    """Say nothing: the error that follows says it."""
