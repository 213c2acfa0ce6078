"""Where PostgreSQL lives when we are root: in the data directory if its user reaches it, else where it does."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import open_directory
from tocsin.embedded.placement import OUTSIDE, place

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run PostgreSQL")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A data directory below one that is closed to everybody else; what is made outside is removed again."""
    before = set(OUTSIDE.iterdir()) if OUTSIDE.exists() else set()
    with open_directory() as directory:
        directory.chmod(0o700)
        (directory / "data").mkdir()
        yield directory / "data"
    for made in set(OUTSIDE.iterdir()) - before if OUTSIDE.exists() else ():
        shutil.rmtree(made)


def test_an_open_directory_keeps_its_own_files() -> None:
    with open_directory() as directory:
        placed = place(directory, kept=None, say=_unheard)
        assert placed.home == directory / "postgres"
        assert placed.account is not None
        assert placed.home.stat().st_uid == placed.account.uid


def test_a_closed_directory_has_its_files_outside_and_that_is_said(closed: Path) -> None:
    said: list[str] = []
    placed = place(closed, kept=None, say=said.append)
    assert placed.home.parent.parent == OUTSIDE
    assert f"its files are in {placed.home}" in said[0]
    assert closed.parent.stat().st_mode & 0o777 == 0o700, "nothing of anybody else's was opened"


def test_two_closed_directories_never_share_files(closed: Path) -> None:
    (closed.parent / "other").mkdir()
    homes = {place(path, kept=None, say=_unheard).home for path in (closed, closed.parent / "other")}
    assert len(homes) == 2


def test_files_stay_where_they_were_put_even_when_the_directory_is_opened_later(closed: Path) -> None:
    first = place(closed, kept=None, say=_unheard)
    closed.parent.chmod(0o755)
    assert place(closed, kept=str(first.home), say=_unheard).home == first.home


def _unheard(_: str) -> None:
    pass
