"""One sample never makes two alerts; settled identities take threads along; exercises stay among themselves."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from schemas.vocabularies import AlertKind, Change, Level, Tense
from tests.unit.deciding import (
    UNLISTED,
    Desk,
    Document,
    component,
    report,
    revised,
    strip,
)

RAISED, ESCALATED = AlertKind.RAISED, AlertKind.ESCALATED
UPDATED, CANCELLED = AlertKind.UPDATED, AlertKind.CANCELLED
L1, L2, L3, L4 = Level.L1, Level.L2, Level.L3, Level.L4
SOON = timedelta(hours=30)


def nitazene(
    name: str, *, hours: float = 0, lab: str = "si-example", country: str = "SI", **changes: JsonValue
) -> Document:
    """A report of one nitazene, told that many hours after the first."""
    told = SOON + timedelta(hours=hours)
    return report(name, "protonitazene", told_after=told, lab=lab, country=country) | changes


def abroad(name: str, country: str, *, hours: float, **changes: JsonValue) -> Document:
    return nitazene(name, hours=hours, country=country, lab=f"{country.lower()}-example") | changes


def both(name: str, *, hours: float = 0, **changes: JsonValue) -> Document:
    """A nitazene (impact 3) with a benzodiazepine sold as something else; together a mixture."""
    parts = [component("protonitazene"), component("bromazolam", role="adulterant")]
    return report(name, *parts, told_after=SOON + timedelta(hours=hours)) | changes


def test_one_sample_with_two_substances_below_l3_makes_one_alert() -> None:
    desk = Desk().tell(report("a", "bromazolam", "3-MMC", sample={"sold_as": "diazepam"}))
    assert {case.subject.name: case.computed for case in desk.cases()} == {"Bromazolam": L2, "3-MMC": L2}
    assert len(desk.messages) == 1


def test_the_case_of_highest_impact_leads() -> None:
    desk = Desk().tell(report("a", "3-MMC", component("PMMA", role="adulterant"), sample={"sold_as": "3-MMC"}))
    assert [message.substance.name for message in desk.messages] == ["PMMA"]


def test_of_equal_impact_the_smaller_key_leads() -> None:
    desk = Desk().tell(report("a", "bromazolam", "3-MMC", sample={"sold_as": "diazepam"}))
    keys = sorted(case.key for case in desk.cases())
    assert [message.substance.key for message in desk.messages] == keys[:1]


def test_a_case_that_a_report_refers_to_speaks_when_it_first_reaches_l3_read_with_the_leading_one() -> None:
    desk = Desk().tell(both("a"))
    assert desk.story == [(RAISED, L3), (RAISED, L3)]
    assert desk.messages[1].references == (desk.messages[0].number,)
    assert desk.messages[0].references == ()


def test_a_case_that_was_only_referred_to_is_raised_by_the_first_report_it_leads() -> None:
    desk = Desk().tell(report("a", "bromazolam", "3-MMC", sample={"sold_as": "diazepam"}))
    second = desk.cases()[-1].subject.name
    desk.tell(report("b", second, day=1, sample={"sold_as": "diazepam"}))
    assert [message.substance.name for message in desk.messages][1] == second
    assert desk.story[1] == (RAISED, L2)


def test_a_case_that_is_referred_to_changes_its_facts_and_keeps_silent_about_new_countries() -> None:
    first = report("a", "bromazolam", sample={"sold_as": "diazepam"})
    other = report(
        "b", "protonitazene", "bromazolam", sample={"sold_as": "3-MMC"}, country="FI", lab="fi-example", day=1
    )
    found = Desk().tell(first, other)
    about = [message.kind for message in found.messages if message.substance.name == "Bromazolam"]
    assert about == [RAISED, ESCALATED]


# Identity settled


def test_a_strip_that_is_confirmed_as_a_substance_takes_its_thread_along() -> None:
    first = report("a", strip())
    desk = Desk().tell(first, revised(first, components=[component("protonitazene")]))
    assert [kind for kind, _ in desk.story] == [RAISED, UPDATED]
    assert desk.changes[1] == (Change.IDENTITY_SETTLED,)
    assert len({message.alert_id for message in desk.messages}) == 1
    assert [message.provisional for message in desk.messages] == [True, False]


def test_a_strip_confirmed_into_a_case_that_has_told_sends_one_update_to_read_the_other() -> None:
    first = report("a", strip())
    desk = Desk().tell(first, nitazene("b", hours=1), revised(first, hours=3, components=[component("protonitazene")]))
    last = desk.messages[-1]
    assert (last.kind, last.changes) == (UPDATED, (Change.IDENTITY_SETTLED,))
    assert last.alert_id == desk.messages[0].alert_id and last.references == (desk.messages[1].number,)
    assert len(desk.messages) == 3


# Exercises and tests


@pytest.mark.parametrize(("status", "mark"), [("exercise", "EXERCISE-TOC-A-"), ("test", "TEST-TOC-A-")])
def test_exercises_and_tests_have_cases_and_numbers_of_their_own(status: str, mark: str) -> None:
    desk = Desk().tell(nitazene("a", status=status), nitazene("b", hours=1))
    assert desk.messages[0].number.startswith(mark)
    assert desk.messages[1].number == "TOC-A-2026-0001"
    assert desk.case(ledger=Tense(status)).summary.events == 1
    assert desk.case().summary.events == 1 and desk.facts().events_28d == 1


@pytest.mark.parametrize("status", ["exercise", "test"])
def test_an_exercise_is_no_first_sighting_no_baseline_and_no_affected_country(status: str) -> None:
    new = component("new", smiles=UNLISTED)
    played = [report(f"x{n}", new, day=20 * n, country="FI", lab="fi-example", status=status) for n in range(5)]
    desk = Desk(("SI", "FI")).tell(*played, report("a", new, day=100))
    found = desk.facts()
    assert found.union_first and found.country_first and not found.has_baseline and found.new_countries == 1


def test_an_actual_report_changes_nothing_in_an_exercise() -> None:
    desk = Desk().tell(nitazene("x", status="exercise"), abroad("b", "FI", hours=1), abroad("c", "HR", hours=2))
    assert desk.case(ledger=Tense.EXERCISE).computed is L3
    assert desk.facts(ledger=Tense.EXERCISE).new_countries == 1
