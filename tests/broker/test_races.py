"""Races, judged by what the receivers wrote down: each (alert, revision, purpose) at most once at each destination,
but for counted unknowns, which bear the same id."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from notifiers.breaker import OPENS_AFTER
from schemas.vocabularies import AlertKind, Level
from storage import leases, ledger
from tests.broker.smtp import scripted
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site, volunteer
from tests.broker.test_courier_process import courier
from tests.receivers import Hook, Mailbox, hook, mailbox
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


@dataclass(frozen=True)
class Log:
    """What arrived, as the ledger names it, in order: alert, destination, revision and purpose, by delivery id."""

    arrived: list[tuple[str, str, int, str]]

    @classmethod
    def of(cls, here: Site, ids: list[str]) -> "Log":
        rows = {row.delivery_id: row for row in here.rows()}
        return cls([(rows[id_].alert_id, rows[id_].destination, rows[id_].revision, rows[id_].purpose) for id_ in ids])

    def twice(self) -> list[tuple[str, str, int, str]]:
        return [what for what, count in Counter(self.arrived).items() if count > 1]


def settled(here: Site) -> bool:
    return not here.unplanned() and not here.open_count()


def mails(box: Mailbox) -> list[str]:
    return [str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in box.received]


async def test_a_cancellation_that_races_with_the_sends_follows_exactly_who_was_told(here: Site, box: Mailbox) -> None:
    """Some mails hang in the relay, the rest was never tried, when all alerts are withdrawn."""
    async with hook() as endpoint:
        here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(8)))
        here.import_(authority("web", hook_to(endpoint.url)))
        box.gate.clear()
        endpoint.gate.clear()
        alerts = [f"case {number}" for number in range(10)]
        async with here.courier("one", hooks=(endpoint,)), here.courier("two", hooks=(endpoint,)):
            here.told(*(alert_event(thread=each) for each in alerts))
            await comes(lambda: len(box.received) >= 4 and len(endpoint.received) > 0)
            here.told(*(alert_event(thread=each, revision=2, kind=AlertKind.CANCELLED) for each in alerts))
            await comes(lambda: not here.unplanned())
            box.gate.set()
            endpoint.gate.set()
            await comes(lambda: settled(here), within=60)
    log = Log.of(here, mails(box) + endpoint.ids)
    assert log.twice() == []
    told = {(alert, to) for alert, to, revision, _ in log.arrived if revision == 1}
    withdrawn = {(alert, to) for alert, to, _, purpose in log.arrived if purpose == "cancel"}
    assert told == withdrawn
    assert 0 < len(told) < 90
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE reason = 'never_sent'") == 90 - len(told)
    for alert, to in told:
        assert [each[2] for each in log.arrived if each[:2] == (alert, to)] == [1, 2]


@pytest.mark.long
@pytest.mark.parametrize("wakes", ["before the resend", "after it"])
async def test_a_courier_that_was_stopped_past_its_lease_repeats_only_what_was_counted(
    here: Site, box: Mailbox, tmp_path: Path, wakes: str
) -> None:
    """SIGSTOP while mails are in flight: the lease runs out, another courier takes over, the stopped one comes back."""
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(6)))
    box.gate.clear()
    here.planned(*(alert_event(thread=f"case {number}") for number in range(6)))
    with courier(here, tmp_path / "stopped.log") as process:
        await comes(lambda: len(box.received) >= 2)
        process.process.send_signal(signal.SIGSTOP)
        in_flight = here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'sending'")
        here.leases_run_out()
        async with here.courier("heir"):
            box.gate.set()
            await comes(
                lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 36 - in_flight
            )
            await comes(lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'unknown'") == in_flight)
            if wakes == "before the resend":
                process.process.send_signal(signal.SIGCONT)
                await comes(lambda: here.sql_one("SELECT count(*) FROM attempts WHERE ended_at IS NULL") == 0)
            here.later()
            await comes(lambda: settled(here))
            process.process.send_signal(signal.SIGCONT)
            here.told(*(alert_event(thread=f"later {number}") for number in range(3)))
            await comes(lambda: len(here.rows()) == 54 and settled(here))
    log = Log.of(here, mails(box))
    assert len(set(log.arrived)) == 54
    assert set(Counter(log.arrived).values()) <= {1, 2}
    counted = here.sql_one("SELECT count(*) FROM deliveries WHERE resent")
    assert len(log.twice()) <= counted == in_flight
    assert "Traceback" not in process.said()


@pytest.mark.long
async def test_told_to_end_with_a_receiver_that_hangs_it_ends_and_what_hung_is_unknown(
    here: Site, box: Mailbox, tmp_path: Path
) -> None:
    """Ten seconds: the relay's own patience is twenty, and the deadline of a send forty-five."""
    box.gate.clear()
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    with courier(here, tmp_path / "courier.log") as process:
        await comes(lambda: len(box.received) == 1)
        process.process.send_signal(signal.SIGTERM)
        await comes(lambda: process.process.poll() is not None, within=18)
        assert process.process.returncode == 0
    assert here.states() == [(1, "unknown", "timed_out")]
    assert here.sql_one("SELECT count(*) FROM destination_leases WHERE owner IS NOT NULL") == 0
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE due_at > now() + interval '4 minutes'") == 1


