"""What a case looks like to people: appearance, sale, places, handling and sources of its current reports.

Bounded: long lists keep the first ones in alphabetical order and the latest sources, and say how many there are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from alerts.evidence import Evidence
from alerts.harm import HarmRank
from alerts.tally import Unknown, bounded, count_in, first_words, said_by, take_out
from schemas.alert_events import Source
from schemas.base import Frozen, SortedSet
from schemas.vocabularies import Distribution, Exposure, Handling, PhysicalForm, Presentation, strictest

MOST_SOURCES = 20
FEW = 100
"""Reports of a case that is counted afresh rather than named with fewer sources than it has."""


class Summary(Frozen):
    """Over the reports that can carry a grade (history is left out). `countries` counts events, `free` reports
    without conditions of use. `tally` counts how many reports said each thing, so that one can be taken out again; None
    where that was never counted."""

    reports: int = 0
    countries: Mapping[str, int] = Field(default_factory=dict)
    forms: SortedSet[PhysicalForm] = frozenset()
    presentations: SortedSet[Presentation] = frozenset()
    distributions: SortedSet[Distribution] = frozenset()
    sold_as: tuple[str, ...] = ()
    appearance: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    mis_sold: bool = False
    dose_mg: float = 0.0
    dose_band: int = 0
    harm: HarmRank = HarmRank.NONE
    exposure: Exposure | None = None
    handling: Handling = Handling.CLEAR
    handlings: SortedSet[Handling] = frozenset()
    free: int = 0
    use_conditions: tuple[str, ...] = ()
    public_consent: bool = True
    precursor: bool = False
    sources: tuple[Source, ...] = ()
    tally: Mapping[str, int] | None = None

    @property
    def events(self) -> int:
        """Independent events over all countries."""
        return sum(self.countries.values())

    @classmethod
    def of(cls, reports: Iterable[Evidence], countries: Mapping[str, int]) -> "Summary":
        """Of all these reports at once, the latest last; `countries` are events."""
        listed = list(reports)
        counted = Counter(key for report in listed for key in said_by(report))
        sources = tuple(map(source_of, listed[-MOST_SOURCES:]))
        return _summary(bounded(counted), reports=len(listed), countries=countries, sources=sources)

    def plus(self, report: Evidence, *, new_event: bool) -> "Summary":
        """With one more report, of an event that was not counted yet (`new_event`) or was."""
        countries = {**self.countries, report.country: self.countries.get(report.country, 0) + int(new_event)}
        return self.changed((), (report,), countries)

    def changed(self, gone: Sequence[Evidence], came: Sequence[Evidence], countries: Mapping[str, int]) -> "Summary":
        """Without some reports and with others. Raises Unknown when what is left cannot be told from the tally."""
        if self.tally is None and (gone or self.reports):
            raise Unknown
        counted = dict(self.tally or {})
        for report in gone:
            take_out(counted, said_by(report))
        for report in came:
            count_in(counted, said_by(report))
        left = {(one.laboratory, one.event_id) for one in gone}
        kept = [one for one in self.sources if (one.laboratory, one.event_id) not in left] if left else self.sources
        sources = (*kept, *map(source_of, came))[-MOST_SOURCES:]
        reports = self.reports + len(came) - len(gone)
        if len(sources) < min(reports, MOST_SOURCES) and reports <= FEW:
            raise Unknown
        if counted.keys() != (self.tally or {}).keys():
            return _summary(counted, reports=reports, countries=countries, sources=sources)
        same = dict(self.__dict__)
        same |= {"reports": reports, "countries": dict(sorted(countries.items())), "sources": sources}
        return Summary.trusted(**same | {"free": counted.get("free", 0), "tally": counted})


def _summary(
    counted: dict[str, int], *, reports: int, countries: Mapping[str, int], sources: tuple[Source, ...]
) -> Summary:
    """What is shown, from what was counted."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    for key in counted:
        kind, _, what = key.partition(":")
        said[kind].append(what)
    harm = max((HarmRank(int(one.split(":")[0])) for one in said["harm"]), default=HarmRank.NONE)
    handlings = frozenset(map(Handling, said["handling"]))
    return Summary.trusted(
        reports=reports,
        countries={country: countries.get(country, 0) for country in sorted(said["country"])},
        forms=frozenset(map(PhysicalForm, said["form"])),
        presentations=frozenset(map(Presentation, said["presentation"])),
        distributions=frozenset(map(Distribution, said["distribution"])),
        sold_as=first_words(said["sold_as"]),
        appearance=first_words(said["appearance"]),
        others=first_words(said["others"]),
        mis_sold="mis_sold" in counted,
        dose_mg=max(map(float, said["dose"]), default=0.0),
        dose_band=max(map(int, said["dose_band"]), default=0),
        harm=harm,
        exposure=_surest(harm, said["harm"]),
        handling=strictest([Handling.CLEAR, *handlings]),
        handlings=handlings,
        free=counted.get("free", 0),
        use_conditions=tuple(sorted(said["condition"])),
        public_consent="private" not in counted,
        precursor="precursor" in counted,
        sources=sources,
        tally=counted,
    )


def _surest(harm: HarmRank, said: Sequence[str]) -> Exposure | None:
    order = (Exposure.CONFIRMED, Exposure.PROBABLE, Exposure.SUSPECTED)
    known = {one.partition(":")[2] for one in said if harm and int(one.partition(":")[0]) == harm}
    return next((exposure for exposure in order if exposure.value in known), None)


def source_of(report: Evidence) -> Source:
    """A report as the alert names it."""
    return Source.trusted(
        laboratory=report.laboratory,
        event_id=report.event_id,
        revision=report.revision,
        country=report.country,
        event_date=report.day if report.dated else None,
        handling=report.handling,
    )
