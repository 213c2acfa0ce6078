"""The days of a case: counters per country, region and day, which is all that facts are computed from.

A case is recalled as its days of the last months, never as its findings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple, TypeVar

from alerts.evidence import LOCAL, Evidence, Mark
from alerts.harm import HarmRank
from schemas.base import Frozen, SortedSet
from schemas.vocabularies import Confidence, Distribution, Presentation, Tense

Value = TypeVar("Value")
_NOT_KNOWN = frozenset({Distribution.UNKNOWN})


class Place(NamedTuple):
    """Where and when: the key of a cell. `region` is empty when not known."""

    day: date
    country: str
    region: str


class CellBody(Frozen):
    """A cell as it is stored."""

    live: int
    past: int
    deaths: int
    life_threatening: int
    hospitalised: int
    local_user: int
    harm: HarmRank
    confidence: Confidence | None
    dose_mg: float
    grams: float
    marks: SortedSet[Mark]
    presentations: SortedSet[Presentation]
    routes: SortedSet[Distribution]


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything the events of one place and day said. `live` events can be anchors, `past` ones (history) cannot.

    `deaths`, `life_threatening`, `hospitalised` count people; a dead person counts only as such.
    """

    live: int = 0
    past: int = 0
    deaths: int = 0
    life_threatening: int = 0
    hospitalised: int = 0
    local_user: int = 0
    harm: HarmRank = HarmRank.NONE
    confidence: Confidence | None = None
    dose_mg: float = 0.0
    grams: float = 0.0
    marks: frozenset[Mark] = frozenset()
    presentations: frozenset[Presentation] = frozenset()
    routes: frozenset[Distribution] = frozenset()

    @property
    def events(self) -> int:
        """Independent events, history included."""
        return self.live + self.past

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(
            self.live + other.live,
            self.past + other.past,
            self.deaths + other.deaths,
            self.life_threatening + other.life_threatening,
            self.hospitalised + other.hospitalised,
            self.local_user + other.local_user,
            max(self.harm, other.harm),
            better(self.confidence, other.confidence),
            max(self.dose_mg, other.dose_mg),
            max(self.grams, other.grams),
            self.marks | other.marks,
            self.presentations | other.presentations,
            self.routes | other.routes,
        )

    def beyond(self, other: "Cell") -> "Cell | None":
        """What makes this of another when it is added; None where the other says something that this does not."""
        if not (
            other.harm <= self.harm
            and better(self.confidence, other.confidence) is self.confidence
            and other.dose_mg <= self.dose_mg
            and other.grams <= self.grams
            and other.marks <= self.marks
            and other.presentations <= self.presentations
            and other.routes <= self.routes
        ):
            return None
        return replace(
            self,
            live=self.live - other.live,
            past=self.past - other.past,
            deaths=self.deaths - other.deaths,
            life_threatening=self.life_threatening - other.life_threatening,
            hospitalised=self.hospitalised - other.hospitalised,
            local_user=self.local_user - other.local_user,
        )

    @classmethod
    def of(cls, body: CellBody) -> "Cell":
        """As it was before it was stored."""
        return cls(**{name: getattr(body, name) for name in CellBody.model_fields})


@lru_cache(maxsize=8192)
def written(cell: Cell) -> str:
    """A cell as it is stored. Most places and days of a case say the same: 17 to 30 of 100 differ (20,000 reports)."""
    return CellBody(**{name: getattr(cell, name) for name in CellBody.model_fields}).model_dump_json()


def total(cells: Iterable[Cell]) -> Cell:
    """The sum of some cells; an empty one for none."""
    known = tuple(cells)
    if len(known) < 2:
        return known[0] if known else Cell()
    return Cell(
        live=sum(cell.live for cell in known),
        past=sum(cell.past for cell in known),
        deaths=sum(cell.deaths for cell in known),
        life_threatening=sum(cell.life_threatening for cell in known),
        hospitalised=sum(cell.hospitalised for cell in known),
        local_user=sum(cell.local_user for cell in known),
        harm=max(cell.harm for cell in known),
        confidence=best_confidence(cell.confidence for cell in known),
        dose_mg=max(cell.dose_mg for cell in known),
        grams=max(cell.grams for cell in known),
        marks=union(cell.marks for cell in known),
        presentations=union(cell.presentations for cell in known),
        routes=union(cell.routes for cell in known),
    )


def union(sets: Iterable[frozenset[Value]]) -> frozenset[Value]:
    """What is in any of them. Days mostly say the same: equal sets are joined once."""
    different = set(sets)
    return next(iter(different)) if len(different) == 1 else frozenset().union(*different)


def better(one: Confidence | None, other: Confidence | None) -> Confidence | None:
    """The surer of two."""
    return other if one is None or (other is not None and other < one) else one


def best_confidence(confidences: Iterable[Confidence | None]) -> Confidence | None:
    """A before B before C before D; None for none."""
    return min((confidence for confidence in confidences if confidence is not None), default=None)


def place_of(report: Evidence) -> Place:
    """Where and when a report by itself says it was."""
    return Place(report.day, report.country, report.region or "")


def occurrence(reports: Sequence[Evidence], *, live: bool) -> tuple[Place, Cell]:
    """The place and cell of one real-world event that one or more reports saw.

    The earliest report gives day and place; people are those of the report that counts most, never a sum, because
    the reports speak of the same ones. History (`live` false) counts as an event, and says what harm, presentation
    and routes were usual; it carries no grade.
    """
    first = min(reports, key=lambda report: report.order) if len(reports) > 1 else reports[0]
    place = place_of(first)
    harm = max([report.harm for report in reports])
    presentations = frozenset([report.presentation for report in reports if report.presentation])
    routes = _routes(reports)
    if not live:
        return place, Cell(past=1, harm=harm, presentations=presentations, routes=routes)
    marks = union([report.marks for report in reports])
    return place, Cell(
        live=1,
        deaths=_people(reports, HarmRank.DEATH),
        life_threatening=_people(reports, HarmRank.LIFE_THREATENING),
        hospitalised=_people(reports, HarmRank.HOSPITALISED),
        local_user=int(_user_level(reports) and bool(routes) and routes <= LOCAL),
        harm=harm,
        confidence=best_confidence([report.confidence for report in reports if report.tense is not Tense.ARCHIVAL]),
        dose_mg=max([report.dose_mg or 0.0 for report in reports]),
        grams=max([report.grams or 0.0 for report in reports]),
        marks=marks - {Mark.USER_LEVEL},
        presentations=presentations,
        routes=routes,
    )


def _routes(reports: Iterable[Evidence]) -> frozenset[Distribution]:
    """Routes as given; a report that says only that it does not know adds nothing to what another says."""
    return union([report.distribution for report in reports if report.distribution != _NOT_KNOWN])


def _user_level(reports: Iterable[Evidence]) -> bool:
    return all(Mark.USER_LEVEL in report.marks for report in reports)


def _people(reports: Iterable[Evidence], rank: HarmRank) -> int:
    return max([report.people for report in reports if report.harm is rank], default=0)
