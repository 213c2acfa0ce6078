"""The table of facts of an alert: one line each, and no line where nothing is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from notifiers.cleaning import shown
from notifiers.wording import classes, phrases
from notifiers.wording.grammar import distinct
from notifiers.wording.tongue import Tongue
from schemas.alert_events import AlertEvent, Harm
from schemas.vocabularies import Distribution, Presentation


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


def facts_about(event: AlertEvent, t: Tongue) -> tuple[Fact, ...]:
    """Every fact that is known, in the order of reading: the product, the harm, the evidence, the papers."""
    lines = (*_product(event, t), *_evidence(event, t), *_papers(event, t))
    return tuple(Fact(t.say(label), value) for label, value in lines if value)


def facts_of_the_ended(event: AlertEvent, t: Tongue) -> tuple[Fact, ...]:
    """What tells a reader which alert it was: the product and the number. What it claimed is not said again."""
    lines = (*_product(event, t), (phrases.ALERT, _revision(event, t)))
    return tuple(Fact(t.say(label), value) for label, value in lines if value)


def harmed(harm: Harm, t: Tongue) -> str:
    """`2 deaths and 1 life-threatening case`, empty where nobody was."""
    numbers = {"deaths": harm.deaths, "life_threatening": harm.life_threatening, "hospitalised": harm.hospitalised}
    return t.joined(t.count(phrases.PEOPLE[name], n) for name, n in numbers.items() if n)


def _product(event: AlertEvent, t: Tongue) -> Iterator[tuple[str, str]]:
    product = event.product
    yield phrases.SUBSTANCE, _substance(event, t)
    yield phrases.SOLD_AS, t.joined(distinct(product.sold_as))
    yield phrases.FORMS, t.joined(t.say(phrases.FORM[form]) for form in product.forms)
    yield phrases.LOOKS, "; ".join(distinct(product.appearance, limit=160)[:6])
    yield phrases.DOSE_LABEL, "" if product.max_dose_mg is None else dosed(product.max_dose_mg, t)
    ways = [way for way in product.presentations if way is not Presentation.UNKNOWN]
    yield phrases.PRESENTED, t.joined(t.say(phrases.PRESENTATION[way]) for way in ways)
    routes = [route for route in product.distributions if route is not Distribution.UNKNOWN]
    yield phrases.SOLD, t.joined(t.say(phrases.DISTRIBUTION[route]) for route in routes)
    yield phrases.ALSO_FOUND, t.joined(distinct(product.other_substances))


def _substance(event: AlertEvent, t: Tongue) -> str:
    substance = event.substance
    ids = [t.say(phrases.CAS, cas=shown(substance.cas, limit=20))] if substance.cas else []
    ids += [t.say(phrases.INCHIKEY, inchikey=shown(substance.inchikey, limit=30))] if substance.inchikey else []
    name = shown(classes.named(substance, t.say), limit=200)
    return t.say(phrases.NAME_WITH_IDS, name=name, ids=", ".join(ids)) if ids else name


def dosed(milligrams: float, t: Tongue) -> str:
    """`up to 3.2 mg per unit`."""
    return t.say(phrases.DOSE, dose=t.number(milligrams))


def _evidence(event: AlertEvent, t: Tongue) -> Iterator[tuple[str, str]]:
    people = harmed(event.harm, t)
    exposure = t.say(phrases.EXPOSURE[event.harm.exposure]) if event.harm.exposure else ""
    told = t.say(phrases.HARM_FACT, people=people, exposure=exposure) if people else t.say(phrases.HARM_NONE)
    yield phrases.HARM, told
    yield (
        phrases.EVENTS_LABEL,
        t.say(phrases.EVENT_COUNTS, total=t.number(event.events_total), recent=t.number(event.events_28d)),
    )
    yield phrases.NOVELTY_LABEL, t.say(phrases.NOVELTY[event.novelty]) if event.novelty in phrases.NOVELTY else ""
    yield phrases.CONFIDENCE_LABEL, t.say(phrases.CONFIDENCE[event.confidence])
    laboratories = len({source.laboratory for source in event.sources})
    yield (
        phrases.SOURCES_LABEL,
        t.say(
            phrases.SOURCES,
            reports=t.count(phrases.REPORTS, len(event.sources)),
            laboratories=t.count(phrases.LABORATORIES, laboratories),
        )
        if event.sources
        else "",
    )


def _papers(event: AlertEvent, t: Tongue) -> Iterator[tuple[str, str]]:
    yield phrases.ALERT, _revision(event, t)
    yield phrases.READ_WITH, t.joined(distinct(event.references), limit=12)
    yield phrases.VALID_UNTIL, t.instant(event.valid_until) if event.valid_until else ""
    yield phrases.REVIEW_AT, t.instant(event.review_at) if event.review_at and not event.provisional else ""


def _revision(event: AlertEvent, t: Tongue) -> str:
    return t.say(phrases.REVISION, number=shown(event.number, limit=60), revision=event.revision)
