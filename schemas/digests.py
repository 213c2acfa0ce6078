"""What a digest is: when it comes, and what it tells of the time since the last one."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Frozen
from schemas.vocabularies import Category
from schemas.zones import Zone


class Every(StrEnum):
    DAY = "day"
    WEEK = "week"


class DigestWish(Frozen):
    """Daily or weekly at a full hour of the wall clock of `zone`; `weekday` 0 is Monday."""

    every: Every = Every.WEEK
    hour: int = Field(default=8, ge=0, le=23)
    weekday: int = Field(default=0, ge=0, le=6)
    zone: Zone = "Europe/Brussels"


class Window(Frozen):
    """From the last digest to this one; the end is not in it."""

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start >= self.end:
            raise ValueError("a window ends after it starts")
        return self

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


class Line(Frozen):
    """One alert that waited for the digest, as it stands at the end of the window."""

    number: str
    title: str
    level: int
    countries: tuple[str, ...]


class Count(Frozen):
    """How many alerts there were in the window, and how many in the one before."""

    now: int
    before: int


class Digest(Frozen):
    """What one reader is told of one window. `classes` and `countries` count alerts, each once."""

    window: Window
    lines: tuple[Line, ...]
    classes: dict[Category, Count]
    countries: dict[str, Count]

    @property
    def empty(self) -> bool:
        """Nothing waited, and nothing was told: then nothing is sent."""
        return not self.lines and not any(count.now for count in self.classes.values())
