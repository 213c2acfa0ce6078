"""After a restore the same reports are decided again: what was told is not said twice, what is worse is said."""

from datetime import timedelta

from alerts.told import ToldBefore, by_alert_and_case
from schemas.alert_events import AlertEvent
from schemas.vocabularies import AlertKind, CaseState, Change, Level
from tests.unit.deciding import Desk, Document, death, report

NUMBER = "TOC-A-2026-0042"


def nitazene(event: str, *, hours: float = 0, country: str = "SI", **changes: object) -> Document:
    """A nitazene, told that many hours after the first."""
    told = timedelta(hours=30 + hours)
    return report(event, "protonitazene", told_after=told, country=country) | changes  # type: ignore[return-value]


STORY = (nitazene("a"), nitazene("b", hours=1, harm=death()))


def knowing(events: list[AlertEvent], **changes: object) -> Desk:
    """A desk whose database was lost; people know these events, under a number that it would not have given."""
    desk = Desk()
    known = ToldBefore.of([event.model_copy(update={"number": NUMBER}) for event in events])
    desk.simulation.memory.told = by_alert_and_case([known.model_copy(update=changes)])
    return desk


def test_what_was_told_is_decided_again_and_said_to_nobody_under_its_number() -> None:
    desk = knowing(Desk().tell(*STORY).messages).tell(*STORY)
    thread = desk.case().thread
    assert desk.messages == []
    assert thread is not None and (thread.number, thread.revision) == (NUMBER, 2)


def test_what_comes_later_is_said_as_the_next_revision_of_the_same_alert() -> None:
    before = Desk().tell(*STORY)
    desk = knowing(before.messages).tell(*STORY, nitazene("c", hours=2, country="FI"))
    (said,) = desk.messages
    assert (said.kind, said.level, said.revision, said.number) == (AlertKind.ESCALATED, Level.L4, 3, NUMBER)
    assert (said.alert_id, said.event_id) == (
        before.messages[0].alert_id,
        before.tell(nitazene("c", hours=2, country="FI")).messages[-1].event_id,
    )


def test_a_higher_level_than_was_told_speaks_even_before_the_last_that_was_told() -> None:
    worse = (*STORY, nitazene("c", hours=2, country="FI"))
    told = Desk().tell(*STORY).messages
    desk = knowing(told, until=told[-1].decided_at + timedelta(days=1)).tell(*worse)
    assert desk.story == [(AlertKind.ESCALATED, Level.L4)]


def test_reports_that_come_in_another_order_belong_to_the_alert_that_people_know() -> None:
    told = Desk().tell(*STORY).messages
    first, second = STORY
    desk = knowing(told).tell(second, first)
    thread = desk.case().thread
    assert desk.messages == []
    assert thread is not None and (thread.alert_id, thread.number) == (told[0].alert_id, NUMBER)


def test_what_a_person_cancelled_is_cancelled_again_in_silence_and_what_follows_is_raised_anew() -> None:
    told = Desk().tell(*STORY).messages
    cancelled = told[-1].model_copy(
        update={
            "kind": AlertKind.CANCELLED,
            "revision": 3,
            "changes": (Change.CANCELLED_BY_PERSON,),
            "decided_at": told[-1].decided_at + timedelta(hours=1),
        }
    )
    desk = knowing([*told, cancelled]).tell(*STORY)
    assert desk.messages == [] and desk.case().state is CaseState.OPEN
    desk.tell(nitazene("d", hours=5))
    assert [case.state for case in desk.cases()] == [CaseState.RETRACTED, CaseState.OPEN]
    (said,) = desk.messages
    assert said.kind is AlertKind.RAISED and said.number != NUMBER


def test_other_alerts_are_told_as_ever() -> None:
    desk = knowing(Desk().tell(*STORY).messages).tell(report("x", "brorphine"), *STORY)
    (said,) = desk.messages
    assert said.substance.name == "Brorphine" and said.number != NUMBER
