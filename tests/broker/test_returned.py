"""Mails that come back, into a real ledger: by Maildir and by LMTP, once each, and only with our code."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiosmtplib
import pytest
import pytest_asyncio

from notifiers.email.verp import Verp
from notifiers.metrics import Returned
from schemas.deliveries import DeliveryState
from schemas.vocabularies import Handling
from storage.site_keys import site_key
from tests.broker.telling import Site, authority, comes, mail_to, site, volunteer
from tests.programs import run
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event
from tests.unit.test_bounces import report
from tocsin.embedded.lmtp import serving
from tocsin.returned import Maildir, Returns

BOUNCES = "bounces@tocsin.example"


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box)
    yield found
    found.engine.dispose()


@pytest.fixture
def verp(here: Site) -> Verp:
    with here.engine.begin() as connection:
        return Verp(BOUNCES, site_key(connection, "verp"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


async def told(here: Site, verp: Verp) -> str:
    """One mail, accepted by the relay under its own envelope sender; gives the delivery."""
    here.told(alert_event(handling=Handling.GREEN))
    async with here.courier(verp=verp):
        await comes(lambda: [row.state for row in here.rows()].count("accepted") == len(here.rows()) > 0)
    return here.rows()[0].delivery_id


def to(verp: Verp, delivery: str, mail: bytes) -> bytes:
    return b"Delivered-To: " + verp.sender(delivery).encode() + b"\r\n" + mail


def suppressed(here: Site) -> int:
    return here.sql_one("SELECT count(*) FROM destinations WHERE suppressed = 'address_refused'")


async def test_a_bounce_to_the_envelope_sender_ends_the_delivery_and_the_address(
    here: Site, box: Mailbox, verp: Verp, folder: Path
) -> None:
    here.import_(volunteer("vo", mail_to("vo")))
    delivery = await told(here, verp)
    assert box.senders == [verp.sender(delivery)]
    (folder / "new" / "1").write_bytes(to(verp, delivery, report()))
    assert Maildir(folder).taken(Returns(here.engine, verp)) == {"failed": 1}
    (row,) = here.rows()
    assert (row.state, row.reason) == (DeliveryState.FAILED, "bounced")
    assert suppressed(here) == 1
    assert [each.name for each in (folder / "cur").iterdir()] == ["1:2,S"]
    assert not list((folder / "new").iterdir())
    assert here.sql_one("SELECT count(*) FROM outbox WHERE body ->> 'reason' = 'bounced'") == 1


async def test_the_next_alert_is_not_sent_to_a_lost_address(here: Site, box: Mailbox, verp: Verp) -> None:
    here.import_(volunteer("vo", mail_to("vo")))
    delivery = await told(here, verp)
    Returns(here.engine, verp).take(to(verp, delivery, report()))
    here.told(alert_event(thread="two", handling=Handling.GREEN))
    async with here.courier(verp=verp):
        await comes(lambda: here.unplanned() == 0 and here.open_count() == 0)
    assert len(box.received) == 1


@pytest.mark.parametrize(
    ("action", "status", "state", "lost"),
    [
        ("failed", "5.2.2", DeliveryState.FAILED, 0),
        ("failed", "4.4.7", DeliveryState.FAILED, 0),
        ("delayed", "4.4.1", DeliveryState.ACCEPTED, 0),
        ("delivered", "2.0.0", DeliveryState.DELIVERED, 0),
    ],
)
async def test_what_comes_back_says_what_became_of_it(
    here: Site, verp: Verp, action: str, status: str, state: DeliveryState, lost: int
) -> None:
    here.import_(authority("si", mail_to("si")))
    delivery = await told(here, verp)
    mail = report(action=action, status=status, diagnostic="smtp; so it is")
    assert Returns(here.engine, verp).take(to(verp, delivery, mail)) == Returned(action)
    assert here.rows()[0].state == state
    assert suppressed(here) == lost
    assert here.sql_text("SELECT said FROM bounces") == "so it is"


async def test_the_same_mail_again_changes_nothing(here: Site, verp: Verp) -> None:
    here.import_(authority("si", mail_to("si")))
    delivery = await told(here, verp)
    returns, mail = Returns(here.engine, verp), to(verp, delivery, report())
    assert [returns.take(mail) for _ in range(2)] == [Returned.FAILED, Returned.REPEATED]
    here.sql("UPDATE destinations SET suppressed = NULL")
    assert returns.take(mail) is Returned.REPEATED
    assert suppressed(here) == 0


async def test_what_a_person_acknowledged_stays_acknowledged(here: Site, verp: Verp) -> None:
    here.import_(authority("si", mail_to("si")))
    delivery = await told(here, verp)
    here.sql("UPDATE deliveries SET state = 'acknowledged'")
    Returns(here.engine, verp).take(to(verp, delivery, report()))
    assert here.rows()[0].state == "acknowledged"


async def test_a_forged_or_unknown_address_counts_for_nothing(here: Site, verp: Verp, folder: Path) -> None:
    here.import_(authority("si", mail_to("si")))
    delivery = await told(here, verp)
    other = Verp(BOUNCES, bytes(32))
    (folder / "new" / "forged").write_bytes(to(other, delivery, report()))
    (folder / "new" / "nobody").write_bytes(b"Delivered-To: bounces@tocsin.example\r\n\r\n" + report())
    (folder / "new" / "unknown").write_bytes(to(verp, "0" * 32, report()))
    (folder / "new" / "letter").write_bytes(to(verp, delivery, b"From: desk@example.org\r\n\r\nThank you, 5.1.1"))
    counted = Maildir(folder).taken(Returns(here.engine, verp))
    assert counted == {"forged": 2, "unknown": 1, "nothing": 1}
    assert here.rows()[0].state == "accepted"
    assert suppressed(here) == 0


async def test_no_number_of_bounces_of_one_delivery_fills_the_database(here: Site, verp: Verp) -> None:
    here.import_(authority("si", mail_to("si")))
    delivery = await told(here, verp)
    returns = Returns(here.engine, verp)
    for number in range(25):
        returns.take(to(verp, delivery, report(action="delayed", diagnostic=f"smtp; {number}")))
    assert here.sql_one("SELECT count(*) FROM bounces") == 20


async def test_links_and_pipes_in_the_maildir_are_left_alone(here: Site, verp: Verp, folder: Path) -> None:
    (folder / "secret").write_bytes(b"x")
    (folder / "new" / "link").symlink_to(folder / "secret")
    os.mkfifo(folder / "new" / "pipe")
    assert Maildir(folder).taken(Returns(here.engine, verp)) == {}
    assert len(list((folder / "new").iterdir())) == 2


async def test_by_lmtp_only_an_address_of_ours_is_taken(here: Site, verp: Verp) -> None:
    here.import_(volunteer("vo", mail_to("vo")))
    delivery = await told(here, verp)
    async with serving(Returns(here.engine, verp), "127.0.0.1", 0) as port:
        client = _Lmtp(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await client.sendmail("", ["bounces+forged@tocsin.example"], report())
        await client.sendmail("", [verp.sender(delivery)], report())
        await client.quit()
    assert here.rows()[0].state == "failed"
    assert suppressed(here) == 1


async def test_by_lmtp_a_database_that_is_away_asks_for_patience(here: Site, verp: Verp) -> None:
    here.import_(volunteer("vo", mail_to("vo")))
    delivery = await told(here, verp)
    here.sql("ALTER TABLE bounces RENAME TO away")
    async with serving(Returns(here.engine, verp), "127.0.0.1", 0) as port:
        client = _Lmtp(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.sendmail("", [verp.sender(delivery)], report())
        here.sql("ALTER TABLE away RENAME TO bounces")
        await client.sendmail("", [verp.sender(delivery)], report())
    assert refused.value.code == 451
    assert here.rows()[0].state == "failed"


async def test_the_command_takes_a_maildir_and_says_what_it_was(here: Site, verp: Verp, folder: Path) -> None:
    here.import_(volunteer("vo", mail_to("vo")))
    delivery = await told(here, verp)
    (folder / "new" / "1").write_bytes(to(verp, delivery, report()))
    settings = {"TOCSIN_DATABASE__URL": here.url, "TOCSIN_SMTP__BOUNCE_ADDRESS": BOUNCES}
    done = await asyncio.to_thread(run, "bounces", "--maildir", str(folder), "--once", environment=settings)
    assert (done.returncode, done.stdout) == (0, "failed 1\n"), done.stderr
    shown = await asyncio.to_thread(run, "deliveries", "show", delivery, environment=settings)
    assert "failed [5.1.1] 550 5.1.1 no such user" in shown.stdout
    del settings["TOCSIN_SMTP__BOUNCE_ADDRESS"]
    done = await asyncio.to_thread(run, "bounces", "--maildir", str(folder), "--once", environment=settings)
    assert done.returncode != 0
    assert "TOCSIN_SMTP__BOUNCE_ADDRESS" in done.stderr


class _Lmtp(aiosmtplib.SMTP):
    """A relay that delivers by LMTP: it says LHLO instead of EHLO."""

    async def execute_command(self, *args: bytes, timeout: object = None) -> aiosmtplib.SMTPResponse:
        first, *rest = args
        return await super().execute_command(b"LHLO" if first == b"EHLO" else first, *rest)
