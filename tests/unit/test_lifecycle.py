"""When a case speaks and when it is silent: raised, escalated, updated, gathered, cancelled."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from alerts.effects import Effects
from alerts.lifecycle import Policy
from alerts.memory import Memory
from alerts.pipeline import fold, read
from schemas.vocabularies import AlertKind, CaseState, Change, Level
from tests.unit.deciding import (
    GRADING,
    Desk,
    Document,
    component,
    death,
    decoded,
    harm,
    report,
    retracted,
    revised,
    setting,
    street,
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


# Raised and escalated


def test_a_case_is_raised_when_it_first_reaches_l1() -> None:
    assert Desk().tell(nitazene("a")).story == [(RAISED, L3)]


def test_below_l1_nothing_is_said() -> None:
    assert Desk().tell(report("a", "3-MMC", sample=street())).story == []


def test_a_case_that_was_silent_is_raised_when_it_reaches_l1_later() -> None:
    desk = Desk().tell(report("a", "bromazolam"), report("b", "bromazolam", day=1, sample={"sold_as": "diazepam"}))
    assert desk.story == [(RAISED, L2)]


def test_a_level_that_rises_is_escalated() -> None:
    desk = Desk().tell(nitazene("a"), nitazene("b", hours=1, harm=death()), abroad("c", "FI", hours=2))
    assert desk.story == [(RAISED, L3), (UPDATED, L3), (ESCALATED, L4)]
    assert desk.changes[2][0] is Change.LEVEL_ROSE


def test_more_of_the_same_counts_and_says_nothing() -> None:
    desk = Desk().tell(*(nitazene(name, hours=n) for n, name in enumerate("abc")))
    assert desk.story == [(RAISED, L3)]
    assert desk.case().summary.events == 3


# What an update is about


@pytest.mark.parametrize(
    ("second", "change"),
    [
        (abroad("b", "FI", hours=1), Change.NEW_COUNTRY),
        (nitazene("b", hours=1, harm=harm("moderate")), Change.HARM_WORSE),
        (nitazene("b", hours=1) | {"sample": {"physical_form": "tablet", "presentation": "fake_medicine"}},
         Change.NEW_PRESENTATION),
        (nitazene("b", hours=1) | {"sample": {"physical_form": "powder", "distribution": ["online"]}},
         Change.NEW_ROUTE_OF_SALE),
    ],
)  # fmt: skip
def test_a_new_country_harm_presentation_or_route_is_told(second: Document, change: Change) -> None:
    desk = Desk().tell(nitazene("a"), second)
    assert desk.story == [(RAISED, L3), (UPDATED, L3)]
    assert desk.changes[1] == (change,)


def test_a_dose_band_that_rises_is_told() -> None:
    def tablet(name: str, dose: int, hours: int) -> Document:
        amount: Document = {"value": dose, "unit": "mg", "per": "unit"}
        seen: Document = {"physical_form": "tablet", "appearance": {"colour": "pink", "shape": "skull"}}
        return report(name, component("MDMA", amount=amount), told_after=SOON + timedelta(hours=hours)) | {
            "sample": seen
        }

    desk = Desk().tell(tablet("a", 150, 0), tablet("b", 190, 1), tablet("c", 210, 2))
    assert [kind for kind, _ in desk.story] == [RAISED, ESCALATED]
    assert Change.DOSE_ROSE in desk.changes[1]


def test_provisional_that_becomes_confirmed_is_told() -> None:
    desk = Desk().tell(report("a", strip("protonitazene")), nitazene("b", hours=1))
    assert desk.changes == [(Change.FIRST_LEVEL,), (Change.CONFIRMED,)]
    assert [message.provisional for message in desk.messages] == [True, False]


def test_worse_harm_is_told_again_and_lesser_harm_is_not() -> None:
    desk = Desk().tell(
        nitazene("a", harm=harm("moderate")),
        nitazene("b", hours=1, harm=harm("minor")),
        nitazene("c", hours=2, harm=harm("hospitalised")),
    )
    assert desk.changes == [(Change.FIRST_LEVEL,), (Change.HARM_WORSE,)]


# Gathering


def test_the_first_update_is_at_once_because_raised_does_not_start_the_window() -> None:
    assert Desk().tell(nitazene("a"), abroad("b", "FI", hours=0.1)).story == [(RAISED, L3), (UPDATED, L3)]


def test_later_updates_gather_into_one_when_six_hours_are_over() -> None:
    desk = Desk().tell(nitazene("a"), abroad("b", "FI", hours=1))
    desk.tell(nitazene("c", hours=2, harm=harm("minor")), nitazene("d", hours=3, harm=harm("moderate")))
    assert len(desk.story) == 2
    desk.wait(hours=3.99)
    assert len(desk.story) == 2
    desk.wait(hours=4.01)
    assert desk.story[2:] == [(UPDATED, L3)]
    assert desk.messages[2].decided_at - desk.messages[1].decided_at == timedelta(hours=6)


def test_an_update_after_the_window_is_at_once() -> None:
    desk = Desk().tell(nitazene("a"), abroad("b", "FI", hours=1), nitazene("c", hours=7, harm=harm("minor")))
    assert desk.story == [(RAISED, L3), (UPDATED, L3), (UPDATED, L3)]


def test_a_gathered_update_starts_a_window_of_its_own() -> None:
    desk = Desk().tell(nitazene("a"), abroad("b", "FI", hours=1), nitazene("c", hours=2, harm=harm("minor")))
    desk.wait(hours=6)
    desk.tell(nitazene("d", hours=10, harm=harm("moderate")))
    assert len(desk.story) == 3
    assert len(desk.wait(hours=6).story) == 4


def test_an_escalation_carries_what_was_gathering_and_clears_it() -> None:
    desk = Desk().tell(nitazene("a"), nitazene("b", hours=1, harm=harm("minor")))
    desk.tell(nitazene("c", hours=2, harm=harm("moderate")), abroad("d", "FI", hours=3), abroad("e", "HR", hours=4))
    assert desk.story == [(RAISED, L3), (UPDATED, L3), (ESCALATED, L4)]
    assert set(desk.changes[2]) == {Change.LEVEL_ROSE, Change.HARM_WORSE, Change.NEW_COUNTRY}
    thread = desk.case().thread
    assert thread is not None and thread.gather_due is None
    assert len(desk.wait(hours=12).story) == 3


def test_an_escalation_does_not_start_the_window() -> None:
    desk = Desk().tell(report("a", "bromazolam", sample={"sold_as": "diazepam"}))
    desk.tell(
        report("b", "bromazolam", sample={"sold_as": "diazepam"}, harm=harm("hospitalised"), told_after=SOON * 1.1)
    )
    assert [kind for kind, _ in desk.story] == [RAISED, ESCALATED]
    online: Document = {"sold_as": "diazepam", "distribution": ["online"]}
    desk.tell(report("c", "bromazolam", sample=online, told_after=SOON * 1.15))
    assert [kind for kind, _ in desk.story] == [RAISED, ESCALATED, UPDATED]


def test_at_l4_every_update_is_at_once() -> None:
    desk = Desk().tell(nitazene("a", harm=death()), abroad("b", "FI", hours=1), abroad("c", "HR", hours=2))
    desk.tell(abroad("d", "AT", hours=3), abroad("e", "IT", hours=4))
    assert desk.story[-2:] == [(UPDATED, L4), (UPDATED, L4)]


def test_the_window_is_a_setting() -> None:
    desk = Desk(policy=Policy.of(GRADING.rules, timedelta(seconds=20)))
    desk.tell(nitazene("a"), abroad("b", "FI", hours=1), nitazene("c", hours=1.1, harm=harm("minor")))
    assert len(desk.story) == 3


def test_what_gathered_and_is_not_true_any_more_is_not_told() -> None:
    worse = nitazene("c", hours=2, harm=harm("minor"))
    desk = Desk().tell(nitazene("a"), abroad("b", "FI", hours=1), worse, retracted(worse))
    assert len(desk.wait(hours=12).story) == 2


def test_a_window_that_ended_before_a_report_is_told_before_it() -> None:
    desk = Desk().tell(nitazene("a"), abroad("b", "FI", hours=1), nitazene("c", hours=2, harm=harm("minor")))
    desk.tell(nitazene("d", hours=20, harm=harm("moderate")))
    assert [message.decided_at - desk.messages[0].decided_at for message in desk.messages[2:]] == [
        timedelta(hours=7),
        timedelta(hours=20),
    ]


def test_without_timers_an_overdue_window_is_told_before_the_report_that_comes_later() -> None:
    worse = nitazene("c", hours=2, harm=harm("minor"))
    told = [nitazene("a"), abroad("b", "FI", hours=1), worse, retracted(worse, hours=20)]
    memory, effects, ours = Memory(complete=True), Effects(), setting()
    for document in told:
        found = decoded(document)
        at = found.detection.reported_at
        fold(read(found, laboratory=found.detection.reporter.lab, at=at, setting=ours), memory, effects, ours)
    assert [event.kind for event in effects.events] == [RAISED, UPDATED, UPDATED, UPDATED]
    assert effects.events[3].changes == (Change.CORRECTED,)
    assert effects.events[2].decided_at - effects.events[1].decided_at == timedelta(hours=6)


# Retraction and cancellation


def test_the_only_report_retracted_cancels_the_alert_in_its_thread() -> None:
    first = nitazene("a")
    desk = Desk().tell(first, retracted(first))
    assert desk.story == [(RAISED, L3), (CANCELLED, L3)]
    assert len({message.alert_id for message in desk.messages}) == 1
    assert [message.revision for message in desk.messages] == [1, 2]
    assert (desk.case().state, desk.case().computed) == (CaseState.RETRACTED, Level.L0)


def test_a_retraction_that_leaves_a_level_says_what_was_withdrawn_and_the_level_stays() -> None:
    worst = nitazene("b", hours=1, harm=death())
    desk = Desk().tell(nitazene("a"), worst, abroad("c", "FI", hours=2), retracted(worst, hours=2))
    assert desk.story[-1] == (UPDATED, L4)
    assert desk.changes[-1] == (Change.PARTLY_WITHDRAWN, Change.CORRECTED)
    assert desk.case().computed is L3 and desk.messages[-1].computed_level is L3


def test_a_retraction_that_changes_no_level_says_nothing() -> None:
    second = nitazene("b", hours=1)
    assert Desk().tell(nitazene("a"), second, retracted(second)).story == [(RAISED, L3)]


def test_a_person_cancels_and_a_later_report_opens_a_new_case() -> None:
    desk = Desk().tell(nitazene("a"))
    event = desk.withdraw()
    assert (event.kind, event.reason, event.changes) == (
        CANCELLED,
        "laboratory mix-up",
        (Change.CANCELLED_BY_PERSON,),
    )
    desk.tell(nitazene("b", hours=9))
    assert [case.state for case in desk.cases()] == [CaseState.RETRACTED, CaseState.OPEN]
    assert desk.story == [(RAISED, L3), (CANCELLED, L3), (RAISED, L3)]
    assert len({message.number for message in desk.messages}) == 2


def test_what_a_person_withdrew_is_no_history_of_the_next_case() -> None:
    desk = Desk().tell(nitazene("a"))
    desk.withdraw()
    desk.tell(nitazene("b", hours=9))
    assert desk.cases()[1].summary.events == 1
    assert sum(cell.events for cell in desk.cases()[1].days.values()) == 1


def test_after_a_cancellation_by_machine_the_case_goes_on_with_what_is_left() -> None:
    first, street_sample = nitazene("a"), report("s", "3-MMC", sample=street())
    desk = Desk().tell(first, retracted(first), nitazene("b", hours=5), street_sample)
    assert desk.story == [(RAISED, L3), (CANCELLED, L3), (RAISED, L3)]


def test_an_ended_thread_says_nothing_more() -> None:
    first, second = nitazene("a"), nitazene("b", hours=1)
    desk = Desk().tell(first, second)
    desk.withdraw()
    desk.tell(retracted(second, hours=20), retracted(first, hours=30))
    assert [kind for kind, _ in desk.story] == [RAISED, CANCELLED]


def test_an_amendment_that_takes_the_danger_back_cancels() -> None:
    first = report("a", "bromazolam", sample={"sold_as": "diazepam"})
    right: Document = {"physical_form": "powder", "sold_as": "bromazolam", "distribution": ["street"]}
    desk = Desk().tell(first, revised(first, sample=right))
    assert desk.story == [(RAISED, L2), (CANCELLED, L2)]


def test_two_events_found_to_be_one_withdraw_nothing() -> None:
    def tablet(name: str, lab: str, hours: int, **changes: JsonValue) -> Document:
        amount: Document = {"value": 216, "unit": "mg", "per": "unit"}
        seen: Document = {
            "physical_form": "tablet",
            "distribution": ["street"],
            "appearance": {"colour": "pink", "shape": "skull"},
        }
        told = SOON + timedelta(hours=hours)
        return report(name, component("MDMA", amount=amount), lab=lab, told_after=told) | {"sample": seen} | changes

    desk = Desk().tell(tablet("a", "si-example", 0), tablet("b", "si-police", 1))
    assert desk.story == [(RAISED, L2), (ESCALATED, L3)]
    links: list[JsonValue] = [{"org": "si-example", "ref": "EX-a"}, {"org": "si-police", "ref": "EX-b"}]
    desk.tell(tablet("c", "si-customs", 2, linked_refs=links))
    assert desk.case().summary.events == 1 and desk.case().computed is L2
    assert desk.story == [(RAISED, L2), (ESCALATED, L3)]


# History


def months(name: str, *, count: int = 12) -> list[Document]:
    found = [report(f"h{n}", name, day=30 * n, status="archival") for n in range(count)]
    return [document | {"reported_at": "2027-06-01T00:00:00Z"} for document in found]


def test_late_history_that_explains_an_alert_cancels_nothing() -> None:
    desk = Desk().tell(report("a", "protonitazene", day=370), *months("protonitazene"))
    assert desk.case().computed is Level.L0
    assert desk.story == [(RAISED, L3)]


def test_an_alert_explained_by_late_history_is_cancelled_when_its_only_report_is_retracted() -> None:
    first = report("a", "protonitazene", day=370)
    desk = Desk().tell(first, *months("protonitazene"), retracted(first, hours=24 * 200))
    assert desk.story == [(RAISED, L3), (AlertKind.EXPIRED, L3), (CANCELLED, L3)]


def test_history_never_speaks_even_when_it_raises_a_level() -> None:
    desk = Desk().tell(report("a", "protonitazene", sample=street()))
    desk.tell(*(abroad(f"h-{country}", country, hours=1, status="archival") for country in ("FI", "HR", "AT")))
    assert desk.case().computed is L4
    assert desk.story == [(RAISED, L2)]
    assert desk.tell(nitazene("b", hours=30)).story == [(RAISED, L2), (ESCALATED, L4)]


def test_history_raises_no_case_that_a_report_only_referred_to() -> None:
    desk = Desk().tell(report("a", "protonitazene", component("bromazolam", role="adulterant"), sample=street()))
    assert [message.substance.name for message in desk.messages] == ["Bromazolam"]
    for country in ("FI", "HR", "AT"):
        old = report(f"h-{country}", "protonitazene", country=country, lab=f"{country.lower()}-x", status="archival")
        desk.tell(old)
    assert desk.case("Protonitazene").computed is L4 and len(desk.messages) == 1


def test_history_alone_opens_no_case_that_is_listed() -> None:
    desk = Desk().tell(nitazene("h", status="archival"))
    assert desk.cases() == [] and desk.result.cases == () and desk.story == []


def test_a_report_turned_into_history_takes_its_alert_back() -> None:
    first = nitazene("a")
    desk = Desk().tell(first, revised(first, status="archival"))
    assert desk.story == [(RAISED, L3), (CANCELLED, L3)]
