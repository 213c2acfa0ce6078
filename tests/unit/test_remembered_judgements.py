"""Judgements are remembered by what the rules see of the facts: never another than the rules would give now."""

from dataclasses import dataclass
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.facts import Facts
from alerts.grading import european_grading
from alerts.language import Language
from schemas.vocabularies import Confidence, Novelty

GRADING = european_grading()
KINDS: dict[type, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: st.integers(0, 6),
    float: st.integers(0, 12).map(lambda halves: halves / 2),
    str: st.sampled_from(["", "nps", "nitazene"]),
}
FACTS = st.fixed_dictionaries({name: KINDS[kind] for name, kind in get_type_hints(Facts).items()})


@dataclass(frozen=True)
class Weather:
    """Facts to ask about."""

    rain: float
    wind: int
    cold: bool
    word: str
    other: str


@given(facts=FACTS, confidence=st.sampled_from(Confidence))
def test_the_rules_that_fired_are_those_that_answer_yes_when_asked_now(
    facts: dict[str, object], confidence: Confidence
) -> None:
    asked = Facts(**{**facts, "novelty": Novelty.KNOWN.value})  # type: ignore[arg-type]
    grade = GRADING.grade_of(asked, confidence)
    answers = GRADING.answers(asked, confidence)
    fired = {rule.id for rule in grade.fired if rule.axis == "impact"}
    assert fired == {rule.id for rule in GRADING.rules.impact if answers[rule.id] is True}
    spread = {rule.id for rule in grade.fired if rule.axis == "spread"}
    first = {rule.id for rule in GRADING.rules.spread if rule.first and answers[rule.id] is True}
    others = {rule.id for rule in GRADING.rules.spread if not rule.first and answers.get(rule.id) is True}
    assert spread == (first or others or {rule.id for rule in GRADING.rules.spread if rule.otherwise})
    assert GRADING.level_of(asked, confidence) is grade.level


@pytest.mark.parametrize(
    ("when", "seen", "exact"),
    [
        ("rain >= 3.0", {"rain": (3.0,)}, ""),
        ("cold && (rain > 1.0 || rain < 0.5)", {"rain": (0.5, 1.0)}, "cold"),
        ("!(wind == 2) && rain > 1.0", {"wind": (2.0,), "rain": (1.0,)}, ""),
        ("rain >= 3.0 && double(wind) < 2.0 * rain", {"rain": (3.0,)}, ""),
        ("rain + 1.0 >= 3.0", {}, "rain"),
        ("rain >= 3.0 + 1.0", {}, "rain"),
        ("-rain >= 3.0", {}, "rain"),
        ("rain >= -3.0", {}, "rain"),
        ("3.0 <= rain", {}, "rain"),
        ("wind % 2 == 1", {}, "wind"),
        ("wind in [1, 2]", {}, "wind"),
        ("(rain >= 1.0) == cold", {"rain": (1.0,)}, "cold"),
    ],
)
def test_only_a_fact_that_is_compared_with_numbers_alone_is_seen_by_where_it_lies_among_them(
    when: str, seen: dict[str, tuple[float, ...]], exact: str
) -> None:
    language = Language(Weather)
    sight = language.sight([language.compile("R", when, "here")])
    assert (sight.landmarks, sight.exact) == (seen, frozenset(exact.split()))


@pytest.mark.parametrize(
    ("when", "seen"),
    [
        ("double(wind) < 2.0 * rain", [("wind", 1.0, "<", "rain", 2.0)]),
        (
            "cold && (rain >= double(wind) || 0.5 * rain > rain)",
            [("rain", 0.5, ">", "rain", 1.0), ("rain", 1.0, ">=", "wind", 1.0)],
        ),
        ("double(wind) < 2.0 * rain + 1.0", []),
        ("1.0 - double(wind) < rain", []),
        ("double(wind) == rain", []),
        ("word < other", []),
    ],
)
def test_of_two_numbers_that_are_compared_only_the_way_it_goes_is_seen(
    when: str, seen: list[tuple[object, ...]]
) -> None:
    language = Language(Weather)
    sight = language.sight([language.compile("R", when, "here")])
    assert [tuple(one) for one in sight.comparisons] == seen
    named = {name for name in ("wind", "rain", "word", "other") if name in when}
    assert bool(sight.exact & named) is not bool(seen), "what is used in another way is seen as it is"
