"""Filters of voluntary subscribers: one question in CEL over what an event says in public, checked when it is saved."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache

from alerts.errors import RuleError
from alerts.language import Language, Program
from schemas.alert_events import AlertEvent


@dataclass(frozen=True, kw_only=True)
class PublicFacts:
    """What a filter may ask about. Lists are one text, words with commas between, for `countries.contains("SI")`."""

    level: int
    impact: int
    spread: int
    confidence: str
    provisional: bool
    kind: str
    scope: str
    substance: str
    inchikey: str
    category: str
    subgroup: str
    countries: str
    new_countries: str
    events_28d: int
    events_total: int
    deaths: int
    life_threatening: int
    hospitalised: int
    mis_sold: bool
    forms: str
    presentations: str
    distributions: str
    sold_as: str


LANGUAGE = Language(PublicFacts)


class FilterRefused(ValueError):
    """The filter is not a question over these facts; the message says where, and which facts there are."""


class FilterFailed(Exception):
    """A filter that was fine when it was saved could not be answered."""


def check(text: str) -> None:
    """Raises FilterRefused."""
    try:
        _compiled(text)
    except RuleError as error:
        raise FilterRefused(str(error)) from None


def matches(text: str, event: AlertEvent) -> bool:
    """Whether the event is wanted. Raises FilterFailed, and nothing else, when there is no answer."""
    try:
        answer = _compiled(text).answer(LANGUAGE.activation(_values(event)))
    except Exception as error:
        raise FilterFailed(type(error).__name__) from error
    if not isinstance(answer, bool):
        raise FilterFailed(answer)
    return answer


def facts_of(event: AlertEvent) -> PublicFacts:
    """The facts of one event."""
    product, harm, substance = event.product, event.harm, event.substance
    return PublicFacts(
        level=int(event.level),
        impact=event.impact,
        spread=event.spread,
        confidence=event.confidence.value,
        provisional=event.provisional,
        kind=event.kind.value,
        scope=event.scope.value,
        substance=substance.name,
        inchikey=substance.inchikey or "",
        category=substance.category.value,
        subgroup=substance.subgroup or "",
        countries=",".join(sorted(event.affected)),
        new_countries=",".join(sorted(one.country for one in event.countries if one.newly_affected)),
        events_28d=event.events_28d,
        events_total=event.events_total,
        deaths=harm.deaths,
        life_threatening=harm.life_threatening,
        hospitalised=harm.hospitalised,
        mis_sold=product.mis_sold,
        forms=",".join(product.forms),
        presentations=",".join(product.presentations),
        distributions=",".join(product.distributions),
        sold_as=",".join(product.sold_as),
    )


def _values(event: AlertEvent) -> Mapping[str, bool | int | float | str]:
    return asdict(facts_of(event))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Program:
    return LANGUAGE.compile("filter", text, "subscription")
