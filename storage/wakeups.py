"""Wake-ups between processes: an empty NOTIFY after a commit, on its own connection, and a LISTEN that waits for it.

A wake-up only saves time: whoever listens looks every second anyway.
"""

import contextlib
import threading
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

QUIET_SECONDS: Final = 0.01
"""At most 100 notifications a second of one kind and process; those between are one at the end."""


class Wakeup(StrEnum):
    """What there is to look at: alert events to plan, or deliveries to send."""

    OUTBOX = "tocsin_outbox"
    LEDGER = "tocsin_ledger"


class Bell:
    """Rings one wake-up. Call it after the commit, never inside a transaction."""

    def __init__(self, engine: Engine, wakeup: Wakeup) -> None:
        self._engine = engine
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._quiet = False

    def ring(self) -> None:
        """Notify now, or once more when the quiet time is over. A database that is away is no trouble: whoever
        listens looks by itself."""
        with self._lock:
            if self._timer is not None:
                self._quiet = True
                return
            self._timer = threading.Timer(QUIET_SECONDS, self._rested)
            self._timer.daemon = True
            self._timer.start()
        with contextlib.suppress(SQLAlchemyError):
            notify(self._engine, self._wakeup)

    def _rested(self) -> None:
        with self._lock:
            again, self._quiet, self._timer = self._quiet, False, None
        if again:
            self.ring()


def notify(engine: Engine, wakeup: Wakeup) -> None:
    """One notification, committed by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"NOTIFY {wakeup.value}"))


class Listener:
    """A connection that waits for wake-ups. Lost connections are opened again at the next wait."""

    def __init__(self, engine: Engine, *wakeups: Wakeup) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._wakeups = wakeups
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float) -> frozenset[Wakeup]:
        """The wake-ups that came within `seconds`. Raises `psycopg.OperationalError` when the database is away."""
        try:
            return frozenset(Wakeup(one.channel) for one in self._opened().notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
            for wakeup in self._wakeups:
                self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(wakeup.value)))
        return self._connection
