"""How the program talks to PostgreSQL: its connections and time-outs, migrations, which errors mean "not now"."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage import catalogues

SESSION: Final = (
    "-c idle_in_transaction_session_timeout=10s"
    " -c statement_timeout=30s"
    " -c lock_timeout=20s"
    " -c tcp_user_timeout=15s"
    " -c default_transaction_isolation=read\\ committed"
    " -c timezone=UTC"
)
"""So that a worker that was stopped in the middle cannot hold a case: ten seconds when it was silent between two
statements, fifteen when the server was sending it an answer that it does not take (no statement time-out ends that)."""

KEEPALIVES: Final = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

INFRASTRUCTURE_CLASSES: Final = ("08", "40", "53", "57")
TIME_OUTS: Final = frozenset({"25P03", "57014"})
"""Idle in transaction, statement cancelled."""

INFRASTRUCTURE_STATES: Final = frozenset({"55P03", "25P03"})
"""Connection, rollback (deadlock, serialization), resources, operator; lock not available; idle in transaction."""

_MIGRATION_LOCK: Final = 0x746F6373_00000001
"""Advisory lock number ("tocs", 1): one migration at a time in one database."""


def connect(url: str, *, pool_size: int = 5, name: str = "tocsin") -> Engine:
    """An engine for `postgresql://…`; it connects lazily. `name` is what `pg_stat_activity` shows."""
    engine = sqlalchemy.create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=20,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={**KEEPALIVES, "options": SESSION, "application_name": name},
    )
    sqlalchemy.event.listen(engine, "connect", _send_arrays_binary)
    return engine


def _send_arrays_binary(connection: psycopg.Connection, _: object) -> None:
    """Bulk statements carry JSON in arrays: as text, each quote in it is escaped, a third of the time of a batch."""
    connection.adapters.register_dumper(list, ListBinaryDumper)


def is_infrastructure(error: BaseException) -> bool:
    """Whether the database was not there or could not now: worth repeating, and no fault of the data."""
    if isinstance(error, PoolTimeout):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return cause.sqlstate[:2] in INFRASTRUCTURE_CLASSES or cause.sqlstate in INFRASTRUCTURE_STATES


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """One look at everything as it is at one moment, however long it takes: for audits, which hold no locks."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))
        yield connection


def took_too_long(error: BaseException) -> bool:
    """Whether a time-out of ours ended the transaction: less at a time may fit into it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.Error) and cause.sqlstate in TIME_OUTS


def migrate(engine: Engine) -> None:
    """Bring schema and shipped catalogue to the newest version, all or nothing.

    Two at once are safe: the second waits, finds it done.
    """
    with engine.begin() as connection:
        for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
        command.upgrade(_alembic(connection), "head")
        catalogues.seed(connection)


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
