"""The stream's storage: migrations, sessions, and the rows that only move together."""

import os
import subprocess
import sys

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage import laboratories, positions
from storage.engine import connect, is_infrastructure
from storage.positions import Counters, Move, Partition
from storage.tables import metadata
from tests.conftest import TestEngines
from tests.streaming.site import ROOT, laboratory

LIVE = Partition(flow="live", topic="detections-a", partition=0)


def test_two_migrations_at_once_make_one_schema(engines: TestEngines) -> None:
    with _empty_database(engines, "twice") as url:
        environment = {**os.environ, "TOCSIN_DATABASE__URL": url}
        words = [sys.executable, "-m", "tocsin", "database", "migrate"]
        both = [subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
        said = [one.communicate(timeout=60)[1] for one in both]
        assert [one.returncode for one in both] == [0, 0], said
        engine = connect(url)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
        engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_names(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_every_connection_is_bounded_in_time(database: str) -> None:
    engine = connect(database)
    with engine.connect() as connection:
        shown = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in _BOUNDS}
        assert shown == _BOUNDS
    engine.dispose()


_BOUNDS = {
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "30s",
    "lock_timeout": "20s",
    "tcp_user_timeout": "15000",
    "transaction_isolation": "read committed",
    "TimeZone": "UTC",
}


def test_what_the_database_could_not_do_now_is_told_from_what_it_never_will(database: str) -> None:
    engine = connect(database)
    for statement, expected in {
        "SET statement_timeout = 1; SELECT pg_sleep(1)": True,
        "SELECT pg_terminate_backend(pg_backend_pid())": True,
        "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$": True,
        "DO $$ BEGIN RAISE SQLSTATE '53300'; END $$": True,
        "DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$": True,
        "DO $$ BEGIN RAISE SQLSTATE '25P03'; END $$": True,
        "DO $$ BEGIN RAISE SQLSTATE '23505'; END $$": False,
        "DO $$ BEGIN RAISE SQLSTATE '22P05'; END $$": False,
        "SELECT nothing": False,
    }.items():
        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.execute(text(statement.replace(":", "\\:")))
        assert is_infrastructure(caught.value) is expected, statement
    engine.dispose()
    nobody = connect("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DBAPIError) as refused, nobody.connect():
        pass
    assert is_infrastructure(refused.value)
    assert not is_infrastructure(ValueError())


def test_positions_begin_once_and_move_by_what_is_added(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        assert positions.lock(connection, [LIVE]) == {}
        positions.register(connection, LIVE, log_start=5, cluster_id="c")
        positions.register(connection, LIVE, log_start=9, cluster_id="d")
        for _ in range(2):
            positions.advance(
                connection,
                [Move(partition=LIVE, next_offset=8, counters=Counters(applied=2, holes=1), last_offset=7)],
            )
        found = positions.lock(connection, [LIVE])[LIVE]
    assert (found.first_offset, found.next_offset, found.cluster_id, found.last_offset) == (5, 8, "c", 7)
    assert found.counters == Counters(applied=4, holes=2)
    engine.dispose()


def test_the_registry_version_rises_only_with_a_change(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        assert laboratories.registry_version(connection) == 0
        assert laboratories.put(connection, laboratory("a"))
        assert not laboratories.put(connection, laboratory("a"))
        assert laboratories.registry_version(connection) == 1
        assert laboratories.registered(connection) == (laboratory("a"),)
    engine.dispose()


class _empty_database:
    def __init__(self, engines: TestEngines, name: str) -> None:
        self._engines, self._name = engines, f"empty_{name}"

    def __enter__(self) -> str:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute("CREATE DATABASE {}")
        return self._engines.database_url(self._name)

    def __exit__(self, *_: object) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._engines.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self._name)))
