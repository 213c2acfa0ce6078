"""A courier whose machine tells another time: the database's clock alone says what is due and who may send it."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from schemas.digests import DigestWish, Every
from schemas.vocabularies import Level
from tests.broker.telling import Site, authority, comes, mail_to, site, volunteer
from tests.broker.test_courier_process import courier
from tests.kill.clock import Clock, NoClock, machine_clock
from tests.programs import Program
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event

AUTHORITIES: Final = 6


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(kafka: str, database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box, kafka)
    yield found
    found.engine.dispose()


@pytest.mark.parametrize("hours", [1.0, -1.0])
async def test_a_courier_whose_clock_is_an_hour_off_sends_nothing_twice_early_or_late(
    here: Site, box: Mailbox, tmp_path: Path, hours: float
) -> None:
    """It sends alone what is due, then beside one whose clock is right, which takes nothing from it too soon."""
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(AUTHORITIES)))
    here.planned(*(alert_event(thread=f"case {number}", level=Level.L4) for number in range(4)))
    _put_off(here, thread="case 0", minutes=30)
    _put_off(here, thread="case 1", minutes=-1)
    due = 3 * AUTHORITIES
    with _clock() as clock:
        clock.move(hours, "off")
        with courier(here, tmp_path / "off.log", more=clock.environment("off")) as off:
            await comes(lambda: _accepted(here) == due, within=60)
            assert round(_ahead(off) / 3600) == hours, "the courier did not live by the other clock"
            async with here.courier("right"):
                box.answers = ["451 4.3.0 later"]
                here.told(*(alert_event(thread=f"later {number}", level=Level.L4) for number in range(4)))
                await comes(lambda: _accepted(here) == due + 4 * AUTHORITIES, within=60)
            _nothing_moved_by_its_clock(here)
            assert len(box.message_ids) == due + 4 * AUTHORITIES
            here.later()
            await comes(lambda: _accepted(here) == 8 * AUTHORITIES, within=60)
    assert len(box.message_ids) == 8 * AUTHORITIES
    assert box.message_ids.total() == 8 * AUTHORITIES + 1, "the one that was asked to come later came again"
    assert here.sql_one("SELECT count(*) FROM attempts WHERE abs(extract(epoch FROM now() - started_at)) > 600") == 0


async def test_a_courier_whose_clock_is_an_hour_early_does_not_close_the_window_of_a_digest(
    here: Site, tmp_path: Path
) -> None:
    """One window ends within the hour, the one before it is over."""
    reader = volunteer("reader", mail_to("reader"))
    wish = reader.subscriptions[0].model_copy(update={"digest": _within_the_hour()})
    here.import_(reader.model_copy(update={"subscriptions": (wish,)}))
    with _clock() as clock:
        clock.move(1.0, "off")
        with courier(here, tmp_path / "off.log", more=clock.environment("off")):
            await comes(lambda: here.sql_one("SELECT count(*) FROM digests") > 0, within=60)
    assert here.sql_one("SELECT count(*) FROM digests WHERE window_end > now()") == 0


def _within_the_hour() -> DigestWish:
    """Each day at a full hour that is half an hour away or more, in a zone of full hours or one of half hours."""
    now = datetime.now(UTC)
    zone = "UTC" if now.minute < 30 else "Asia/Kolkata"
    return DigestWish(every=Every.DAY, hour=(now.astimezone(ZoneInfo(zone)) + timedelta(hours=1)).hour, zone=zone)


def _ahead(courier: Program) -> float:
    """Seconds between a courier's clock, as its log tells it, and ours."""
    (*_, told) = re.findall(r"^(\S+Z) \[", courier.said(), re.MULTILINE)
    return (datetime.fromisoformat(told) - datetime.now(UTC)).total_seconds()


def _put_off(here: Site, *, thread: str, minutes: int) -> None:
    """To a time of the database's clock."""
    named = alert_event(thread=thread).alert_id
    here.sql(
        f"UPDATE deliveries SET state = 'deferred', due_at = now() + interval '{minutes} minutes' "
        f"WHERE alert_id = '{named}'"
    )


def _nothing_moved_by_its_clock(here: Site) -> None:
    """What waits still waits until then, no step of escalation fired, no lease is longer than it may be."""
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE due_at > now() + interval '25 minutes'") == AUTHORITIES
    assert here.sql_one("SELECT count(*) FROM escalation_steps WHERE state <> 'waiting'") == 0
    assert here.sql_one("SELECT count(*) FROM destination_leases WHERE until > now() + interval '91 seconds'") == 0


def _accepted(here: Site) -> int:
    return here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'")


@contextmanager
def _clock() -> Iterator[Clock]:
    try:
        with machine_clock() as clock:
            yield clock
    except NoClock as reason:
        pytest.skip(str(reason))
