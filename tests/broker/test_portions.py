"""An event for many is planned in portions: who is told first, and what comes between two of them."""

import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from notifiers.dispatch import Dispatched, Portions, dispatch
from notifiers.planning import Policy
from schemas.alert_events import AlertEvent, View
from schemas.deliveries import HoldReason
from schemas.vocabularies import AlertKind, Handling, Level, Tense
from storage import conservation, threads
from storage.conservation import Imbalance
from storage.engine import looking
from tests.broker.telling import Site, authority, comes, mail_to, site, volunteer
from tests.broker.test_courier_process import courier
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event

FEW = Portions(first=2, further=3)
READERS = 8
GREEN = alert_event(handling=Handling.GREEN)


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(kafka: str, database: str, box: Mailbox) -> Iterator[Site]:
    """Two authorities and six volunteers."""
    found = site(database, box, kafka)
    found.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(2)))
    found.import_(*(volunteer(f"reader-{number}", mail_to(f"reader-{number}")) for number in range(READERS - 2)))
    yield found
    found.engine.dispose()


def portion(here: Site, policy: Policy | None = None) -> Dispatched:
    return dispatch(here.engine, policy=policy or Policy(), portions=FEW)


def rest(here: Site) -> list[int]:
    """Plan to the end; how many each round made due."""
    found = []
    while (done := portion(here)).events:
        found.append(done.to_send)
    return found


def test_authorities_come_first_and_the_event_is_planned_when_all_are_in(here: Site) -> None:
    here.told(GREEN)
    done = portion(here)
    assert (done.begun, done.planned, done.to_send) == (1, 0, 2)
    assert {row.subscriber for row in here.rows()} == {"si-0", "si-1"}
    assert here.unplanned() == 1
    assert rest(here) == [3, 3]
    assert len({row.delivery_id for row in here.rows()}) == READERS
    assert here.unplanned() == here.sql_one("SELECT count(*) FROM event_audiences") == 0


async def test_the_first_are_told_while_the_last_are_not_planned(here: Site, box: Mailbox) -> None:
    """Also who sees a part of the alert: its own event, still unplanned, is no newer revision that hides it."""
    shown = {name: getattr(GREEN, name) for name in View.SHOWN}
    view = View(up_to=Handling.GREEN, conditions=False, rests_on_unseen=False, explanation="", **shown)
    here.told(alert_event(handling=Handling.AMBER).model_copy(update={"views": (view,)}))
    async with here.courier(dispatches=False):
        assert [portion(here).to_send for _ in range(2)] == [2, 3]
        await comes(lambda: here.open_count() == 0)
    assert [state for _, state, _ in here.states()] == ["accepted"] * 5
    assert here.unplanned() == 1


async def test_a_courier_killed_between_portions_leaves_the_rest_to_the_next_and_nobody_is_told_twice(
    here: Site, box: Mailbox, tmp_path: Path
) -> None:
    """The last of the volunteers cannot be planned while somebody changes its row, so the kill hits the second portion
    in the middle of its transaction."""
    here.import_(*(volunteer(f"many-{number}", mail_to(f"many-{number}")) for number in range(30)))
    with courier(here, tmp_path / "first.log") as first, here.engine.connect() as changing:
        changing.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        changing.execute(text(_LAST))
        here.told(GREEN)
        await comes(lambda: box.received and here.sql_one("SELECT count(*) FROM event_audiences") == 1, within=60)
        first.stop(signal.SIGKILL)
    assert 0 < len(here.rows()) < READERS + 30
    assert here.unplanned() == 1
    async with here.courier("heir"):
        here.leases_run_out()
        await comes(lambda: not here.unplanned() and not here.sql_one(_PLANNED))
        here.later()
        await comes(lambda: here.open_count() == 0)
    assert len(here.rows()) == len(box.message_ids) == READERS + 30
    twice = sum(count > 1 for count in box.message_ids.values())
    assert twice <= here.sql_one("SELECT count(*) FROM deliveries WHERE resent")


_LAST = """
    SELECT FROM destinations WHERE subscriber_id LIKE 'many%' ORDER BY id DESC LIMIT 1 FOR UPDATE
"""
_PLANNED = "SELECT count(*) FROM deliveries WHERE state IN ('planned', 'sending')"


async def test_a_cancellation_between_portions_keeps_the_alert_from_all_who_were_not_told(
    here: Site, box: Mailbox
) -> None:
    here.told(GREEN)
    async with here.courier(dispatches=False):
        portion(here)
        await comes(lambda: here.states() == [(1, "accepted", "accepted")] * 2)
        here.told(alert_event(revision=2, kind=AlertKind.CANCELLED, handling=Handling.GREEN))
        while portion(here).events:
            await comes(lambda: here.open_count() == 0)
    assert Counter(box.recipients) == {"si-0@example.org": 2, "si-1@example.org": 2}
    assert here.states().count((1, "superseded", "never_sent")) == READERS - 2


