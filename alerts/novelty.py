"""Whether a substance is new: by the time of events, in the Union, in a country, or perhaps.

Only settled findings with a date say that it was there. What is provisional, a group or unidentified is possibly new
at most, and not even that where one of the things it may be is known. Third countries make nothing known in the Union.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from alerts.evidence import Subject
from schemas.vocabularies import REPORTING_COUNTRIES, Novelty


@dataclass(frozen=True, kw_only=True)
class Sightings:
    """First sightings by country, those whose history is loaded, and for how many days a first one is new."""

    days: Mapping[str, date]
    loaded: frozenset[str]
    new_for: int

    @cached_property
    def first(self) -> tuple[date, str] | None:
        """The first one in a reporting country."""
        return min(
            ((day, country) for country, day in self.days.items() if country in REPORTING_COUNTRIES), default=None
        )


def union_first(anchor: date, subject: Subject, seen: Sightings) -> bool:
    """First identified finding in a reporting country, of what no catalogue knows in the Union."""
    if not subject.claims_sightings or subject.known_in_union or subject.conflict or seen.first is None:
        return False
    return anchor - timedelta(days=seen.new_for) < seen.first[0] <= anchor


def country_first(anchor: date, subject: Subject, seen: Sightings) -> bool:
    """First identified finding in a country whose history is loaded; elsewhere it is unknown, and fires nothing."""
    if not subject.claims_sightings or subject.conflict:
        return False
    earliest = anchor - timedelta(days=seen.new_for)
    return any(earliest < day <= anchor for country, day in seen.days.items() if country in seen.loaded)


@dataclass(frozen=True, slots=True)
class Newness:
    """Whether it is first in the Union, in a country, and what can be said of it."""

    union: bool
    country: bool
    says: Novelty


def newness(anchor: date, subject: Subject, seen: Sightings) -> Newness:
    """All that can be said at a day."""
    union, country = union_first(anchor, subject, seen), country_first(anchor, subject, seen)
    return Newness(union, country, _novelty(anchor, subject, seen, union=union, country=country))


def _novelty(anchor: date, subject: Subject, seen: Sightings, *, union: bool, country: bool) -> Novelty:
    if subject.unanalysed or not (subject.nps or subject.precursor or subject.unidentified):
        return Novelty.UNKNOWN if subject.unanalysed else Novelty.KNOWN
    if union:
        return Novelty.NEW_TO_UNION
    if country:
        return Novelty.NEW_TO_COUNTRY
    if subject.known_in_union:
        return _possibly_in_a_country(anchor, subject, seen)
    earlier = seen.first is not None and seen.first[0] <= anchor
    return Novelty.KNOWN if earlier else Novelty.POSSIBLY_NEW_TO_UNION


def _possibly_in_a_country(anchor: date, subject: Subject, seen: Sightings) -> Novelty:
    """Known in the Union: in a country it may be new as long as nothing settled was seen, if its history would know."""
    settled = subject.claims_sightings and not subject.conflict
    if settled and any(day <= anchor for day in seen.days.values()):
        return Novelty.KNOWN
    return Novelty.POSSIBLY_NEW_TO_COUNTRY if seen.loaded and not settled else Novelty.UNKNOWN


def first_in_union(subject: Subject, days: Mapping[str, date]) -> str:
    """Where and when it was first, as an alert that says so is held to it: `DE 2026-03-01`; empty where nothing is."""
    first = Sightings(days=days, loaded=frozenset(), new_for=0).first
    if first is None or subject.known_in_union or not subject.claims_sightings:
        return ""
    return f"{first[1]} {first[0].isoformat()}"
