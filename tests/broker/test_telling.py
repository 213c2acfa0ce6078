"""Telling on a real database, mail server and webhook endpoint: what leaves, what does not, and how often."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from notifiers.planning import Policy
from schemas.vocabularies import AlertKind, Handling, Level, Tense
from storage import threads
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site, volunteer
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


def accepted(here: Site, number: int) -> bool:
    return [row.state for row in here.rows()].count("accepted") == number


async def test_an_alert_reaches_the_mailbox_and_the_webhook_once(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        here.import_(authority("si", mail_to("si"), hook_to(endpoint.url)))
        here.told(alert_event())
        await comes(lambda: accepted(here, 2))
    mail, web = here.rows()
    assert box.message_ids == {f"<{mail.delivery_id}@{here.name}>": 1}
    assert str(box.received[0]["References"]) == f"<{mail.alert_id}@{here.name}>"
    assert box.recipients == ["si@example.org"]
    assert endpoint.ids == [web.delivery_id]
    assert (mail.attempts, web.attempts) == (1, 1)


@pytest.mark.parametrize(
    "forgotten", ["UPDATE outbox SET planned_at = NULL", "UPDATE alert_threads SET planned_revision = 0"]
)
async def test_the_same_event_planned_again_sends_nothing(here: Site, box: Mailbox, forgotten: str) -> None:
    """Two safeguards: the thread knows its revision, and the row has its id from what it is about."""
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event())
        await comes(lambda: accepted(here, 1))
        here.sql(forgotten)
        here.sql("UPDATE outbox SET planned_at = NULL")
        here.told(alert_event(thread="two"))
        await comes(lambda: not here.unplanned() and here.rows() and not here.open_count())
    assert sorted(Counter(str(mail["References"]) for mail in box.received).values()) == [1, 1]


async def test_two_couriers_send_each_delivery_once(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint:
        here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(8)))
        here.import_(authority("web", hook_to(endpoint.url)))
        async with here.courier("one", hooks=(endpoint,)), here.courier("two", hooks=(endpoint,)):
            here.told(*(alert_event(thread=f"case {number}") for number in range(12)))
            await comes(lambda: accepted(here, 12 * 9))
    assert len(box.received) == 12 * 8
    assert set(box.message_ids.values()) == {1}
    assert len(endpoint.ids) == len(set(endpoint.ids)) == 12


async def test_what_was_planned_before_a_restart_is_sent_after_it(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    async with here.courier("after"):
        await comes(lambda: accepted(here, 1))
    assert len(box.received) == 1


async def test_a_webhook_that_fails_is_tried_again_under_the_same_id(here: Site) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.answers = [500, 503]
        here.import_(authority("si", hook_to(endpoint.url)))
        here.told(alert_event())
        for tries in (1, 2):
            await comes(lambda tries=tries: here.states() and here.rows()[0].attempts == tries)  # type: ignore[misc]
            await comes(lambda: here.rows()[0].state == "deferred")
            here.later()
        await comes(lambda: accepted(here, 1))
        assert endpoint.ids == [here.rows()[0].delivery_id] * 3


async def test_a_relay_that_is_busy_gets_the_mail_later(here: Site, box: Mailbox) -> None:
    box.answers = ["451 4.3.0 try later"]
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event())
        await comes(lambda: here.states() == [(1, "deferred", "try_later")])
        here.later()
        await comes(lambda: accepted(here, 1))
    assert len(box.received) == 2
    assert len(box.message_ids) == 1


async def test_a_gone_endpoint_is_switched_off_unless_it_is_statutory(here: Site) -> None:
    async with hook() as statutory, hook() as voluntary, here.courier(hooks=(statutory, voluntary)):
        statutory.answers, voluntary.answers = [410], [410]
        here.import_(authority("si", hook_to(statutory.url)), volunteer("open", hook_to(voluntary.url)))
        here.told(alert_event(handling=Handling.CLEAR))
        await comes(lambda: [state for _, state, _ in here.states()] == ["failed", "failed"])
        await comes(lambda: here.sql_one("SELECT count(*) FROM destinations WHERE suppressed = 'gone'") == 1)
        here.told(alert_event(thread="two", handling=Handling.CLEAR))
        await comes(lambda: len(here.rows()) == 4 and accepted(here, 1))
        assert (len(statutory.received), len(voluntary.received)) == (2, 1)


async def test_a_courier_outlives_the_loss_of_all_its_connections(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event())
        await comes(lambda: accepted(here, 1))
        here.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        here.told(alert_event(thread="two"))
        await comes(lambda: accepted(here, 2))
    assert set(box.message_ids.values()) == {1}


# P5: what may not be shared is not sent


async def test_nothing_above_the_clearance_leaves(here: Site, box: Mailbox) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        here.import_(volunteer("open", mail_to("open"), hook_to(endpoint.url)), authority("si", mail_to("si")))
        here.told(alert_event(handling=Handling.AMBER))
        await comes(lambda: accepted(here, 1))
        await comes(lambda: here.open_count() == 0)
    assert box.recipients == ["si@example.org"]
    assert endpoint.received == []
    assert [row.reason for row in here.rows() if row.state == "suppressed"] == ["handling", "handling"]


@pytest.mark.parametrize("planned", [True, False])
async def test_handling_that_tightens_between_plan_and_claim_stops_the_send(
    here: Site, box: Mailbox, planned: bool
) -> None:
    """`planned` False: the stricter revision waits in the outbox; True: it was planned, or held, already."""
    async with hook() as endpoint:
        here.import_(volunteer("open", mail_to("open"), hook_to(endpoint.url)))
        here.planned(alert_event(handling=Handling.GREEN))
        stricter = alert_event(revision=2, kind=AlertKind.UPDATED, handling=Handling.AMBER)
        if planned:
            here.planned(stricter, policy=Policy(blast_limit=0))
        else:
            here.told(stricter)
        async with here.courier(dispatches=False, hooks=(endpoint,)):
            await comes(lambda: here.open_count() == 0)
        assert endpoint.received == []
    assert box.received == []
    assert here.states() == [(1, "suppressed", "handling")] * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE destinations SET clearance = 'CLEAR'", "handling"),
        ("UPDATE destinations SET clearance = NULL", "audience_broken"),
        ("UPDATE destinations SET clearance = 'PURPLE'", "audience_broken"),
        ("UPDATE destinations SET active = false", "destination_inactive"),
        ("UPDATE subscribers SET active = false", "destination_inactive"),
        ("UPDATE destinations SET suppressed = 'gone'", "address_suppressed"),
        ("UPDATE alert_threads SET conditions = true", "use_conditions"),
        ("UPDATE alert_threads SET audience = 'precursor'", "not_precursor_audience"),
        ("UPDATE alert_threads SET tense = 'exercise'", "tense_crossed"),
        ("UPDATE destinations SET recording = true", "recording_only"),
    ],
)
async def test_the_claim_asks_again_what_the_plan_had_asked(here: Site, box: Mailbox, change: str, reason: str) -> None:
    here.import_(volunteer("open", mail_to("open")))
    here.planned(alert_event(handling=Handling.GREEN))
    here.sql(change)
    async with here.courier(dispatches=False):
        await comes(lambda: here.open_count() == 0)
    assert here.states() == [(1, "suppressed", reason)]
    assert box.received == []


async def test_an_event_that_cannot_be_read_tells_nobody_and_is_held(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    here.told(alert_event())
    here.sql("UPDATE outbox SET body = jsonb_set(body, '{audience}', '\"everybody\"')")
    async with here.courier():
        await comes(lambda: not here.unplanned())
    assert here.rows() == []
    assert box.received == []
    with here.engine.connect() as connection:
        (held,) = threads.held(connection)
    assert held.reason == "unreadable"
    assert "/audience" in held.sentence


async def test_red_leaves_as_a_bare_notice_without_the_substance(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event(handling=Handling.RED))
        await comes(lambda: accepted(here, 1))
    (mail,) = box.received
    text = mail.get_body(("plain",))
    assert text is not None
    assert "protonitazene" not in (str(mail["Subject"]) + text.get_content()).lower()


async def test_bytes_that_say_more_than_their_reader_may_know_are_not_sent(here: Site, box: Mailbox) -> None:
    """Planted: a substance whose name stands in the words of the bare notice itself."""
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        here.import_(authority("si", mail_to("si"), hook_to(endpoint.url)))
        here.told(alert_event(handling=Handling.RED, name="Waiting"))
        await comes(lambda: here.states() == [(1, "failed", "above_handling")] * 2)
        assert endpoint.received == []
    assert box.received == []


# P6: exercises stay exercises


async def test_exercises_and_tests_reach_only_who_is_meant(here: Site, box: Mailbox) -> None:
    here.import_(
        authority("real", mail_to("real")),
        authority("trains", mail_to("trains", accepts_exercises=True)),
        authority("records", mail_to("records", recording=True)),
    )
    async with here.courier():
        here.told(alert_event(thread="e", tense=Tense.EXERCISE), alert_event(thread="t", tense=Tense.TEST))
        await comes(lambda: accepted(here, 2))
        assert sorted(box.recipients) == ["records@example.org", "trains@example.org"]
        (exercise,) = [each for each in box.received if "trains" in str(each["To"])]
        assert "EXERCISE" in str(exercise["Subject"])
        here.told(alert_event(thread="real"))
        await comes(lambda: accepted(here, 4))
    assert sorted(box.recipients[2:]) == ["real@example.org", "trains@example.org"]


# P9: a retraction reaches all


async def test_a_cancellation_follows_on_every_channel_that_got_the_alert_after_unsubscribing(
    here: Site, box: Mailbox
) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        here.import_(authority("si", mail_to("si"), hook_to(endpoint.url)), volunteer("open", mail_to("open")))
        here.told(alert_event(handling=Handling.GREEN))
        await comes(lambda: accepted(here, 3))
        gone = mail_to("si", active=False), hook_to(endpoint.url, active=False)
        here.import_(authority("si", *gone, subscribed=False), volunteer("open", mail_to("open"), subscribed=False))
        here.told(alert_event(revision=2, kind=AlertKind.CANCELLED, level=Level.L0, handling=Handling.GREEN))
        await comes(lambda: accepted(here, 6))
        assert len(endpoint.ids) == 2
    assert sorted(box.recipients) == ["open@example.org"] * 2 + ["si@example.org"] * 2
    assert len({str(mail["References"]) for mail in box.received}) == 1
    assert {row.purpose for row in here.rows() if row.revision == 2} == {"cancel"}


async def test_a_cancellation_of_what_never_left_sends_nothing(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    here.planned(alert_event(revision=2, kind=AlertKind.CANCELLED))
    async with here.courier():
        here.told(alert_event(thread="two"))
        await comes(lambda: accepted(here, 1))
    assert (1, "superseded", "never_sent") in here.states()
    assert len(box.received) == 1


async def test_a_cancellation_waits_for_the_answer_in_flight_and_ends_its_retries(here: Site) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.gate.clear()
        endpoint.answers = [500]
        here.import_(authority("si", hook_to(endpoint.url)))
        here.told(alert_event())
        await comes(lambda: len(endpoint.received) == 1)
        here.told(alert_event(revision=2, kind=AlertKind.CANCELLED))
        await comes(lambda: len(here.rows()) == 2)
        assert [row.state for row in here.rows()] == ["sending", "planned"]
        endpoint.gate.set()
        await comes(lambda: accepted(here, 1))
        assert here.states() == [(1, "superseded", "retraction"), (2, "accepted", "accepted")]
        assert len(endpoint.received) == 2


# Order, limits, leases


async def test_a_newer_revision_does_not_overtake_one_about_to_be_tried_again(here: Site) -> None:
    """The newer one hurries the earlier one; that fails again and has thirty seconds to wait: both wait."""
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.answers = [500, 500]
        here.import_(authority("si", hook_to(endpoint.url)))
        here.told(alert_event())
        await comes(lambda: here.states() == [(1, "deferred", "server_error")])
        here.told(alert_event(revision=2, kind=AlertKind.UPDATED))
        await comes(lambda: len(here.rows()) == 2 and here.rows()[0].attempts == 2)
        await comes(lambda: here.rows()[0].state == "deferred")
        here.later()
        await comes(lambda: accepted(here, 2))
        first, second = here.rows()
        assert endpoint.ids == [first.delivery_id] * 3 + [second.delivery_id]


async def test_after_a_long_outage_the_newest_revision_goes_first_and_older_ones_expire(here: Site) -> None:
    async with hook() as endpoint, here.courier(hooks=(endpoint,)):
        endpoint.answers = [500] * 5
        here.import_(authority("si", hook_to(endpoint.url)))
        here.told(alert_event())
        for tries in range(1, 5):
            await comes(lambda tries=tries: here.rows() and here.rows()[0].attempts == tries)  # type: ignore[misc]
            await comes(lambda: here.rows()[0].state == "deferred")
            if tries < 4:
                here.later()
        here.told(alert_event(revision=2, kind=AlertKind.ESCALATED, level=Level.L4))
        await comes(lambda: accepted(here, 1))
        here.later()
        await comes(lambda: here.states()[0][1:] == ("expired", "newer_revision"))


def test_too_many_recipients_hold_the_event_until_a_person_has_looked(here: Site) -> None:
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(3)))
    done = here.planned(alert_event(), policy=Policy(blast_limit=2))
    assert (done.planned, len(done.held)) == (0, 1)
    assert here.rows() == []
    with here.engine.connect() as connection:
        assert [each.planned for each in threads.held(connection)] == [3]


def test_an_import_changes_nothing_the_second_time_and_ends_what_is_left_out(here: Site) -> None:
    whole = authority("si", mail_to("si"), mail_to("si-two", name="second"))
    assert here.import_(whole).changed
    assert not here.import_(whole).changed
    assert here.import_(authority("si", mail_to("si"))).ended == 2
    assert here.sql_one("SELECT count(*) FROM destinations WHERE active") == 1
