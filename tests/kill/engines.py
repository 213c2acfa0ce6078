"""Kafka and PostgreSQL of one trial alone, to be hurt: killed and started again, refused, cut, filled up."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from storage.engine import connect, migrate
from tests.programs import open_directory
from tocsin.embedded import engines as embedded
from tocsin.embedded.directory import DataDirectory, DataPurpose
from tocsin.embedded.engines import Wanted
from tocsin.embedded.kafka import Kafka
from tocsin.embedded.keeping import Child, bring_up
from tocsin.embedded.postgres import DATABASE, Postgres
from tocsin.errors import Refusal

DISK: Final = "3g"
"""In memory, and only as much of it as is written."""


class NoSmallDisk(Exception):
    """Why this machine gives us no small disk of our own."""


@dataclass(frozen=True)
class Engines:
    """A pair that runs. What was killed stays down until `start`."""

    directory: Path
    kafka: Kafka
    postgres: Postgres
    small_disk: bool
    _running: embedded.Engines

    async def kill(self, child: Child) -> None:
        """kill -9."""
        process = self._running.processes[child.name]
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()

    async def start(self, child: Child) -> None:
        """Start it again where it was; a start that fails is tried again."""
        for attempt in range(5):
            try:
                await bring_up(child, self._running.processes, _silent)
                return
            except Refusal:
                if attempt == 4:
                    raise
                await self.kill(child)
                await asyncio.sleep(1)

    def ended(self, child: Child) -> bool:
        """Whether it ended by itself."""
        return self._running.processes[child.name].returncode is not None

    def execute(self, statement: str) -> None:
        """A statement on the server, beside our database."""
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement))

    def refuse(self) -> None:
        """The database takes no connection from now on, and those it had are gone."""
        self.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false")
        self.cut()

    def accept(self) -> None:
        """It does again."""
        self.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true")

    def cut(self) -> None:
        """Every connection to the database ends."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'")

    def fill_disk(self) -> None:
        """Not one byte is left where both keep their data. Only for engines on a small disk."""
        assert os.path.ismount(self.directory), "never on a disk of others"
        while not self._sized(str(shutil.disk_usage(self.directory).used)):
            """They wrote in between."""

    def free_disk(self) -> None:
        """There is room again."""
        assert self._sized(DISK)

    def _sized(self, size: str) -> bool:
        command = ["mount", "-o", f"remount,size={size}", str(self.directory)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@asynccontextmanager
async def own_engines(*, small_disk: bool = False) -> AsyncIterator[Engines]:
    """A fresh pair with a migrated database; with `small_disk` on one of its own, or `NoSmallDisk`."""
    with open_directory() as path:
        if small_disk:
            _mount(path)
        try:
            async with _running(DataDirectory(path), small_disk=small_disk) as engines:
                yield engines
        finally:
            if small_disk:
                _unmount(path)


@asynccontextmanager
async def _running(directory: DataDirectory, *, small_disk: bool) -> AsyncIterator[Engines]:
    wanted = Wanted(mailbox=False)
    with directory.held(DataPurpose.TEST):
        async with embedded.running(directory, _silent, wanted) as running:
            assert running.kafka is not None and running.postgres is not None
            engines = Engines(directory.path, running.kafka, running.postgres, small_disk, running)
            await asyncio.to_thread(_migrated, engines.postgres.url())
            yield engines


def no_small_disk() -> str | None:
    """Why this machine gives us no small disk; None where it does."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            _mount(Path(directory))
        except NoSmallDisk as reason:
            return str(reason)
        _unmount(Path(directory))
    return None


def _migrated(url: str) -> None:
    engine = connect(url, name="test")
    migrate(engine)
    engine.dispose()


def _mount(path: Path) -> None:
    if os.geteuid() != 0:
        raise NoSmallDisk("a small disk is mounted by root only")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(path)], capture_output=True, text=True
    )
    if done.returncode:
        raise NoSmallDisk(f"no tmpfs here: {done.stderr.strip()}")


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "-l", str(path)], check=True)


def _silent(_: str) -> None:
    """What engines say is in their logs."""
