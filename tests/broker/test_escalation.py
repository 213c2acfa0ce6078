"""Escalation on a real database, mail server and webhook endpoint: who is told when nobody answers, and when not."""

import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio

from notifiers.escalation import escalate
from schemas.answers import Way
from schemas.deliveries import Role
from schemas.subscribers import SubscriberEntry
from schemas.vocabularies import AlertKind, Level, Tense
from storage import answers, escalation
from storage.escalation import PolicyStep, Shown
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site
from tests.receivers import Mailbox, hook, mailbox
from tests.telling import alert_event


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box)
    yield found
    found.engine.dispose()


def whole(name: str, *more: str, **changes: object) -> SubscriberEntry:
    """An authority with everybody it can have: contact, second channel, deputy and duty officer."""
    roles = ("contact", "second", "deputy", "duty", *more)
    return authority(name, *(mail_to(f"{name}-{role}", name=role, role=role, **changes) for role in roles))


def desk() -> SubscriberEntry:
    return authority("desk", mail_to("desk", role="desk"))


def due(here: Site, step: int) -> None:
    """The time of this step comes."""
    here.sql(f"UPDATE escalation_steps SET due_at = now() WHERE step = {step} AND state = 'waiting'")


def steps(here: Site, thread: str = "one") -> tuple[Shown, ...]:
    with here.engine.connect() as connection:
        return escalation.shown(connection, alert_event(thread=thread).alert_id)


def states(here: Site) -> list[tuple[str, int, str, str | None]]:
    return [(one.subscriber, one.step, one.state, one.reason) for one in steps(here)]


def delivery(here: Site, reader: str, *, purpose: str = "alert", revision: int = 1) -> str:
    return here.sql_text(
        "SELECT delivery_id FROM deliveries d JOIN destinations t ON t.id = d.destination_id "
        "WHERE t.address = :address AND d.purpose = :purpose AND d.revision = CAST(:revision AS integer)",
        address=mail_to(reader).address,
        purpose=purpose,
        revision=str(revision),
    )


def acknowledge(here: Site, delivery_id: str, by: str = "Duty officer") -> bool:
    with here.engine.begin() as connection:
        return answers.acknowledge(connection, delivery_id, by=by, way=Way.COMMAND)


def names(box: Mailbox) -> list[str]:
    return [address.partition("@")[0] for address in box.recipients]


async def test_an_urgent_alert_goes_up_the_ladder_until_the_central_desk(here: Site, box: Mailbox) -> None:
    here.import_(whole("si"), desk())
    async with here.courier():
        here.told(alert_event(level=Level.L4))
        await comes(lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 1)
        assert names(box) == ["si-contact"]
        for step, heard in enumerate((["si-deputy", "si-second"], ["si-contact", "si-duty"], ["desk"]), start=1):
            before = len(box.received)
            due(here, step)
            await comes(lambda: len(box.received) == before + len(heard))  # noqa: B023
            assert sorted(names(box)[before:]) == heard
        await comes(lambda: not here.open_count())
    assert [(state, step) for _, step, state, _ in states(here)] == [("fired", 1), ("fired", 2), ("fired", 3)]
    assert [one.told for one in steps(here)] == [2, 2, 1]
    assert set(box.message_ids.values()) == {1}
    assert all("Not acknowledged" in str(mail["Subject"]) for mail in box.received[1:])
    last = box.received[-1].get_body(("plain",))
    assert last is not None
    assert "nobody at Example authority si has" in " ".join(last.get_content().split())


async def test_an_alert_of_level_three_is_reminded_of_once_after_a_day(here: Site, box: Mailbox) -> None:
    here.import_(whole("si"), desk())
    async with here.courier():
        here.told(alert_event(level=Level.L3))
        await comes(lambda: len(box.received) == 1 and not here.open_count())
        wait = "SELECT extract(epoch FROM due_at - planned_at)::integer FROM escalation_steps"
        assert here.sql_one(wait) == 24 * 3600
        due(here, 1)
        await comes(lambda: len(box.received) == 2 and not here.open_count())
    assert names(box) == ["si-contact", "si-contact"]
    assert states(here) == [("si", 1, "fired", None)]


async def test_an_answer_of_any_destination_ends_the_escalation_of_its_authority_alone(here: Site) -> None:
    here.import_(whole("si"), whole("hr"))
    here.planned(alert_event(level=Level.L4))
    due(here, 1)
    assert escalate(here.engine).steps == 2
    assert acknowledge(here, delivery(here, "si-deputy", purpose="escalation"), by="Deputy of the desk")
    assert [one for one in states(here) if one[0] == "si"] == [
        ("si", 1, "fired", None),
        ("si", 2, "ended", "acknowledged"),
        ("si", 3, "ended", "acknowledged"),
    ]
    assert {one.by for one in steps(here) if one.state == "ended"} == {"Deputy of the desk"}
    assert [one[2] for one in states(here) if one[0] == "hr"] == ["fired", "waiting", "waiting"]
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE purpose = 'escalation' AND state = 'superseded'") == 1


