"""Couriers when everything is due at once, and when PostgreSQL dies and stays away for a minute. The receivers' own
logs say what came, and how often."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest

from notifiers.dispatch import dispatch
from notifiers.planning import Policy
from schemas.topics import SHARED_TOPICS
from streams.config import Kafka
from streams.topics import apply
from tests.broker.telling import Site, authority, comes, mail_to, site
from tests.broker.test_courier_process import courier
from tests.kill.engines import Engines, own_engines
from tests.programs import Program
from tests.receivers import Mailbox
from tests.telling import alert_event

pytestmark = pytest.mark.long

AWAY_SECONDS: Final = 60.0
DUE: Final = 100_000
ALERTS: Final = 100
SENT: Final = 10_000
MOST_BYTES: Final = 400_000_000
"""Of one courier, with everything due: it holds what it sends next, not what waits."""

_MESSAGE_ID: Final = re.compile(rb"^Message-ID: *\r?\n? *<([^@>]+)@", re.MULTILINE | re.IGNORECASE)


@dataclass
class Sink:
    """A mail server that takes everything at once and keeps only how often each Message-ID came."""

    port: int = 0
    came: Counter[str] = field(default_factory=Counter)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                found = _MESSAGE_ID.search(await reader.readuntil(b"\r\n.\r\n"))
                assert found is not None
                self.came[found[1].decode()] += 1
            writer.write(b"250-sink\r\n250 8BITMIME\r\n" if word == b"EHLO" else b"250 2.0.0 ok\r\n")
        writer.close()


@asynccontextmanager
async def sinking() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.take, "127.0.0.1", 0, limit=1 << 20)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


def at(url: str, kafka: str, sink: Sink) -> Site:
    return site(url, Mailbox(port=sink.port), kafka)


async def test_a_hundred_thousand_due_at_once_go_out_once_and_fill_no_courier(
    kafka: str, database: str, tmp_path: Path
) -> None:
    """Two couriers; after some ten thousand mails they are told to end, and nothing is left in the air."""
    async with sinking() as sink:
        here = at(database, kafka, sink)
        here.import_(
            *(authority(f"si-{n}", mail_to(f"si-{n}", address=f"a{n}@d{n}.example")) for n in range(DUE // ALERTS))
        )
        here.told(*(alert_event(thread=f"case {number}") for number in range(ALERTS)))
        await asyncio.to_thread(_planned, here)
        due = "SELECT count(*) FROM deliveries WHERE state = 'planned' AND due_at <= now()"
        assert here.sql_one(due) == DUE
        with courier(here, tmp_path / "one.log") as one, courier(here, tmp_path / "two.log") as two:
            most = 0
            while sink.came.total() < SENT:
                most = max(most, _bytes(one), _bytes(two))
                await _more(sink, than=sink.came.total())
            codes = await asyncio.gather(*(asyncio.to_thread(each.stop, signal.SIGTERM) for each in (one, two)))
        assert codes == [0, 0]
        assert most < MOST_BYTES
        assert set(sink.came.values()) == {1}
        assert here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == len(sink.came)
        assert here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'planned'") == DUE - len(sink.came)
        assert here.sql_one("SELECT count(DISTINCT courier) FROM attempts") == 2
        here.engine.dispose()


def _planned(here: Site) -> None:
    while dispatch(here.engine, policy=Policy()).events:
        pass


def _bytes(program: Program) -> int:
    return int(psutil.Process(program.process.pid).memory_info().rss)


async def _more(sink: Sink, *, than: int) -> None:
    await comes(lambda: sink.came.total() > than, within=60)


async def test_postgresql_away_for_a_minute_and_restarted_costs_no_mail_and_no_mail_twice_but_counted(
    tmp_path: Path,
) -> None:
    """It is killed while mails go out. A mail whose answer could not be recorded is an unknown, and the ledger counts
    its one resend under the same Message-ID."""
    async with own_engines() as engines, sinking() as sink:
        await apply(Kafka(bootstrap=engines.kafka.bootstrap), SHARED_TOPICS)
        here = at(engines.postgres.url(), engines.kafka.bootstrap, sink)
        here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(50)))
        here.planned(*(alert_event(thread=f"case {number}") for number in range(40)))
        with courier(here, tmp_path / "one.log") as one, courier(here, tmp_path / "two.log") as two:
            await comes(lambda: sink.came.total() >= 300, within=120)
            await _away(engines, here, sink)
            await comes(lambda: _settled(here), within=240)
            for process in (one, two):
                assert process.process.poll() is None, "a courier ended because the database was away"
                assert "Traceback" not in process.said()
        resent = here.sql_one("SELECT count(*) FROM deliveries WHERE resent")
        twice = [times for times in sink.came.values() if times > 1]
        assert len(sink.came) == 2_000
        assert set(twice) <= {2} and len(twice) <= resent
        assert here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 2_000
        here.engine.dispose()


async def _away(engines: Engines, here: Site, sink: Sink) -> None:
    """Down for a minute, in which what was in flight may arrive and nothing else; then it starts where it was."""
    await engines.kill(engines.postgres)
    sent = sink.came.total()
    await asyncio.sleep(AWAY_SECONDS)
    assert sink.came.total() <= sent + 128, "mails were sent without a committed claim"
    here.engine.dispose()
    await engines.start(engines.postgres)


def _settled(here: Site) -> bool:
    """What would be tried again in minutes is tried now; nothing that a living courier has in flight is touched."""
    here.sql("UPDATE deliveries SET due_at = now() WHERE due_at > now() AND state IN ('deferred', 'unknown')")
    return here.open_count() == 0
