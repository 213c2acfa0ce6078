"""The courier as a process of its own: killed between claim and answer, told to end, started twice."""

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.broker.telling import Site, authority, comes, mail_to, site
from tests.programs import Program, tocsin
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(kafka: str, database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box, kafka)
    yield found
    found.engine.dispose()


def courier(here: Site, log: Path, *, more: Mapping[str, str] | None = None) -> Program:
    """A courier as a process of its own; `more` is in its environment too."""
    environment = {
        "TOCSIN_DATABASE__URL": here.url,
        "TOCSIN_KAFKA__BOOTSTRAP": here.kafka,
        "TOCSIN_SITE": here.name,
        "TOCSIN_SMTP__HOST": "127.0.0.1",
        "TOCSIN_SMTP__PORT": str(here.mailbox.port),
        "TOCSIN_SMTP__TLS": "none",
        "TOCSIN_DATA_DIR": str(log.parent / "var"),
        **(more or {}),
    }
    return Program(tocsin("courier"), log=log, environment=environment)


async def test_after_kill_9_between_claim_and_answer_the_mail_is_resent_once_under_the_same_id(
    here: Site, box: Mailbox, tmp_path: Path
) -> None:
    """The receiver has the first mail, and its answer never comes: nobody can know, so it is resent once, and only
    after five minutes (P2)."""
    box.answers = [None]
    here.import_(authority("si", mail_to("si")))
    here.told(alert_event())
    with courier(here, tmp_path / "first.log") as first:
        await comes(lambda: len(box.received) == 1)
        first.stop(signal.SIGKILL)
    assert [state for _, state, _ in here.states()] == ["sending"]
    async with here.courier("heir"):
        here.told(alert_event(thread="two"))
        here.leases_run_out()
        await comes(lambda: sorted(state for _, state, _ in here.states()) == ["accepted", "unknown"])
        assert box.message_ids.total() == 2
        here.later()
        await comes(lambda: [state for _, state, _ in here.states()] == ["accepted", "accepted"])
    assert sorted(box.message_ids.values()) == [1, 2]


async def test_two_processes_and_a_kill_send_everything_and_nothing_twice_but_counted_unknowns(
    here: Site, box: Mailbox, tmp_path: Path
) -> None:
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(10)))
    here.planned(*(alert_event(thread=f"case {number}") for number in range(20)))
    with courier(here, tmp_path / "one.log") as one, courier(here, tmp_path / "two.log"):
        await comes(lambda: len(box.received) >= 40)
        one.stop(signal.SIGKILL)
        killed = f"%:{one.process.pid}:%"
        in_flight = here.sql_one(
            "SELECT count(*) FROM deliveries d JOIN attempts a USING (delivery_id) "
            f"WHERE a.number = d.attempts AND d.state = 'sending' AND a.courier LIKE '{killed}'"
        )
        here.leases_run_out(of=killed)
        await comes(lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state IN ('planned', 'sending')") == 0)
        here.later()
        await comes(lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 200)
    twice = [count for count in box.message_ids.values() if count > 1]
    assert len(box.message_ids) == 200
    assert set(twice) <= {2}
    resent = here.sql_one("SELECT count(*) FROM deliveries WHERE resent")
    assert len(twice) <= resent == in_flight


async def test_a_courier_that_is_told_to_end_finishes_what_is_in_flight(
    here: Site, box: Mailbox, tmp_path: Path
) -> None:
    box.gate.clear()
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    with courier(here, tmp_path / "courier.log") as process:
        await comes(lambda: len(box.received) == 1)
        process.process.send_signal(signal.SIGTERM)
        here.told(alert_event(thread="two"))
        box.gate.set()
        await comes(lambda: process.process.poll() is not None)
        assert process.process.returncode == 0
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 1
    assert here.sql_one("SELECT count(*) FROM destination_leases WHERE owner IS NOT NULL") == 0
    assert "Traceback" not in process.said()