def test_a_second_acknowledgement_changes_nothing(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L4))
    first = delivery(here, "si-contact")
    assert acknowledge(here, first, by="First") and not acknowledge(here, first, by="Second")
    assert {one.by for one in steps(here)} == {"First"}
    assert not acknowledge(here, "0" * 32)


def test_two_couriers_fire_a_step_once(here: Site) -> None:
    here.import_(*(whole(f"si-{number}") for number in range(5)))
    here.planned(alert_event(level=Level.L4))
    due(here, 1)
    with ThreadPoolExecutor(4) as pool:
        fired = sum(one.steps for one in pool.map(lambda _: escalate(here.engine), range(4)))
    assert fired == 5
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE purpose = 'escalation'") == 10


def test_steps_that_are_overdue_after_downtime_fire_once_and_in_order(here: Site) -> None:
    here.import_(whole("si"), desk())
    here.planned(alert_event(level=Level.L4))
    here.sql("UPDATE escalation_steps SET due_at = due_at - interval '3 hours'")
    assert escalate(here.engine).steps == 3
    assert escalate(here.engine).steps == 0
    order = "SELECT string_agg(step::text, '' ORDER BY ended_at) FROM escalation_steps"
    assert here.sql_text(order) == "123"
    assert [one.told for one in steps(here)] == [2, 2, 1]


@pytest.mark.parametrize("kind", [AlertKind.CANCELLED, AlertKind.EXPIRED, AlertKind.CLOSED])
def test_an_alert_that_is_over_asks_nobody_any_more(here: Site, kind: AlertKind) -> None:
    here.import_(whole("si"), desk())
    here.planned(alert_event(level=Level.L4))
    here.planned(alert_event(revision=2, kind=kind, level=Level.L4))
    here.sql("UPDATE escalation_steps SET due_at = now()")
    assert escalate(here.engine).steps == 0
    assert {one[2:] for one in states(here)} == {("ended", kind.value)}


def test_an_update_keeps_the_times_and_the_reminder_speaks_of_the_newest_revision(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L4))
    before = [one.due_at for one in steps(here)]
    here.planned(alert_event(revision=2, kind=AlertKind.UPDATED, level=Level.L4))
    assert [one.due_at for one in steps(here)] == before
    due(here, 1)
    escalate(here.engine)
    assert delivery(here, "si-deputy", purpose="escalation", revision=2)


def test_a_rise_asks_again_though_the_lower_level_was_acknowledged(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L3))
    acknowledge(here, delivery(here, "si-contact"))
    here.planned(alert_event(revision=2, kind=AlertKind.UPDATED, level=Level.L3))
    assert [one[2] for one in states(here)] == ["ended"]
    here.planned(alert_event(revision=3, kind=AlertKind.ESCALATED, level=Level.L4))
    assert [one.revision for one in steps(here) if one.state == "waiting"] == [3, 3, 3]
    acknowledge(here, delivery(here, "si-contact", purpose="update", revision=2))
    assert len([one for one in steps(here) if one.state == "waiting"]) == 3


def test_a_fall_ends_the_steps_of_the_higher_level(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L4))
    here.planned(alert_event(revision=2, kind=AlertKind.DOWNGRADED, level=Level.L3))
    assert {one.reason for one in steps(here) if one.level == 4} == {"level_changed"}
    assert [one.step for one in steps(here) if one.state == "waiting"] == [1]


def test_the_policy_of_the_time_of_the_alert_stays(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L4))
    with here.engine.begin() as connection:
        old = escalation.policy(connection)
        sooner = PolicyStep(level=Level.L4, step=1, after=old[0].after / 3, roles=(Role.DUTY,))
        escalation.replace_policy(connection, Level.L4, [sooner], by="Example desk", reason="an exercise")
    here.planned(alert_event(thread="two", level=Level.L4))
    assert len(steps(here)) == 3
    (only,) = steps(here, "two")
    assert (only.roles, (only.due_at - steps(here)[0].due_at).total_seconds() < 0) == (("duty",), True)


