"""What a digest is: when it comes, and what it tells of the time since the last one."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Frozen
from schemas.letters import Letter, LetterKind
from schemas.vocabularies import Category, Handling
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
    """One alert that waited for the digest, as it stands at the end of the window. Without `title`: its reader may know
    of it on this channel, and no more."""

    number: str
    title: str | None
    level: int = Field(ge=0, le=4)
    countries: tuple[str, ...]


class Count(Frozen):
    """How many alerts there were in the window, and how many in the one before."""

    now: int = Field(ge=0)
    before: int = Field(ge=0)


class Digest(Letter):
    """What one reader is told of one window. `more` counts alerts that waited and have no line; `classes` and
    `countries` count alerts, each once."""

    letter: Literal[LetterKind.DIGEST] = LetterKind.DIGEST
    window: Window
    lines: tuple[Line, ...]
    more: int = 0
    classes: dict[Category, Count]
    countries: dict[str, Count]

    @property
    def empty(self) -> bool:
        """Nothing waited, and nothing was told: then nothing is sent."""
        return not self.lines and not any(count.now for count in self.classes.values())


class DigestData(Frozen):
    """The digest as a webhook carries it. `more`: alerts that waited and have no line here; `handling` is the
    strictest of all that it tells, and `use_conditions` are to be kept with it."""

    language: str
    headline: str
    summary: str
    handling: Handling
    use_conditions: tuple[str, ...] = ()
    window: Window
    lines: tuple[Line, ...]
    more: int = Field(ge=0)
    classes: dict[Category, Count]
    countries: dict[str, Count]


class DigestMessage(Frozen):
    """The body of a digest by webhook: CloudEvents 1.0, signed as every webhook of ours. `id` stays the same for every
    attempt, and is the `webhook-id`."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(pattern="^[0-9a-f]{32}$")
    source: Literal["urn:tocsin:alerts"] = "urn:tocsin:alerts"
    type: Literal["tocsin.digest"] = "tocsin.digest"
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: DigestData
