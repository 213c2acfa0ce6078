"""What most tests of a database begin with."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from storage.engine import connect
from tests.broker.people import DESK, register


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Connections to the database of one test."""
    made = connect(database)
    yield made
    made.dispose()


@pytest.fixture
def url(database: str) -> str:
    """The database of one test, in which the central desk may decide."""
    register(database, DESK, "central_desk")
    return database
