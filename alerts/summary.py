"""What a case looks like to people: appearance, sale, places, handling and sources of its current reports.

Bounded: long lists keep the first ones in alphabetical order and the latest sources, and say how many there are.
"""

from collections.abc import Iterable, Mapping

from pydantic import Field

from alerts.evidence import Evidence, Mark
from alerts.harm import HarmRank
from schemas.alert_events import Source
from schemas.base import Frozen, SortedSet
from schemas.vocabularies import Distribution, Exposure, Handling, PhysicalForm, Presentation, strictest

MOST_WORDS = 12
MOST_SOURCES = 20


class Summary(Frozen):
    """Over the reports that can carry a grade (history is left out). `countries` counts events, `free` reports
    without conditions of use."""

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

    @property
    def events(self) -> int:
        """Independent events over all countries."""
        return sum(self.countries.values())

    def plus(self, report: Evidence, *, new_event: bool) -> "Summary":
        """With one more report, of an event that was not counted yet (`new_event`) or was."""
        countries = dict(self.countries)
        countries[report.country] = countries.get(report.country, 0) + int(new_event)
        worse = report.harm > self.harm
        return Summary.trusted(
            reports=self.reports + 1,
            countries=dict(sorted(countries.items())),
            forms=self.forms | ({report.form} if report.form else set()),
            presentations=self.presentations | ({report.presentation} if report.presentation else set()),
            distributions=self.distributions | (report.distribution - {Distribution.UNKNOWN}),
            sold_as=_with(self.sold_as, _given(report.sold_as)),
            appearance=_with(self.appearance, _given(report.appearance)),
            others=_with(self.others, report.others),
            mis_sold=self.mis_sold or Mark.MIS_SOLD in report.marks,
            dose_mg=max(self.dose_mg, report.dose_mg or 0.0),
            dose_band=max(self.dose_band, dose_band(report)),
            harm=max(self.harm, report.harm),
            exposure=report.exposure if worse else _surer(self, report),
            handling=strictest([self.handling, report.handling]),
            handlings=self.handlings | {report.handling},
            free=self.free + int(not report.use_conditions),
            use_conditions=tuple(sorted({*self.use_conditions, *_given(report.use_conditions)})),
            public_consent=self.public_consent and report.public_consent,
            precursor=self.precursor or Mark.PRECURSOR_REPORT in report.marks,
            sources=(*self.sources, source_of(report))[-MOST_SOURCES:],
        )


def dose_band(report: Evidence) -> int:
    """0 usual or unknown, 1 high, 2 extreme."""
    return 2 if Mark.DOSE_EXTREME in report.marks else int(Mark.DOSE_HIGH in report.marks)


def _surer(summary: Summary, report: Evidence) -> Exposure | None:
    if report.harm < summary.harm or report.harm is HarmRank.NONE:
        return summary.exposure
    order = (Exposure.CONFIRMED, Exposure.PROBABLE, Exposure.SUSPECTED)
    return next((exposure for exposure in order if exposure in (summary.exposure, report.exposure)), None)


def _given(text: str | None) -> tuple[str, ...]:
    return (text,) if text else ()


def _with(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """The first of all these words. Most are known already."""
    return known if all(word in known for word in more) else _few({*known, *more})


def _few(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (word.casefold(), word))[:MOST_WORDS])


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
