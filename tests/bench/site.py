"""Where figures are taken: engines of their own in a temporary directory, a fresh database per run, real programs."""

import asyncio
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import Engine, text

from schemas.topics import SHARED_TOPICS, detections_topic, laboratory_topics
from schemas.vocabularies import ReporterRole
from storage import laboratories
from storage.engine import connect, migrate
from storage.laboratories import Laboratory
from streams.config import Kafka
from streams.publishing import publisher
from streams.topics import apply
from tests.programs import Program, open_directory, tocsin, until
from tocsin.embedded.directory import DataDirectory
from tocsin.embedded.ports import choose

PATIENCE: Final = 300.0
_TEMPLATE: Final = "bench"
_READ: Final = "SELECT coalesce(sum(next_offset - first_offset), 0) FROM stream_positions"


@dataclass(frozen=True)
class Site:
    """Both engines, and where the runs put their logs."""

    kafka: Kafka
    server: str
    directory: Path

    def publish(self, messages: Mapping[str, Iterable[bytes]]) -> None:
        """Put messages, by laboratory, on the topics."""
        asyncio.run(self._publish(messages))

    async def _publish(self, messages: Mapping[str, Iterable[bytes]]) -> None:
        async with publisher(self.kafka) as out:
            for laboratory, values in messages.items():
                async for _ in out.publish(detections_topic(laboratory), values):
                    pass

    def open_topics(self, names: Iterable[str]) -> None:
        """Make the topics of these laboratories."""
        asyncio.run(apply(self.kafka, [spec for name in names for spec in laboratory_topics(name)]))

    @contextmanager
    def run(self, name: str, registered: Iterable[str]) -> "Iterator[Run]":
        """A fresh, migrated database with these laboratories, and a consumer group that has read nothing."""
        tag = f"{name}_{uuid.uuid4().hex[:8]}"
        self.execute("CREATE DATABASE {} TEMPLATE {}", tag, _TEMPLATE)
        engine = connect(self.url(tag), name="bench")
        with engine.begin() as connection:
            for one in registered:
                laboratories.put(connection, _laboratory(one))
        try:
            yield Run(self, engine, tag)
        finally:
            engine.dispose()
            self.execute("DROP DATABASE {} WITH (FORCE)", tag)

    def url(self, database: str) -> str:
        """The same server, another database."""
        return f"{self.server.rpartition('/')[0]}/{database}"

    def execute(self, statement: str, *names: str) -> None:
        """A statement on the server itself."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@dataclass(frozen=True)
class Run:
    """One database, and the programs that work on it."""

    site: Site
    engine: Engine
    tag: str

    def worker(self, *arguments: str, number: int = 0) -> Program:
        """`tocsin worker`, one of those of this run."""
        group = {"TOCSIN_KAFKA__GROUP": self.tag.replace("_", "-")}
        return self._program(("worker", *arguments), group, number=number)

    def courier(self, smtp_port: int, more: Mapping[str, str] | None = None) -> Program:
        """`tocsin courier`, with a relay on this machine."""
        relay = {"TOCSIN_SMTP__HOST": "127.0.0.1", "TOCSIN_SMTP__PORT": str(smtp_port), "TOCSIN_SMTP__TLS": "none"}
        return self._program(("courier",), relay | dict(more or {}))

    @contextmanager
    def mailbox(self) -> Iterator[int]:
        """The embedded mailbox; its mail port."""
        smtp, page = choose([0, 0])
        folder = self.site.directory / f"{self.tag}-mails"
        with self.module("tocsin.embedded.mailbox", str(folder), str(smtp), str(page)):
            yield smtp

    def module(self, name: str, *arguments: str) -> Program:
        """A Python program of its own; what it says is its log."""
        log = self.site.directory / f"{self.tag}-{name.rpartition('.')[2]}.log"
        return Program([sys.executable, "-m", name, *arguments], log=log)

    def _program(self, command: tuple[str, ...], more: Mapping[str, str], *, number: int = 0) -> Program:
        environment = {
            "TOCSIN_KAFKA__BOOTSTRAP": self.site.kafka.bootstrap,
            "TOCSIN_DATABASE__URL": self.url,
            "TOCSIN_DATA_DIR": str(self.site.directory / f"{self.tag}-{number}"),
            "TOCSIN_SITE": f"{self.tag.replace('_', '-')}.example",
            **more,
        }
        log = self.site.directory / f"{self.tag}-{command[-1]}-{number}.log"
        return Program(tocsin(*command), log=log, environment=environment)

    @property
    def url(self) -> str:
        """Where the database is."""
        return self.site.url(self.tag)

    def execute(self, statement: str) -> None:
        """One statement, committed."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def number(self, statement: str) -> int:
        """One number of the database."""
        with self.engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    def numbers(self, statement: str) -> list[float]:
        """One column of the database."""
        with self.engine.connect() as connection:
            return [float(value) for value in connection.execute(text(statement)).scalars()]

    def read_to(self) -> int:
        """How many records the worker has taken."""
        return self.number(_READ)

    def rate(self, worker: Program, *, start: int, stop: int) -> float:
        """Records per second between the first commit after `start` and the one that reaches `stop`."""
        wait(worker, lambda: self.read_to() > start)
        first, begin = self.read_to(), time.perf_counter()
        wait(worker, lambda: self.read_to() >= stop)
        return (stop - first) / (time.perf_counter() - begin)


@contextmanager
def site() -> Iterator[Site]:
    """Engines that end with the block, and the topics of eight laboratories."""
    with open_directory() as directory:
        command = [sys.executable, "-m", "tocsin.embedded", str(directory / "engines")]
        with Program(command, log=directory / "engines.log") as program:
            program.wait_for("ready: ", within=120)
            running = DataDirectory(directory / "engines").running()
            if running is None or running.kafka is None or running.database_url is None:
                raise AssertionError(program.said())
            made = Site(
                Kafka(bootstrap=running.kafka), f"{running.database_url.rpartition('/')[0]}/postgres", directory
            )
            _prepare(made)
            yield made


def _prepare(made: Site) -> None:
    asyncio.run(apply(made.kafka, SHARED_TOPICS))
    made.execute("CREATE DATABASE {}", _TEMPLATE)
    engine = connect(made.url(_TEMPLATE), name="bench")
    migrate(engine)
    engine.dispose()


def _laboratory(name: str) -> Laboratory:
    return Laboratory(
        id=name,
        display_name=f"Example laboratory {name[:2].upper()}",
        country=name[:2].upper(),
        roles=frozenset(ReporterRole),
        topic=detections_topic(name),
    )


def wait(program: Program, condition: Callable[[], bool]) -> None:
    """Until it is so; a program that ended, or took too long, is a failure that shows what it said."""

    def there() -> bool:
        if program.process.poll() is not None:
            raise AssertionError("it ended")
        return condition()

    try:
        until(there, within=PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{error}; it said:\n{program.said()[-4000:]}") from error


def memory_mb(program: Program) -> float:
    """What the process and its own hold in memory now."""
    process = psutil.Process(program.process.pid)
    return sum(float(one.memory_info().rss) for one in (process, *process.children(recursive=True))) / 1e6


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process, of its children that ended, and of those that run."""
    times = process.cpu_times()
    used = times.user + times.system + times.children_user + times.children_system
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            used += cpu_of(child)
    return float(used)
