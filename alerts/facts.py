"""The facts a grading rule may ask about: one case as it stood on one day (the anchor), looking back.

Windows end with the anchor and include it: 28 days are the anchor and the 27 days before it. Every fact has a value
in every case, so that a rule never meets a gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import itemgetter
from typing import NamedTuple

from alerts.days import Cell, Place
from alerts.evidence import Mark, Subject
from alerts.lookback import Lookback
from alerts.novelty import Sightings, newness
from alerts.rulebook import Windows
from schemas.vocabularies import Distribution, Presentation

ORDINARY_PRESENTATIONS = frozenset({Presentation.AS_DRUG, Presentation.UNKNOWN})
ORDINARY_ROUTES = frozenset({Distribution.STREET, Distribution.UNKNOWN})
ROUTES_OF_SALE = frozenset(Distribution) - {Distribution.BORDER, Distribution.PRODUCTION_SITE, Distribution.UNKNOWN}
"""What is not known of the past is taken for the ordinary: sold as a drug, on the street."""


class Facts(NamedTuple):
    """Facts of a case at an anchor. Counts are of independent events (occurrences) unless they say people.

    A named tuple: made 1.5 times a report, a frozen dataclass of so many fields took 12 µs each time instead of 3.
    """

    # the substance
    kind: str
    category: str
    subgroup: str
    nps: bool
    potent_opioid: bool
    precursor: bool
    designer_precursor: bool
    unidentified: bool
    effects_known: bool
    # new
    qualifying: bool
    union_first: bool
    country_first: bool
    novelty: str
    # harm
    death_confirmed: bool
    hospitalised_likely: bool
    hospitalised_any: bool
    deaths: int
    severe_in_region: int
    # product
    mis_sold: bool
    fake_medicine: bool
    consumer_product: bool
    dose_high: bool
    dose_extreme: bool
    max_dose_mg: float
    unexpected_low_risk: bool
    unexpected_by_product: bool
    unexpected_acute: bool
    unexpected_toxic: bool
    dangerous_mixture: bool
    # spread
    new_countries: int
    new_countries_with_harm: int
    events_28d: int
    events_country_28d: int
    independent_events: float
    local_user_events: int
    remote_sale: bool
    bulk: bool
    max_grams: float
    has_baseline: bool
    baseline_mean: float
    worse_harm: bool
    new_presentation: bool
    new_route: bool
    finished_drug: bool
    # the windows, for the sentences
    events_days: int
    harm_days: int
    cluster_days: int
    new_country_days: int

    def values(self) -> Mapping[str, bool | int | float | str]:
        """Names and values, as the rules see them."""
        return self._asdict()


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a case's days do not show: its first event ever, first sightings by country, histories that are loaded."""

    first_event: date
    sightings: Mapping[str, date]
    loaded: frozenset[str]


def facts_at(look: Lookback, *, subject: Subject, past: Past) -> Facts:
    """Facts of a case at the anchor of a look back."""
    anchor, windows = look.anchor, look.windows
    recent, history, marks = look.recent, look.baseline, look.harmful.marks
    has_baseline = past.first_event <= anchor - timedelta(days=windows.baseline_age)
    counts = _counts(look, has_baseline=has_baseline)
    new_countries = look.newly_affected
    new = newness(anchor, subject, Sightings(days=past.sightings, loaded=past.loaded, new_for=windows.harm))
    return Facts(
        kind=subject.kind.value if subject.kind else "",
        category=subject.category.value,
        subgroup=subject.subgroup or "",
        nps=subject.nps,
        potent_opioid=subject.potent_opioid,
        precursor=subject.precursor or Mark.PRECURSOR_REPORT in marks,
        designer_precursor=subject.designer_precursor,
        unidentified=subject.unidentified,
        effects_known=subject.effects_known,
        qualifying=look.harmful.events > 0,
        union_first=new.union,
        country_first=new.country,
        novelty=new.says.value,
        death_confirmed=Mark.DEATH_CONFIRMED in marks,
        hospitalised_likely=Mark.HOSPITALISED_LIKELY in marks,
        hospitalised_any=Mark.HOSPITALISED in marks,
        deaths=look.harmful.deaths,
        severe_in_region=max(look.severe.values(), default=0),
        mis_sold=Mark.MIS_SOLD in marks,
        fake_medicine=Mark.FAKE_MEDICINE in marks,
        consumer_product=Mark.CONSUMER_PRODUCT in marks,
        dose_high=Mark.DOSE_HIGH in marks,
        dose_extreme=Mark.DOSE_EXTREME in marks,
        max_dose_mg=look.harmful.dose_mg,
        unexpected_low_risk=Mark.UNEXPECTED_LOW_RISK in marks,
        unexpected_by_product=Mark.UNEXPECTED_BY_PRODUCT in marks,
        unexpected_acute=Mark.UNEXPECTED_ACUTE in marks,
        unexpected_toxic=Mark.UNEXPECTED_TOXIC in marks,
        dangerous_mixture=Mark.MIXTURE in marks,
        new_countries=len(new_countries),
        new_countries_with_harm=len(look.confirmed_harm & new_countries),
        events_28d=counts.events_28d,
        events_country_28d=counts.events_country_28d,
        independent_events=counts.independent_events,
        local_user_events=counts.local_user_events,
        remote_sale=Mark.REMOTE_SALE in recent.marks,
        bulk=Mark.BULK in recent.marks,
        max_grams=recent.grams,
        has_baseline=has_baseline,
        baseline_mean=counts.baseline_mean,
        worse_harm=recent.harm > history.harm,
        new_presentation=bool(recent.presentations - history.presentations - ORDINARY_PRESENTATIONS),
        new_route=bool((recent.routes & ROUTES_OF_SALE) - history.routes - ORDINARY_ROUTES),
        finished_drug=Mark.FINISHED_DRUG in marks,
        events_days=windows.events,
        harm_days=windows.harm,
        cluster_days=windows.cluster,
        new_country_days=windows.new_country,
    )


class _Counts(NamedTuple):
    """The facts that more events of known kinds change; nothing else does, unless the look back was widened."""

    events_28d: int
    events_country_28d: int
    independent_events: float
    local_user_events: int
    baseline_mean: float


def _counts(look: Lookback, *, has_baseline: bool) -> _Counts:
    in_country = max(look.recent.countries.values(), default=0)
    mean = look.baseline.events / look.windows.months if has_baseline else 0.0
    return _Counts(look.recent.events, in_country, in_country - mean, look.recent.local_user, mean)


def counted_on(known: Facts, look: Lookback) -> Facts:
    """The facts of a look back that was not widened since these were computed: a fifth of the time of all of them."""
    return Facts._make(_COUNTED_ON(known + _counts(look, has_baseline=known.has_baseline)))


_COUNTED_ON = itemgetter(
    *(
        len(Facts._fields) + _Counts._fields.index(name) if name in _Counts._fields else place
        for place, name in enumerate(Facts._fields)
    )
)


def newly_affected(anchor: date, days: Mapping[Place, Cell], windows: Windows) -> frozenset[str]:
    """Countries newly affected at an anchor day, third countries included."""
    return Lookback.of(anchor, days, windows).newly_affected
