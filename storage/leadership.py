"""One at a time among all processes: a right held by a database session, gone with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, text

_TRY: Final = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")

_CONFIRM: Final = text("SELECT 1")


@contextmanager
def leadership(engine: Engine, name: str) -> Iterator[Connection | None]:
    """The connection that holds the right called `name`, or None when another process has it.

    Work through this connection: when it breaks, the right is lost and the next statement says so. It commits each
    statement by itself and is closed at the end, which gives the right back.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        held = connection.execute(_TRY, {"name": f"tocsin {name}"}).scalar_one()
        yield connection if held else None


def confirm(connection: Connection) -> None:
    """Raises when the connection that holds a right is broken."""
    connection.execute(_CONFIRM)
