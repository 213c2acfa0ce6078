"""Says why a case has its level, in words to be read aloud, and what would raise it: the rules on changed facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from typing import Protocol

from alerts.anchors import facts_of
from alerts.cases import Case, Context
from alerts.facts import Facts
from alerts.grading import Grade, Grading
from schemas.alert_events import AlertEvent, FiredRule, NearMiss, RuleSetRef
from schemas.base import Frozen
from schemas.vocabularies import AlertKind, Confidence, Level, Turn

MOST_TIMES = 3
"""How often one more of the same is tried: beyond that it is no near miss."""

Fact = bool | int | float | str


@dataclass(frozen=True)
class Standing:
    """What the rules are asked about: the facts, and how sure the findings are."""

    facts: Facts
    confidence: Confidence


class AskedRule(Frozen):
    """One rule with its answer: True, False, or what went wrong."""

    id: str
    axis: str
    gives: str
    when: str
    answer: bool | str


class Explanation(Frozen):
    """Why a case has its level. `near` is what would raise it, from how things stand on `last`."""

    level: Level
    says: str
    near: tuple[NearMiss, ...]
    grade: Grade
    last: date
    facts: Mapping[str, Fact]
    trace: tuple[AskedRule, ...]
    rule_set: RuleSetRef


def explain(name: str, grade: Grade, at: Standing, now: Standing, last: date, grading: Grading) -> Explanation:
    """Of a grade with the facts at its anchor (`at`) and those at the latest anchor (`now`, on the day `last`)."""
    near = near_misses(now, grading, above=grade.level)
    return Explanation(
        level=grade.level,
        says=paragraph(name, grade, near, grading.book.ref),
        near=near,
        grade=grade,
        last=last,
        facts=dict(at.facts.values()),
        trace=tuple(_trace(at, grading)),
        rule_set=grading.book.ref,
    )


def explain_case(case: Case, sightings: Mapping[str, date], context: Context) -> Explanation | None:
    """Of a case with all its days; None while nothing but history is known of it."""
    grade, last = case.grade, max(case.live_days, default=None)
    if grade is None or last is None:
        return None
    at = Standing(facts_of(case, grade.anchor, sightings, context), grade.confidence)
    return explain(case.subject.name, grade, at, _now(case, last, sightings, context), last, context.grading)


def told_why(event: AlertEvent, case: Case, sightings: Mapping[str, date], context: Context) -> AlertEvent:
    """The event with its explanation; as it is where it ends an alert, or nothing is left to explain."""
    last = max(case.live_days, default=None)
    if case.grade is None or last is None or event.kind in UNEXPLAINED:
        return event
    near = near_misses(_now(case, last, sightings, context), context.grading, above=event.level)
    says = paragraph(case.subject.name, case.grade, near, event.rule_set)
    return event.model_copy(update={"near": near, "explanation": says})


UNEXPLAINED = frozenset({AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED})


def _now(case: Case, last: date, sightings: Mapping[str, date], context: Context) -> Standing:
    """How the case stands on its latest anchor, from where a next report would change it."""
    facts = facts_of(case, last, sightings, context)
    look = case.look_back(last, context.grading.rules.windows_days)
    return Standing(facts, look.harmful.confidence or Confidence.B)


def _trace(at: Standing, grading: Grading) -> Iterable[AskedRule]:
    answers, rules = grading.answers(at.facts, at.confidence), grading.rules
    for axis, part in (("impact", rules.impact), ("spread", rules.spread)):
        for rule in part:
            when = "no other rule of the table holds" if getattr(rule, "otherwise", False) else rule.when
            held = answers.get(rule.id, rule.id in {one.id for one in grading.grade_of(at.facts, at.confidence).fired})
            yield AskedRule(id=rule.id, axis=axis, gives=str(rule.gives), when=when, answer=held)
    for override in rules.overrides:
        gives = f"L{override.level:d}" if override.level is not None else f"at most L{override.at_most or 0:d}"
        yield AskedRule(id=override.id, axis="override", gives=gives, when=override.when, answer=answers[override.id])


# What would change it


def _another_country(at: Standing) -> Standing:
    facts = at.facts
    return replace(at, facts=facts._replace(new_countries=facts.new_countries + 1, events_28d=facts.events_28d + 1))


def _another_event(at: Standing) -> Standing:
    facts = at.facts
    return replace(
        at,
        facts=facts._replace(
            events_28d=facts.events_28d + 1,
            events_country_28d=facts.events_country_28d + 1,
            independent_events=facts.independent_events + 1,
        ),
    )


def _hospitalised(at: Standing) -> Standing:
    return replace(at, facts=at.facts._replace(hospitalised_any=True, hospitalised_likely=True, worse_harm=True))


def _in_danger(at: Standing) -> Standing:
    harmed = _hospitalised(at)
    return replace(harmed, facts=harmed.facts._replace(severe_in_region=at.facts.severe_in_region + 1))


def _confirmed_death(at: Standing) -> Standing:
    harmed = _in_danger(at)
    return replace(harmed, facts=harmed.facts._replace(death_confirmed=True, deaths=at.facts.deaths + 1))


def _sold_at_a_distance(at: Standing) -> Standing:
    return replace(at, facts=at.facts._replace(remote_sale=True, new_route=True))


def _bulk(at: Standing) -> Standing:
    return replace(at, facts=at.facts._replace(bulk=True))


def _disguised(at: Standing) -> Standing:
    return replace(at, facts=at.facts._replace(mis_sold=True))


def _confirmed(at: Standing) -> Standing:
    """By a laboratory method. A better one than that changes no level."""
    return at if at.confidence in (Confidence.A, Confidence.B) else replace(at, confidence=Confidence.B)


TURNS: Mapping[Turn, Callable[[Standing], Standing]] = {
    Turn.ANOTHER_COUNTRY: _another_country,
    Turn.ANOTHER_EVENT: _another_event,
    Turn.HOSPITALISED: _hospitalised,
    Turn.IN_DANGER: _in_danger,
    Turn.CONFIRMED_DEATH: _confirmed_death,
    Turn.SOLD_AT_A_DISTANCE: _sold_at_a_distance,
    Turn.BULK: _bulk,
    Turn.DISGUISED: _disguised,
    Turn.CONFIRMED_BY_LABORATORY: _confirmed,
}
COUNTED = frozenset({Turn.ANOTHER_COUNTRY, Turn.ANOTHER_EVENT, Turn.IN_DANGER})
_WEAKER: Mapping[Turn, Turn] = {Turn.IN_DANGER: Turn.HOSPITALISED, Turn.CONFIRMED_DEATH: Turn.IN_DANGER}
"""What a turn includes: where the weaker one is enough, the stronger is not named."""

WORDS: Mapping[Turn, tuple[str, ...]] = {
    Turn.ANOTHER_COUNTRY: (
        "one more affected country",
        "two more affected countries",
        "three more affected countries",
    ),
    Turn.ANOTHER_EVENT: (
        "one more independent event in the same country",
        "two more independent events in the same country",
        "three more independent events in the same country",
    ),
    Turn.HOSPITALISED: ("anyone taken to hospital, exposure confirmed or probable",),
    Turn.IN_DANGER: (
        "one more person in danger of life in the same region",
        "two more people in danger of life in the same region",
        "three more people in danger of life in the same region",
    ),
    Turn.CONFIRMED_DEATH: ("any confirmed death",),
    Turn.SOLD_AT_A_DISTANCE: ("sale online, on the darknet or by post",),
    Turn.BULK: ("a bulk quantity",),
    Turn.DISGUISED: ("sale as another substance than it is",),
    Turn.CONFIRMED_BY_LABORATORY: ("confirmation by a laboratory method",),
}
"""How each turn is said, once, twice, three times; other languages translate these sentences."""

OR = "{some}, or {more}"
MAKES = "{turns} makes it {level}."
ONE_OF_THEM_MAKES = "{turns}, makes it {level}."


def near_misses(now: Standing, grading: Grading, *, above: Level) -> tuple[NearMiss, ...]:
    """What alone would raise the level: the least of each kind, the highest level first."""
    found = [miss for turn in TURNS if (miss := _near(turn, now, grading, above)) is not None]
    reached = {miss.turn: miss.level for miss in found if miss.times == 1}
    kept = [miss for miss in found if not _weaker_is_enough(miss, reached)]
    order = list(TURNS)
    return tuple(sorted(kept, key=lambda miss: (-miss.level, order.index(miss.turn))))


def _weaker_is_enough(miss: NearMiss, reached: Mapping[Turn, Level]) -> bool:
    weaker = _WEAKER.get(miss.turn)
    while weaker is not None:
        if reached.get(weaker, Level.L0) >= miss.level:
            return True
        weaker = _WEAKER.get(weaker)
    return False


def _near(turn: Turn, now: Standing, grading: Grading, above: Level) -> NearMiss | None:
    """Once, twice, three times: the first that reaches a higher level."""
    turned = now
    for times in range(1, (MOST_TIMES if turn in COUNTED else 1) + 1):
        turned = TURNS[turn](turned)
        level = grading.level_of(turned.facts, turned.confidence)
        if level > above:
            return NearMiss(level=level, turn=turn, times=times, says=WORDS[turn][times - 1])
    return None


# In words


def paragraph(name: str, grade: Grade, near: Sequence[NearMiss], rules: RuleSetRef) -> str:
    """A paragraph to be read aloud: what, how grave, why, what would change it, by which rules."""
    level = f"L{grade.level:d}, {grade.level.word.lower()}"
    parts = [f"{name[:1].upper()}{name[1:]} is graded {level}."]
    parts += [
        _axis("Impact", grade.impact, grade.fired, "impact"),
        _axis("Spread", grade.spread, grade.fired, "spread"),
    ]
    parts.append(_confidence(grade))
    parts += [f"Besides: {rule.says}." for rule in grade.fired if rule.axis == "override"]
    parts += nearness(near)
    parts.append(f"Graded by the rules {rules.name} {rules.version} on the facts of {grade.anchor:%-d %B %Y}.")
    return " ".join(part for part in parts if part)


class Say(Protocol):
    """Says a sentence in some language, what it holds put in its places."""

    def __call__(self, sentence: str, /, **places: object) -> str:
        """The sentence as it is told."""
        ...


def in_english(sentence: str, /, **places: object) -> str:
    """As it stands in the rules."""
    return sentence.format(**places)


def nearness(near: Iterable[NearMiss], say: Say = in_english) -> list[str]:
    """One sentence for each level that could be reached: "One more affected country, or any confirmed death, makes
    it L4."."""
    by_level: dict[Level, list[str]] = {}
    for miss in near:
        by_level.setdefault(miss.level, []).append(say(miss.says))
    return [_made(said, level, say) for level, said in by_level.items()]


def _made(said: Sequence[str], level: Level, say: Say) -> str:
    turns = reduce(lambda some, more: say(OR, some=some, more=more), said)
    return _capital(say(MAKES if len(said) == 1 else ONE_OF_THEM_MAKES, turns=turns, level=f"L{level:d}"))


def _axis(word: str, score: int, fired: Sequence[FiredRule], axis: str) -> str:
    held = sorted(
        (rule for rule in fired if rule.axis == axis and rule.score.isdigit()), key=lambda rule: -int(rule.score)
    )
    if not held:
        return f"{word} {score} of 4: no rule of this table holds."
    return f"{word} {score} of 4: {'; '.join(rule.says for rule in held)}."


def _confidence(grade: Grade) -> str:
    said = next((rule.says for rule in grade.fired if rule.axis == "confidence"), "")
    return f"Confidence {grade.confidence}: {said}." if said else ""


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
