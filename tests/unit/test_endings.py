"""How alerts end and go on: expiry, validity, reviews, corrections, withdrawn reports, what people decide."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts import deciding
from alerts.cases import CaseFile
from alerts.deadlines import Deadline, deadlines
from alerts.deciding import Word
from alerts.errors import Undecidable
from alerts.lifecycle import Policy
from alerts.speaking import Saying
from schemas.alert_events import AlertEvent
from schemas.vocabularies import AlertKind, CaseState, Change, Level, Statement, Tense
from tests.unit.deciding import (
    GRADING,
    Desk,
    Document,
    component,
    death,
    harm,
    report,
    retracted,
    revised,
    street,
    strip,
)

RAISED, ESCALATED, UPDATED, CANCELLED = AlertKind.RAISED, AlertKind.ESCALATED, AlertKind.UPDATED, AlertKind.CANCELLED
EXPIRED, CLOSED, DOWNGRADED = AlertKind.EXPIRED, AlertKind.CLOSED, AlertKind.DOWNGRADED
L1, L2, L3, L4 = Level.L1, Level.L2, Level.L3, Level.L4
WORD = Word(by="si-example-reviewer", reason="seen by the laboratory")


def decide(desk: Desk, decision: Callable[..., None], *, hours: float = 1, **more: object) -> AlertEvent:
    """A person decides about the only case, some hours after the last thing that happened."""
    case = desk.case()
    simulation = desk.simulation
    at = max(entry.at for entry in simulation.effects.log) + timedelta(hours=hours)
    simulation._wake(at)
    file: CaseFile = simulation.memory.files[(case.ledger, case.key)]
    saying: Saying = simulation.setting.saying(simulation.memory, simulation.effects, at)
    decision(file, case, saying, WORD, **more)
    return simulation.effects.events[-1]


def kinds(desk: Desk) -> list[AlertKind]:
    return [kind for kind, _ in desk.story]


def later(name: str, *, hours: float, **changes: object) -> Document:
    told = timedelta(hours=30 + hours)
    return report(name, "protonitazene", told_after=told, **changes)  # type: ignore[arg-type]


# Time


def test_a_provisional_alert_expires_after_72_hours_and_not_before() -> None:
    desk = Desk().tell(report("a", strip()))
    assert kinds(desk.wait(hours=71.9)) == [RAISED]
    assert kinds(desk.wait(hours=72)) == [RAISED, EXPIRED]
    last = desk.messages[-1]
    assert last.changes == (Change.NOT_CONFIRMED_IN_TIME,)
    assert last.decided_at - desk.messages[0].decided_at == timedelta(hours=72)
    assert desk.messages[0].review_at == last.decided_at and last.review_at is None


def test_what_is_confirmed_in_time_does_not_expire() -> None:
    desk = Desk().tell(report("a", strip("protonitazene")), later("b", hours=70))
    assert kinds(desk.wait(hours=80)) == [RAISED, UPDATED]


def test_an_alert_is_valid_for_90_days_after_its_last_revision() -> None:
    desk = Desk().tell(later("a", hours=0), later("b", hours=24, country="FI", lab="fi-example"))
    assert kinds(desk.wait(hours=24 * 90 - 0.1)) == [RAISED, UPDATED]
    assert kinds(desk.wait(hours=24 * 90)) == [RAISED, UPDATED, EXPIRED]
    assert desk.messages[-1].changes == (Change.VALIDITY_OVER,)
    assert desk.messages[1].valid_until == desk.messages[-1].decided_at


def test_a_review_that_nobody_did_is_overdue_in_the_log_and_tells_nobody() -> None:
    desk = Desk().tell(later("a", hours=0)).wait(hours=24 * 30)
    assert kinds(desk) == [RAISED]
    assert [entry.action for entry in desk.simulation.effects.log][-1] == "review_overdue"
    thread = desk.case().thread
    assert thread is not None and thread.review_overdue is not None
    decide(desk, deciding.renew)
    thread = desk.case().thread
    assert thread is not None and thread.review_overdue is None


def test_a_report_that_comes_after_a_deadline_finds_it_done() -> None:
    waited = Desk().tell(report("a", strip())).wait(hours=72).tell(report("b", strip(), day=6))
    unwaited = Desk().tell(report("a", strip()), report("b", strip(), day=6))
    assert waited.messages == unwaited.messages
    assert kinds(waited) == [RAISED, EXPIRED, UPDATED]


def test_an_expired_alert_goes_on_when_the_laboratory_confirms() -> None:
    first = report("a", strip("protonitazene"))
    desk = Desk().tell(first, revised(first, action="confirm", hours=100, components=[component("protonitazene")]))
    assert kinds(desk) == [RAISED, EXPIRED, UPDATED]
    assert desk.changes[-1] == (Change.REOPENED, Change.CONFIRMED)
    assert len({message.alert_id for message in desk.messages}) == 1


def test_the_harm_before_an_expiry_still_counts() -> None:
    def ill(name: str, day: int) -> Document:
        return report(name, strip(), day=day, region="SI03", harm=harm("life_threatening", exposure="suspected"))

    desk = Desk().tell(ill("a", 0), ill("b", 5), ill("c", 9))
    assert kinds(desk) == [RAISED, EXPIRED, UPDATED, EXPIRED, ESCALATED]
    assert desk.facts().severe_in_region == 3


def test_after_its_validity_routine_finds_stay_silent_and_worse_ones_speak() -> None:
    desk = Desk().tell(later("a", hours=0)).wait(hours=24 * 91)
    desk.tell(report("late", "protonitazene", day=0, told_after=timedelta(days=95)))
    assert kinds(desk) == [RAISED, EXPIRED]
    desk.tell(report("new", "protonitazene", day=96))
    assert kinds(desk) == [RAISED, EXPIRED, UPDATED]
    assert desk.changes[-1][0] is Change.REOPENED


def test_the_only_report_of_an_expired_alert_withdrawn_cancels_it() -> None:
    first = report("a", strip("protonitazene"))
    assert kinds(Desk().tell(first, retracted(first, hours=100))) == [RAISED, EXPIRED, CANCELLED]


# What was wrong, what was withdrawn


def test_a_country_that_was_wrong_is_corrected_by_name() -> None:
    first, wrong = later("a", hours=0), later("b", hours=1, country="FI", lab="fi-example")
    desk = Desk().tell(first, wrong, revised(wrong, country="SE", hours=10))
    event = desk.messages[-1]
    assert (event.kind, event.changes) == (UPDATED, (Change.CORRECTED, Change.NEW_COUNTRY))
    (correction,) = event.corrections
    assert (correction.what, correction.was, correction.now) == (Statement.COUNTRY, "FI", "SE")


def test_harm_that_was_wrong_is_corrected_though_no_level_changes() -> None:
    worse = later("b", hours=1, harm=harm("hospitalised", exposure="suspected"))
    desk = Desk().tell(later("a", hours=0), worse, revised(worse, hours=10, harm=harm("minor")))
    event = desk.messages[-1]
    assert [(one.what, one.was, one.now) for one in event.corrections] == [(Statement.HARM, "hospitalised", "minor")]


def test_a_retraction_names_the_report_and_what_remains() -> None:
    worst = later("b", hours=1, harm=death())
    desk = Desk().tell(later("a", hours=0), worst, later("c", hours=2, country="FI", lab="fi-example"))
    event = desk.tell(retracted(worst, hours=2)).messages[-1]
    assert [str(source.event_id) for source in event.withdrawn] == [worst["event_id"]]
    assert event.changes == (Change.PARTLY_WITHDRAWN, Change.CORRECTED)
    assert (event.events_total, sorted(event.affected), event.computed_level) == (2, ["FI", "SI"], L3)
    assert len(desk.tell(later("d", hours=20, harm=harm("minor"))).messages[-1].withdrawn) == 0


def test_what_was_never_told_needs_no_correction() -> None:
    second = later("b", hours=1)
    assert kinds(Desk().tell(later("a", hours=0), second, revised(second, region="SI03"))) == [RAISED]


# People


def test_closing_ends_the_alert_and_new_facts_open_it_again() -> None:
    desk = Desk().tell(later("a", hours=0))
    event = decide(desk, deciding.close)
    assert (event.kind, event.reason, event.decided_by) == (CLOSED, WORD.reason, WORD.by)
    assert desk.case().state is CaseState.CLOSED
    desk.tell(later("b", hours=2))
    assert kinds(desk) == [RAISED, CLOSED] and desk.case().summary.events == 2
    desk.tell(later("c", hours=3, country="FI", lab="fi-example"))
    assert desk.story[-1] == (UPDATED, L3) and desk.changes[-1] == (Change.REOPENED, Change.NEW_COUNTRY)
    assert desk.case().state is CaseState.OPEN


def test_a_find_after_the_closing_is_a_new_fact() -> None:
    desk = Desk().tell(later("a", hours=0))
    decide(desk, deciding.close)
    assert kinds(desk.tell(report("b", "protonitazene", day=9))) == [RAISED, CLOSED, UPDATED]


def test_closed_unidentified_findings_stay_closed_for_late_reports() -> None:
    desk = Desk().tell(report("a", strip()))
    decide(desk, deciding.close)
    desk.tell(report("b", strip(), told_after=timedelta(hours=40)))
    assert desk.case().state is CaseState.CLOSED and desk.case().summary.events == 2


def test_a_person_reopens_what_was_closed() -> None:
    desk = Desk().tell(later("a", hours=0))
    decide(desk, deciding.close)
    assert decide(desk, deciding.reopen).changes == (Change.REOPENED,)
    assert desk.case().state is CaseState.OPEN
    with pytest.raises(Undecidable):
        decide(desk, deciding.reopen)


def test_a_downgrade_stays_until_more_is_known_than_the_person_saw() -> None:
    desk = Desk().tell(later("a", hours=0))
    event = decide(desk, deciding.downgrade, level=L1)
    assert (event.kind, event.level, event.computed_level) == (DOWNGRADED, L1, L3)
    desk.tell(later("b", hours=3))
    assert kinds(desk) == [RAISED, DOWNGRADED]
    desk.tell(*(later(land, hours=4, country=land, lab=f"{land.lower()}-example") for land in ("FI", "HR")))
    assert desk.story[-1] == (ESCALATED, L4)


def test_only_a_lower_level_is_a_downgrade() -> None:
    desk = Desk().tell(later("a", hours=0))
    with pytest.raises(Undecidable, match="not below"):
        decide(desk, deciding.downgrade, level=L3)


def test_an_override_is_shown_and_goes_back_by_itself() -> None:
    desk = Desk().tell(later("a", hours=0))
    until = desk.messages[-1].decided_at + timedelta(hours=48)
    up = decide(desk, deciding.override, level=L4, until=until)
    assert (up.kind, up.level) == (ESCALATED, L4)
    assert up.override is not None and (up.override.by, up.override.until) == (WORD.by, until)
    assert deadlines(desk.case())[Deadline.OVERRIDE] == until
    desk.tell(later("b", hours=3, country="FI", lab="fi-example"))
    assert desk.messages[-1].level is L4 and desk.messages[-1].override == up.override
    back = desk.wait(hours=48).messages[-1]
    assert (back.kind, back.level, back.changes, back.override) == (DOWNGRADED, L3, (Change.OVERRIDE_ENDED,), None)
    assert back.decided_at == until


def test_an_override_of_what_nobody_was_told_of_raises_it() -> None:
    desk = Desk().tell(report("a", "3-MMC", sample=street()))
    until = max(entry.at for entry in desk.simulation.effects.log) + timedelta(hours=30)
    assert decide(desk, deciding.override, level=L2, until=until).kind is RAISED


def test_new_facts_above_what_was_overridden_escalate_and_end_it() -> None:
    desk = Desk().tell(later("a", hours=0))
    until = desk.messages[-1].decided_at + timedelta(days=20)
    decide(desk, deciding.override, level=L2, until=until)
    desk.tell(*(later(land, hours=4, country=land, lab=f"{land.lower()}-example") for land in ("FI", "HR")))
    assert desk.story[-1] == (ESCALATED, L4) and desk.messages[-1].override is None
    assert kinds(desk.wait(hours=24 * 21)).count(DOWNGRADED) == 1


def test_renewing_starts_the_time_anew() -> None:
    desk = Desk().tell(report("a", strip()))
    event = decide(desk, deciding.renew, hours=70)
    assert event.changes == (Change.RENEWED,)
    assert kinds(desk.wait(hours=71)) == [RAISED, UPDATED]
    assert kinds(desk.wait(hours=72)) == [RAISED, UPDATED, EXPIRED]


@pytest.mark.parametrize("decision", [deciding.close, deciding.renew])
def test_what_was_cancelled_cannot_be_closed_or_renewed(decision: Callable[..., None]) -> None:
    desk = Desk().tell(later("a", hours=0))
    desk.withdraw()
    with pytest.raises(Undecidable):
        decide(desk, decision)


def test_the_terms_are_a_setting() -> None:
    policy = replace(Policy.of(GRADING.rules), provisional=timedelta(hours=1))
    assert kinds(Desk(policy=policy).tell(report("a", strip())).wait(hours=1)) == [RAISED, EXPIRED]


def test_exercises_expire_as_exercises() -> None:
    desk = Desk().tell(report("a", strip(), status="exercise")).wait(hours=72)
    assert {message.tense for message in desk.messages} == {Tense.EXERCISE}
    assert desk.messages[-1].kind is EXPIRED and desk.messages[-1].number.startswith("EXERCISE-")


def test_every_decision_says_what_was_and_what_became() -> None:
    desk = Desk().tell(later("a", hours=0))
    decide(desk, deciding.downgrade, level=L1)
    entry = desk.simulation.effects.log[-1]
    assert (entry.actor, entry.action, entry.reason) == (WORD.by, "downgraded", WORD.reason)
    assert (entry.was["announced"], entry.became["announced"]) == (3, 1)


def test_an_expired_alert_is_taken_over_when_its_identity_is_settled() -> None:
    first = report("a", strip())
    desk = Desk().tell(first, revised(first, action="confirm", hours=100, components=[component("protonitazepyne")]))
    assert kinds(desk) == [RAISED, EXPIRED, UPDATED]
    assert desk.changes[-1] == (Change.REOPENED, Change.IDENTITY_SETTLED)
    assert len({message.number for message in desk.messages}) == 1
