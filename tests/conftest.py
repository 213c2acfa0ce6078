"""The engines every test shares: one real Kafka and PostgreSQL for the whole run, one fresh database per test.

`TOCSIN_TEST_ENGINES=DIRECTORY` uses a pair that already runs (`python -m tocsin.embedded DIRECTORY`) instead.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.programs import Program, open_directory
from tests.programs import until as until
from tocsin.embedded.directory import DataDirectory, Running

_numbers = itertools.count(1)


@dataclass(frozen=True)
class TestEngines:
    """Where the pair listens. `server_url` is the superuser's, on PostgreSQL's own database."""

    __test__ = False

    kafka: str
    server_url: str

    def database_url(self, name: str) -> str:
        """The same server, another database."""
        return f"{self.server_url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def engines() -> Iterator[TestEngines]:
    """One pair of engines for the whole run."""
    shared = os.environ.get("TOCSIN_TEST_ENGINES")
    if shared:
        yield _found(DataDirectory(Path(shared)).running(), shared)
        return
    with open_directory() as directory:
        command = [sys.executable, "-m", "tocsin.embedded", str(directory)]
        with Program(command, log=directory / "engines.log") as program:
            program.wait_for("ready: ", within=120)
            found = _found(DataDirectory(directory).running(), program.said())
            _wait_for_no_disk(found)
            yield found


def _wait_for_no_disk(engines: TestEngines) -> None:
    """A database is made and dropped for each test. Nobody pulls the plug of this pair; tests that hurt engines start
    their own, which sync as ever."""
    _execute(engines, "ALTER SYSTEM SET fsync = off")
    _execute(engines, "SELECT pg_reload_conf()")


@pytest.fixture
def kafka(engines: TestEngines) -> str:
    """The bootstrap address."""
    return engines.kafka


@pytest.fixture
def database(engines: TestEngines, template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database of this test alone."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(engines, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield engines.database_url(name)
    _execute(engines, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def template(engines: TestEngines) -> Iterator[str]:
    """A migrated database that the others are copied from."""
    from storage.engine import connect, migrate

    name = f"template_{os.getpid()}"
    _execute(engines, "CREATE DATABASE {}", name)
    engine = connect(engines.database_url(name))
    migrate(engine)
    engine.dispose()
    yield name
    _execute(engines, "DROP DATABASE {} WITH (FORCE)", name)


def _found(running: Running | None, where: str) -> TestEngines:
    if running is None or running.kafka is None or running.database_url is None:
        raise AssertionError(f"no engines run: {where}")
    return TestEngines(running.kafka, f"{running.database_url.rpartition('/')[0]}/postgres")


def _execute(engines: TestEngines, statement: str, *names: str) -> None:
    with psycopg.connect(engines.server_url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
