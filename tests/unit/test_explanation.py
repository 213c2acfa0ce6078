"""Why a case has its level, to be read aloud, and what alone would raise it: found by running the rules again."""

import pytest

from alerts.explanation import TURNS, WORDS, Standing, explain_case, near_misses, nearness, paragraph
from alerts.facts import Facts
from notifiers.purposes import Content, Purpose
from notifiers.wording.compose import compose
from schemas.alert_events import NearMiss
from schemas.vocabularies import Confidence, Level, Turn
from tests.telling import alert_event
from tests.unit.deciding import GRADING, Desk, component, report, strip
from tocsin.translations import sentences

NOTHING = Desk().tell(report("a", "3-MMC")).facts()
OPIOID = NOTHING._replace(potent_opioid=True, subgroup="nitazene", new_countries=1)


def near(facts: Facts, *, above: Level, confidence: Confidence = Confidence.B) -> dict[Turn, tuple[int, int]]:
    misses = near_misses(Standing(facts, confidence), GRADING, above=above)
    return {miss.turn: (int(miss.level), miss.times) for miss in misses}


def test_two_affected_countries_are_one_from_an_urgent_alert() -> None:
    at_two = OPIOID._replace(new_countries=2)
    found = near(at_two, above=Level.L3)
    assert found[Turn.ANOTHER_COUNTRY] == (4, 1)
    assert found[Turn.CONFIRMED_DEATH] == (4, 1)
    assert Turn.ANOTHER_EVENT not in found


def test_the_sentence_joins_what_reaches_the_same_level() -> None:
    misses = near_misses(Standing(OPIOID._replace(new_countries=2), Confidence.B), GRADING, above=Level.L3)
    sentences = nearness(misses)
    assert sentences[0].startswith("One more affected country, or ") and "any confirmed death" in sentences[0]
    assert sentences[0].endswith("makes it L4.")


def test_two_more_countries_are_said_when_one_is_not_enough() -> None:
    found = near(OPIOID, above=Level.L3)
    assert found[Turn.ANOTHER_COUNTRY] == (4, 2)
    said = [m.says for m in near_misses(Standing(OPIOID, Confidence.B), GRADING, above=Level.L3)]
    assert "two more affected countries" in said


def test_a_death_is_not_named_where_a_hospitalisation_is_enough_and_both_give_the_same() -> None:
    disguised = OPIOID._replace(mis_sold=True, new_countries=2)
    found = near(disguised, above=Level.L3)
    assert found[Turn.HOSPITALISED] == (4, 1) and Turn.CONFIRMED_DEATH not in found


def test_a_strip_is_confirmed_by_a_laboratory_only_where_that_raises_it() -> None:
    unanalysed = OPIOID._replace(unidentified=True)
    assert near(unanalysed, above=Level.L1, confidence=Confidence.D)[Turn.CONFIRMED_BY_LABORATORY] == (3, 1)
    assert Turn.CONFIRMED_BY_LABORATORY not in near(OPIOID, above=Level.L3, confidence=Confidence.C)


def test_nothing_is_above_the_highest_level() -> None:
    assert near(OPIOID._replace(new_countries=3), above=Level.L4) == {}


@pytest.mark.parametrize("turn", list(Turn))
def test_every_turn_changes_the_facts_and_is_said_in_words(turn: Turn) -> None:
    before = Standing(NOTHING, Confidence.D)
    assert TURNS[turn](before) != before


def test_every_near_miss_comes_true_when_it_happens() -> None:
    """What is promised of a second country and of a third is what the case becomes when they report."""
    desk = Desk().tell(report("a", "metonitazene", lab="fi-example", country="FI"))
    first = desk.facts()
    promised = near(first, above=desk.case().computed)[Turn.ANOTHER_COUNTRY]
    desk.tell(report("b", "metonitazene", day=1, lab="se-example", country="SE"))
    assert int(desk.case().computed) < promised[0], "one more is not enough, as was said"
    desk.tell(report("c", "metonitazene", day=2, lab="ch-example", country="CH"))
    assert (int(desk.case().computed), promised[1]) == (promised[0], 2)


def test_the_paragraph_can_be_read_aloud() -> None:
    desk = Desk().tell(report("a", component("metonitazene"), sample={"sold_as": "heroin"}))
    grade = desk.case().grade
    assert grade is not None
    says = paragraph(
        "metonitazene",
        grade,
        near_misses(Standing(desk.facts(), grade.confidence), GRADING, above=grade.level),
        GRADING.book.ref,
    )
    assert says.startswith("Metonitazene is graded L3, alert. Impact 3 of 4: a potent opioid (nitazene)")
    assert "sold as another substance than it is" in says and "Confidence B: identified, not yet confirmed." in says
    assert "makes it L4." in says and says.endswith("Graded by the rules european 1.2 on the facts of 2 March 2026.")
    assert "{" not in says and "_" not in says


def test_the_trace_has_every_rule_with_its_answer() -> None:
    desk = Desk().tell(report("a", strip()))
    case = desk.case()
    why = explain_case(case, {}, desk.simulation.setting.context)
    assert why is not None and case.grade is not None
    rules = GRADING.rules
    assert [rule.id for rule in why.trace] == [
        r.id for part in (rules.impact, rules.spread, rules.overrides) for r in part
    ]
    held = {rule.id for rule in why.trace if rule.answer is True}
    assert held == {rule.id for rule in case.grade.fired if rule.axis != "confidence"}
    assert why.facts["potent_opioid"] is True and why.rule_set.digest == GRADING.book.digest


def test_every_sentence_of_what_would_raise_it_is_asked_of_the_catalogue_of_the_language() -> None:
    """Each alone and joined, whatever the number of times; the English is what is asked for, filled in."""
    wanted, asked = {told.text for told in sentences()}, set[str]()

    def say(sentence: str, /, **places: object) -> str:
        asked.add(sentence)
        return sentence.format(**places)

    for turn, words in WORDS.items():
        for times, says in enumerate(words, 1):
            alone = NearMiss(level=Level.L4, turn=turn, times=times, says=says)
            assert nearness([alone], say) == [f"{says[0].upper()}{says[1:]} makes it L4."]
            assert nearness([alone, alone], say) == [f"{says[0].upper()}{says[1:]}, or {says}, makes it L4."]
    assert asked <= wanted and len(asked) == sum(map(len, WORDS.values())) + 3


def test_a_message_says_what_would_raise_it() -> None:
    near = (NearMiss(level=Level.L4, turn=Turn.BULK, says="a bulk quantity"),)
    event = alert_event().model_copy(update={"near": near})
    assert "A bulk quantity makes it L4." in compose(event, purpose=Purpose.ALERT, content=Content.FULL).why