async def test_an_exercise_goes_up_the_same_ladder_marked_and_only_to_who_takes_part(here: Site, box: Mailbox) -> None:
    here.import_(whole("si", accepts_exercises=True), whole("hr"))
    async with here.courier():
        here.told(alert_event(level=Level.L4, tense=Tense.EXERCISE))
        await comes(lambda: len(box.received) == 1 and not here.open_count())
        due(here, 1)
        await comes(lambda: len(box.received) == 3 and not here.open_count())
    assert {one[0] for one in states(here)} == {"si"}
    assert all(str(mail["Subject"]).startswith("EXERCISE") for mail in box.received)


def test_nobody_is_asked_below_level_three_or_by_choice(here: Site) -> None:
    here.import_(whole("si"))
    here.planned(alert_event(level=Level.L2))
    here.planned(alert_event(thread="test", level=Level.L4, tense=Tense.TEST))
    assert here.sql_one("SELECT count(*) FROM escalation_steps") == 0


def test_a_step_that_finds_nobody_is_told_to_operators(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event(level=Level.L4))
    due(here, 1)
    fired = escalate(here.engine)
    assert [(one.subscriber, one.step) for one in fired.silent] == [("si", 1)]


def test_a_contact_whose_address_is_lost_is_asked_for_through_the_others(here: Site) -> None:
    here.import_(whole("si"))
    here.sql("UPDATE destinations SET suppressed = 'address_refused' WHERE role = 'contact'")
    here.planned(alert_event(level=Level.L4))
    due(here, 1)
    assert escalate(here.engine).to_send == 2


async def test_a_webhook_acknowledges_with_its_answer(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.headers = {"Webhook-Delivery": "Acknowledge"}
        here.import_(authority("si", mail_to("si"), hook_to(endpoint.url)))
        here.told(alert_event(level=Level.L4))
        await comes(lambda: "acknowledged" in [state for _, state, _ in here.states()])
    assert {one[2:] for one in states(here)} == {("ended", "acknowledged")}
    assert here.sql_text("SELECT way FROM acknowledgements") == "webhook"


async def test_an_answer_that_refuses_acknowledges_nothing(here: Site) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.headers, endpoint.answers = {"webhook-delivery": "acknowledge"}, [500]
        here.import_(authority("si", hook_to(endpoint.url)))
        here.told(alert_event(level=Level.L4))
        await comes(lambda: [state for _, state, _ in here.states()] == ["deferred"])
    assert here.sql_one("SELECT count(*) FROM acknowledgements") == 0


@pytest.mark.parametrize("answer", ["250 2.0.0 Ok", "451 4.3.0 later"])
async def test_an_acknowledgement_that_comes_while_sending_stays(here: Site, box: Mailbox, answer: str) -> None:
    box.gate.clear()
    box.answers = [answer]
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event(level=Level.L4))
        await comes(lambda: len(box.received) == 1)
        assert acknowledge(here, here.rows()[0].delivery_id)
        assert [state for _, state, _ in here.states()] == ["sending"]
        box.gate.set()
        await comes(lambda: [state for _, state, _ in here.states()] == ["acknowledged"])
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL") == 0
    assert len(box.received) == 1


async def test_what_was_acknowledged_before_it_was_sent_still_goes_out_once(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event(level=Level.L4))
    acknowledge(here, here.rows()[0].delivery_id)
    async with here.courier():
        await comes(lambda: [state for _, state, _ in here.states()] == ["acknowledged"])
    assert len(box.received) == 1


async def test_an_urgent_webhook_that_fails_twice_goes_by_mail_too(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.answers = [500, 500]
        here.import_(authority("si", hook_to(endpoint.url), mail_to("si", name="other", role="second")))
        here.told(alert_event(level=Level.L4))
        await comes(lambda: len(endpoint.received) == 1 and [row.state for row in here.rows()].count("deferred"))
        assert box.received == []
        here.later()
        await comes(lambda: len(box.received) == 1)
        here.later()
        await comes(lambda: not here.open_count())
        assert len(set(endpoint.ids)) == 1
    assert names(box) == ["si"]
    reasons = here.sql_text("SELECT gates::text FROM deliveries WHERE purpose = 'escalation'")
    assert "second_way" in [note["reason"] for note in json.loads(reasons)]


async def test_an_alert_of_level_three_waits_for_its_webhook(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.answers = [500, 500]
        here.import_(authority("si", hook_to(endpoint.url), mail_to("si", name="other", role="second")))
        here.told(alert_event(level=Level.L3))
        await comes(lambda: len(endpoint.received) == 1 and [row.state for row in here.rows()].count("deferred"))
        here.later()
        await comes(lambda: len(endpoint.received) == 2 and [row.state for row in here.rows()].count("deferred"))
    assert box.received == []