async def test_a_newer_revision_between_portions_replaces_the_older_for_all_who_were_not_told(
    here: Site, box: Mailbox
) -> None:
    """They still belong to the thread: the newer one is below what they asked for."""
    here.told(GREEN)
    async with here.courier(dispatches=False):
        portion(here)
        await comes(lambda: here.states() == [(1, "accepted", "accepted")] * 2)
        here.told(alert_event(revision=2, kind=AlertKind.DOWNGRADED, level=Level.L1, handling=Handling.GREEN))
        while portion(here).events:
            await comes(lambda: here.open_count() == 0)
    assert Counter(Counter(box.recipients).values()) == {2: 2, 1: READERS - 2}
    assert here.states().count((2, "accepted", "accepted")) == READERS


@pytest.mark.parametrize("limit", [1, READERS - 1])
def test_the_blast_limit_counts_all_portions_before_the_first(here: Site, limit: int) -> None:
    here.told(GREEN)
    (hold,) = portion(here, Policy(blast_limit=limit)).held
    assert (hold.reason, hold.planned) == (HoldReason.BLAST_LIMIT, READERS)
    assert here.rows() == []
    assert here.unplanned() == 0


def test_who_is_told_is_decided_before_the_first_portion(here: Site) -> None:
    """Whoever subscribes between two portions is not told, and nobody has to agree in the middle."""
    exactly = Policy(blast_limit=READERS)
    here.told(GREEN)
    assert portion(here, exactly).begun == 1
    here.import_(*(volunteer(f"late-{number}", mail_to(f"late-{number}")) for number in range(8)))
    while (done := portion(here, exactly)).events:
        assert done.held == ()
    assert len(here.rows()) == READERS
    assert not any(row.subscriber.startswith("late") for row in here.rows())


def test_whose_subscription_ends_between_portions_is_not_told(here: Site) -> None:
    here.told(GREEN)
    portion(here)
    here.import_(*(volunteer(f"reader-{n}", mail_to(f"reader-{n}"), subscribed=False) for n in range(READERS - 2)))
    rest(here)
    assert len(here.rows()) == 2


def test_every_authority_of_every_portion_must_answer(here: Site) -> None:
    here.import_(*(authority(f"fi-{number}", mail_to(f"fi-{number}")) for number in range(3)))
    here.told(alert_event(level=Level.L4))
    portion(here)
    rest(here)
    awaited = "SELECT count(DISTINCT subscriber_id) FROM escalation_steps WHERE state = 'waiting'"
    assert here.sql_one(awaited) == 5


def test_what_tells_nobody_begins_no_portion(here: Site) -> None:
    here.told(GREEN)
    rest(here)
    here.told(alert_event(revision=2, tense=Tense.EXERCISE, handling=Handling.GREEN))
    done = portion(here)
    assert (done.begun, [each.reason for each in done.held]) == (0, [HoldReason.TENSE_CROSSED])
    here.sql("UPDATE alert_threads SET planned_revision = 3")
    here.told(alert_event(revision=3, kind=AlertKind.UPDATED, handling=Handling.GREEN))
    assert (portion(here).outdated, len(here.rows())) == (1, READERS)


@pytest.mark.parametrize(
    "whole",
    [
        alert_event(revision=2, kind=AlertKind.CANCELLED, handling=Handling.GREEN),
        alert_event(revision=2, kind=AlertKind.UPDATED).model_copy(update={"more_restricted": True}),
    ],
)
async def test_what_is_withdrawn_or_hidden_is_decided_for_all_at_one_moment(here: Site, whole: AlertEvent) -> None:
    here.told(GREEN)
    rest(here)
    here.told(whole)
    done = portion(here)
    assert (done.begun, done.planned) == (0, 1)
    assert sum(done.rows.values()) >= READERS


def test_a_revision_counts_as_planned_when_its_last_portion_is(here: Site) -> None:
    """Recovery plans what was not planned to its end, and the audit finds nothing wrong in the middle."""
    here.told(GREEN)
    portion(here)
    assert _planned_revision(here) == 0
    with looking(here.engine) as connection:
        assert conservation.imbalances(connection, [Imbalance.DELIVERY_WITHOUT_EVENT]) == ()
    rest(here)
    assert _planned_revision(here) == 1


def _planned_revision(here: Site) -> int:
    with here.engine.begin() as connection:
        return threads.load(connection, GREEN.alert_id, ()).planned_revision
