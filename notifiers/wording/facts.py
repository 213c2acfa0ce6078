"""The table of facts of an alert: one line each, and no line where nothing is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from notifiers.cleaning import shown
from notifiers.wording import phrases
from notifiers.wording.grammar import counted, distinct, instant, joined
from schemas.alert_events import AlertEvent, Harm
from schemas.vocabularies import Distribution, Presentation


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


def facts_about(event: AlertEvent) -> tuple[Fact, ...]:
    """Every fact that is known, in the order of reading: the product, the harm, the evidence, the papers."""
    lines = (*_product(event), *_evidence(event), *_papers(event))
    return tuple(Fact(label, value) for label, value in lines if value)


def facts_of_the_ended(event: AlertEvent) -> tuple[Fact, ...]:
    """What tells a reader which alert it was: the product and the number. What it claimed is not said again."""
    lines = (*_product(event), (phrases.ALERT, _revision(event)))
    return tuple(Fact(label, value) for label, value in lines if value)


def harmed(harm: Harm) -> str:
    """`2 deaths and 1 life-threatening case`, empty where nobody was."""
    numbers = {"deaths": harm.deaths, "life_threatening": harm.life_threatening, "hospitalised": harm.hospitalised}
    return joined(counted(phrases.PEOPLE[name], n) for name, n in numbers.items() if n)


def _product(event: AlertEvent) -> Iterator[tuple[str, str]]:
    product = event.product
    yield phrases.SUBSTANCE, _substance(event)
    yield phrases.SOLD_AS, joined(distinct(product.sold_as))
    yield phrases.FORMS, joined(phrases.FORM[form] for form in product.forms)
    yield phrases.LOOKS, "; ".join(distinct(product.appearance, limit=160)[:6])
    yield phrases.DOSE_LABEL, "" if product.max_dose_mg is None else dosed(product.max_dose_mg)
    ways = [way for way in product.presentations if way is not Presentation.UNKNOWN]
    yield phrases.PRESENTED, joined(phrases.PRESENTATION[way] for way in ways)
    routes = [route for route in product.distributions if route is not Distribution.UNKNOWN]
    yield phrases.SOLD, joined(phrases.DISTRIBUTION[route] for route in routes)
    yield phrases.ALSO_FOUND, joined(distinct(product.other_substances))


def _substance(event: AlertEvent) -> str:
    substance = event.substance
    ids = [phrases.CAS.format(cas=shown(substance.cas, limit=20))] if substance.cas else []
    ids += [phrases.INCHIKEY.format(inchikey=shown(substance.inchikey, limit=30))] if substance.inchikey else []
    name = shown(substance.name, limit=200)
    return phrases.NAME_WITH_IDS.format(name=name, ids=", ".join(ids)) if ids else name


def dosed(milligrams: float) -> str:
    """`up to 3.2 mg per unit`."""
    return phrases.DOSE.format(dose=f"{milligrams:g}")


def _evidence(event: AlertEvent) -> Iterator[tuple[str, str]]:
    people = harmed(event.harm)
    exposure = phrases.EXPOSURE[event.harm.exposure] if event.harm.exposure else ""
    yield phrases.HARM, phrases.HARM_FACT.format(people=people, exposure=exposure) if people else phrases.HARM_NONE
    yield phrases.EVENTS_LABEL, phrases.EVENT_COUNTS.format(total=event.events_total, recent=event.events_28d)
    yield phrases.CONFIDENCE_LABEL, phrases.CONFIDENCE[event.confidence]
    laboratories = len({source.laboratory for source in event.sources})
    yield (
        phrases.SOURCES_LABEL,
        phrases.SOURCES.format(
            reports=counted(phrases.REPORTS, len(event.sources)),
            laboratories=counted(phrases.LABORATORIES, laboratories),
        )
        if event.sources
        else "",
    )


def _papers(event: AlertEvent) -> Iterator[tuple[str, str]]:
    yield phrases.ALERT, _revision(event)
    yield phrases.READ_WITH, joined(distinct(event.references), limit=12)
    yield phrases.VALID_UNTIL, instant(event.valid_until) if event.valid_until else ""
    yield phrases.REVIEW_AT, instant(event.review_at) if event.review_at and not event.provisional else ""


def _revision(event: AlertEvent) -> str:
    return phrases.REVISION.format(number=shown(event.number, limit=60), revision=event.revision)
