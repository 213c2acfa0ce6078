"""What the public may be told of an alert: coarse, counted in fives, without anything that leads to a person or source.

Only of L3 and L4, with confidence A or B and the consent of every provider; a named reviewer of the country releases
it. A closed model: what is not a field here cannot get out, and the bytes are looked at again.
"""

import re
from datetime import date
from enum import StrEnum

from alerts.disclosure import shown_to
from alerts.evidence import Evidence
from alerts.summary import Summary
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.personal_data import find
from schemas.vocabularies import AlertKind, Category, Confidence, Handling, Level, PhysicalForm, Presentation, Tense

FEWEST = 5
"""k: a smaller count is not said."""
FEW = "fewer than 5"
NUTS_2 = 4
"""Letters of a NUTS 2 code; what is longer is finer."""


class NotPublic(StrEnum):
    """Why there is no public extract."""

    NOT_REAL = "not_real"
    LEVEL = "level"
    CONFIDENCE = "confidence"
    CONSENT = "consent"
    HANDLING = "handling"
    CONDITIONS = "conditions"
    PRECURSOR = "precursor"
    ENDED = "ended"


SENTENCES = {
    NotPublic.NOT_REAL: "it is an exercise or a test",
    NotPublic.LEVEL: "only alerts of L3 and L4 are published",
    NotPublic.CONFIDENCE: "the finding is not identified by a laboratory method (confidence A or B)",
    NotPublic.CONSENT: "a provider has not consented to publication",
    NotPublic.HANDLING: "a report is TLP:RED",
    NotPublic.CONDITIONS: "a provider set conditions of use: ask them first",
    NotPublic.PRECURSOR: "precursors have a restricted audience",
    NotPublic.ENDED: "the alert has ended",
}


class PublicExtract(Frozen):
    """Everything the public may read, and nothing else."""

    number: str
    level: int
    level_word: str
    substance: str
    category: Category
    countries: tuple[str, ...]
    places: tuple[str, ...]
    events: str
    deaths: str
    hospitalised: str
    forms: tuple[PhysicalForm, ...]
    presentations: tuple[Presentation, ...]
    sold_as: tuple[str, ...]
    appearance: tuple[str, ...]
    max_dose_mg: float | None
    advice: tuple[str, ...]
    month: str
    """Of the last event, `2026-03`: a day would be too fine."""


class Leak(Exception):
    """The extract says something that it must not: nothing was published."""


def barriers(event: AlertEvent) -> tuple[NotPublic, ...]:
    """Everything that stands against publication, not only the first."""
    found: dict[NotPublic, bool] = {
        NotPublic.NOT_REAL: event.tense is not Tense.ACTUAL,
        NotPublic.LEVEL: event.level < Level.L3,
        NotPublic.CONFIDENCE: event.confidence not in (Confidence.A, Confidence.B) or event.provisional,
        NotPublic.CONSENT: not event.public_consent,
        NotPublic.HANDLING: event.handling is Handling.RED,
        NotPublic.CONDITIONS: bool(event.use_conditions),
        NotPublic.PRECURSOR: event.audience != "general",
        NotPublic.ENDED: event.kind in (AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED),
    }
    return tuple(reason for reason, holds in found.items() if holds)


def extract(
    event: AlertEvent, regions: tuple[str, ...] = (), now: Summary | None = None
) -> PublicExtract | tuple[NotPublic, ...]:
    """The extract, or every reason why there is none. `regions` are NUTS codes of the events, coarsened here; `now`
    is the case as it stands: reports that came since the last message may not have consented."""
    visible = shown_to(event, Handling.AMBER_STRICT, accepts_conditions=False) or event
    against = barriers(visible)
    if now is not None and not now.public_consent and NotPublic.CONSENT not in against:
        against = (*against, NotPublic.CONSENT)
    if against:
        return against
    product = visible.product
    return PublicExtract(
        number=visible.number,
        level=int(visible.level),
        level_word=visible.level.word,
        substance=visible.substance.name,
        category=visible.substance.category,
        countries=tuple(sorted(count.country for count in visible.countries if count.events)),
        places=tuple(sorted({coarse(region) for region in regions})),
        events=at_least_five(visible.events_total),
        deaths=at_least_five(visible.harm.deaths),
        hospitalised=at_least_five(visible.harm.hospitalised + visible.harm.life_threatening),
        forms=product.forms,
        presentations=product.presentations,
        sold_as=tuple(word for word in product.sold_as if not find(word)),
        appearance=tuple(word for word in product.appearance if not find(word)),
        max_dose_mg=product.max_dose_mg,
        advice=visible.advice,
        month=_month(visible.last_event or visible.decided_at.date()),
    )


def at_least_five(count: int) -> str:
    """`none`, `fewer than 5`, or the number."""
    if count <= 0:
        return "none"
    return FEW if count < FEWEST else str(count)


def coarse(region: str) -> str:
    """A NUTS 3 code as its NUTS 2 region."""
    return region[:NUTS_2]


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def check(said: bytes, event: AlertEvent, reports: tuple[Evidence, ...] = ()) -> None:
    """The last look, at the bytes: no source, reference, condition, fine place or day stands in them. Raises Leak."""
    text = said.decode("utf-8")
    for word in _banned(event, reports):
        if word and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
            raise Leak(f"the public text about {event.number} holds what it must not ({len(word)} characters)")
    if find(text):
        raise Leak(f"the public text about {event.number} holds what could name a person")


def _banned(event: AlertEvent, reports: tuple[Evidence, ...]) -> set[str]:
    found = {event.case_id, event.alert_id, str(event.event_id), event.reason or "", *event.use_conditions}
    for source in (*event.sources, *event.withdrawn):
        found |= {source.laboratory, str(source.event_id)}
        found |= {source.event_date.isoformat()} if source.event_date else set()
    for report in reports:
        found |= {report.laboratory, str(report.event_id), report.day.isoformat(), report.use_conditions or ""}
        found |= {link.rpartition(":")[2] for link in report.links if link.startswith("ref:")}
        found |= {report.region} if report.region and len(report.region) > NUTS_2 else set()
    return {word for word in found if len(word) >= 4}