async def test_a_destination_that_is_switched_off_in_flight_gets_nothing_more(here: Site, box: Mailbox) -> None:
    box.gate.clear()
    box.answers = ["451 4.3.0 later"]
    here.import_(authority("si", mail_to("si")))
    async with here.courier():
        here.told(alert_event())
        await comes(lambda: len(box.received) == 1)
        here.import_(authority("si", mail_to("si", active=False)))
        box.gate.set()
        await comes(lambda: [state for _, state, _ in here.states()] == ["deferred"])
        here.later()
        await comes(lambda: here.states() == [(1, "suppressed", "destination_inactive")])
    assert len(box.received) == 1


async def test_endpoints_that_hang_hold_up_nobody_else(here: Site) -> None:
    """Every slot that a hanging endpoint may take is taken, and the healthy one is served meanwhile."""
    async with hook() as hanging, hook() as healthy:
        hanging.gate.clear()
        here.import_(*(authority(f"bad-{number}", hook_to(f"{hanging.url}?{number}")) for number in range(10)))
        here.import_(authority("good", hook_to(healthy.url)))
        async with here.courier(hooks=(hanging, healthy)):
            here.told(*(alert_event(thread=f"case {number}") for number in range(20)))
            await comes(lambda: len(healthy.received) == 20)
            assert len(hanging.received) <= 4
            hanging.gate.set()


async def test_an_endpoint_that_cannot_be_reached_is_left_alone_but_an_urgent_alert_tries_it_at_once(
    here: Site,
) -> None:
    connections = 0

    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    async with scripted(hangs_up) as port, hook() as healthy:
        dead = Hook(url=f"http://127.0.0.1:{port}/hook")
        here.import_(authority("dead", hook_to(dead.url)), authority("good", hook_to(healthy.url)))
        here.planned(*(alert_event(thread=f"case {number}") for number in range(30)))
        async with here.courier(hooks=(dead, healthy)):
            await comes(lambda: len(healthy.received) == 30 and connections >= OPENS_AFTER)
            untried = "SELECT count(*) FROM deliveries WHERE attempts = 0"
            assert here.sql_one(untried) > 15
            here.told(alert_event(thread="urgent", level=Level.L4))
            tried = "SELECT count(*) FROM deliveries WHERE level = 4 AND attempts > 0"
            await comes(lambda: here.sql_one(tried) == 2)
            assert here.sql_one(untried) > 10


def test_a_flood_of_urgent_alerts_does_not_hide_the_rest_from_a_courier(here: Site) -> None:
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(30)))
    here.import_(volunteer("open", mail_to("open", address="open@rest.example", clearance="AMBER")))
    here.planned(*(alert_event(thread=f"flood {number}", level=Level.L4) for number in range(20)))
    here.planned(alert_event(thread="rest", level=Level.L2))
    with here.engine.begin() as connection:
        leases.acquire(connection, "one", limit=40)
        found = ledger.due(connection, "one", per_destination=64, limit=16)
    assert [each.priority for each in found].count(0) == 16
    assert "rest.example" in [each.lane for each in found if each.priority == 2]


async def test_an_answer_that_comes_while_the_database_is_away_is_recorded_when_it_is_back(
    here: Site, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def noticed() -> bool:
        said.append(capsys.readouterr().out)
        return "".join(said).count("database_away") >= 4

    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(6)))
    box.gate.clear()
    async with here.courier():
        here.told(*(alert_event(thread=f"case {number}") for number in range(2)))
        await comes(lambda: len(box.received) == 4)
        name = here.url.rpartition("/")[2]
        with psycopg.connect(f"{here.url.rpartition('/')[0]}/postgres", autocommit=True) as server:
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            box.gate.set()
            await comes(noticed)
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
        here.engine.dispose()
        await comes(lambda: settled(here))
    assert [state for _, state, _ in here.states()] == ["accepted"] * 12
    assert set(box.message_ids.values()) == {1}
