"""Gathering: many in one, and none that holds up the others."""

import asyncio
from collections.abc import Mapping, Sequence

import psycopg
import pytest

from notifiers.gathering import Gathering


class Asked:
    """What was asked together and alone. `bad` breaks whatever it is in, `held` is at somebody else until let go,
    `away` finds no database."""

    def __init__(self) -> None:
        self.groups = list[tuple[str, ...]]()
        self.let_go = asyncio.Event()

    async def together(self, words: Sequence[str]) -> Mapping[str, str]:
        self.groups.append(tuple(words))
        if "away" in words:
            raise psycopg.OperationalError("gone")
        if "bad" in words:
            raise ZeroDivisionError("bad")
        return {word: word.upper() for word in words if word != "held"}

    async def alone(self, word: str) -> str:
        if word == "held":
            await self.let_go.wait()
        return (await self.together([word])).get(word, "at last")


def gathering(asked: Asked, *, most: int = 8) -> Gathering[str, str]:
    return Gathering(asked.together, asked.alone, most=most, pause=0.0)


async def test_what_is_asked_at_once_goes_together_and_no_more_than_the_most() -> None:
    asked = Asked()
    gathered = gathering(asked, most=2)
    assert await asyncio.gather(*map(gathered.ask, "abc")) == ["A", "B", "C"]
    assert asked.groups == [("a", "b"), ("c",)]


async def test_one_that_breaks_its_group_fails_alone() -> None:
    gathered = gathering(Asked())
    found = await asyncio.gather(*map(gathered.ask, ("a", "bad", "b")), return_exceptions=True)
    assert found[0] == "A" and isinstance(found[1], ZeroDivisionError) and found[2] == "B"


async def test_one_that_must_wait_holds_up_neither_its_group_nor_the_next() -> None:
    asked = Asked()
    gathered = gathering(asked)
    waiting = asyncio.create_task(gathered.ask("held"))
    assert await gathered.ask("a") == "A" and await gathered.ask("b") == "B"
    assert not waiting.done()
    asked.let_go.set()
    assert await waiting == "at last"


async def test_where_the_database_is_away_all_of_a_group_hear_so_at_once() -> None:
    asked = Asked()
    gathered = gathering(asked)
    found = await asyncio.gather(*map(gathered.ask, ("a", "away")), return_exceptions=True)
    assert [type(each) for each in found] == [psycopg.OperationalError] * 2
    assert asked.groups == [("a", "away")]
    with pytest.raises(ZeroDivisionError):
        await gathered.ask("bad")
