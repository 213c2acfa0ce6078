"""Hears every statement that an engine's connections send, by SQLAlchemy or past it, and may put it in other words."""

from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Engine, event

Driver = psycopg.Connection[Any]
Rewrite = Callable[[Driver, str, Any], tuple[str, Any]]
"""The statement and its parameters as they are sent."""


class Ears:
    """One pair for each engine. What is connected already is closed: it would not be heard."""

    def __init__(self, engine: Engine) -> None:
        self._rewrites: list[Rewrite] = []
        cursor = self._cursor()

        def connected(connection: Driver, _: object) -> None:
            connection.cursor_factory = cursor

        event.listen(engine, "connect", connected)
        engine.dispose()

    def add(self, rewrite: Rewrite) -> None:
        """The next to hear."""
        self._rewrites.append(rewrite)

    def _cursor(self) -> type[psycopg.Cursor[Any]]:
        rewrites = self._rewrites

        class Heard(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **more: Any) -> "Heard":
                said = query.decode() if isinstance(query, bytes) else query
                if isinstance(said, str):
                    for rewrite in rewrites:
                        said, params = rewrite(self.connection, said, params)
                    said = said.encode()
                return super().execute(said, params, **more)

        return Heard
