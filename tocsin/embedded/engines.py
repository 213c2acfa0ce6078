"""The engines of one data directory: started together, stopped together, on ports that are kept."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection, sql

from tocsin.embedded import postgres
from tocsin.embedded.directory import DataDirectory, State
from tocsin.embedded.kafka import Kafka
from tocsin.embedded.keeping import Child, Process, bring_up, stop_all
from tocsin.embedded.mailbox import Mailbox
from tocsin.embedded.placement import place
from tocsin.embedded.ports import choose, taken
from tocsin.embedded.postgres import Postgres
from tocsin.embedded.processes import Say, child_mark, end_orphans
from tocsin.errors import Refusal

_ATTEMPTS: Final = 3
_GRACE: Final = 20.0


@dataclass(frozen=True)
class Wanted:
    """Which engines are to be embedded; one that is given by a setting is not."""

    kafka: bool = True
    postgres: bool = True
    mailbox: bool = True
    secure: bool = False
    """Kafka asks for a login. A directory that was made so stays so."""


@dataclass(frozen=True)
class Engines:
    """What runs, with its processes, for whoever keeps them."""

    kafka: Kafka | None
    postgres: Postgres | None
    mailbox: Mailbox | None
    processes: dict[str, Process]

    @property
    def children(self) -> list[Child]:
        """Those that are embedded, in the order in which they are named."""
        every: tuple[Child | None, ...] = (self.kafka, self.postgres, self.mailbox)
        return [child for child in every if child is not None]


@contextlib.asynccontextmanager
async def running(directory: DataDirectory, say: Say, wanted: Wanted) -> AsyncIterator[Engines]:
    """The engines, ready, for the time of the block. The caller holds the directory."""
    await asyncio.to_thread(end_orphans, _marks(directory), say)
    engines = await _started(directory, say, wanted)
    try:
        yield engines
    finally:
        await stop_all(engines.children, engines.processes, say, grace=_GRACE)


def _marks(directory: DataDirectory) -> frozenset[str]:
    """The exact arguments by which a process is known to belong to this directory."""
    state = directory.state()
    home = Path(state.postgres_home) if state.postgres_home else directory.path / "postgres"
    return frozenset({Kafka.mark(directory.path), str(home / "data"), child_mark(directory.path)})


async def _started(directory: DataDirectory, say: Say, wanted: Wanted) -> Engines:
    attempt = 0
    while True:
        attempt += 1
        engines = _laid_out(directory, say, wanted)
        try:
            await _start(engines, say)
        except BaseException as error:
            await stop_all(engines.children, engines.processes, say, grace=_GRACE)
            clash = isinstance(error, Refusal) and taken(port for child in engines.children for port in child.ports)
            if attempt == _ATTEMPTS or not clash:
                raise
            say("another program took a port in the meantime; trying other ports")
        else:
            return engines


def _laid_out(directory: DataDirectory, say: Say, wanted: Wanted) -> Engines:
    state = _with_ports(directory, _with_logins(directory, directory.state(), wanted))
    ports = state.ports
    server = None
    if wanted.postgres:
        placement = place(directory.path, kept=state.postgres_home, say=say)
        directory.keep(state.model_copy(update={"postgres_home": str(placement.home)}))
        server = Postgres(placement, directory.path / "postgres.log", ports.postgres, state.password)
    node = Kafka(directory.path, ports.kafka, ports.controller, state.kafka_password) if wanted.kafka else None
    mailbox = Mailbox(directory.path, ports.smtp, ports.mailbox) if wanted.mailbox else None
    return Engines(node, server, mailbox, {})


def _with_logins(directory: DataDirectory, state: State, wanted: Wanted) -> State:
    """Whether Kafka has logins is fixed when it is made: the administrator is written into it then."""
    if not wanted.secure or state.kafka_password:
        return state
    if not wanted.kafka:
        raise Refusal(
            "--secure is about the embedded Kafka, and TOCSIN_KAFKA__BOOTSTRAP names your own: leave out one."
        )
    if (directory.path / "kafka").exists():
        raise Refusal(
            f"The Kafka in {directory.path} was made without logins, and that is for good: "
            "start in another directory with --data-dir, or leave out --secure."
        )
    return state.model_copy(update={"kafka_password": secrets.token_urlsafe(18)})


def _with_ports(directory: DataDirectory, state: State) -> State:
    """Choose the ports that are free now, and keep them."""
    wishes = state.ports.model_dump()
    chosen = dict(zip(wishes, choose(wishes.values()), strict=True))
    state = state.model_copy(update={"ports": state.ports.model_copy(update=chosen)})
    directory.keep(state)
    return state


async def _start(engines: Engines, say: Say) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for child in engines.children:
                group.create_task(bring_up(child, engines.processes, say))
    except* Refusal as refused:
        raise refused.exceptions[0] from None
    if engines.postgres:
        await _ensure_database(engines.postgres)


async def _ensure_database(server: Postgres) -> None:
    """Our database, apart from the one PostgreSQL makes for itself."""
    async with await AsyncConnection.connect(server.url("postgres"), autocommit=True) as connection:
        found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [postgres.DATABASE])
        if await found.fetchone() is None:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(postgres.DATABASE)))
