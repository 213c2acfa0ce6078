"""Digests over a real database, relay and endpoint: deliveries like any other, one per window, never empty or twice."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jsonschema import Draft202012Validator
from sqlalchemy import text

from notifiers.digesting import Digesting
from notifiers.email.verp import Verp
from notifiers.tokens import LinkPurpose, Links
from notifiers.webhook.signing import verified
from schemas.publish import DIRECTORY
from schemas.subscribers import SubscriberEntry
from schemas.topics import DELIVERY_RECEIPTS
from schemas.vocabularies import Handling, Level
from storage import epochs, recovery, redriving, subscribers
from storage.epochs import Told
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site, volunteer
from tests.programs import run
from tests.receivers import SECRET, Mailbox, hook, mailbox
from tests.telling import alert_event
from tests.unit.test_bounces import report
from tests.unit.test_smime import holder, openssl
from tocsin.returned import Returns

LATER = datetime.now(UTC) + timedelta(days=8)
VERP = Verp("bounces@tocsin.example", b"k" * 32)


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as found:
        yield found


@pytest.fixture
def here(database: str, box: Mailbox) -> Site:
    return site(database, box)


def told(here: Site, **changes: object) -> None:
    """One L1 and one L3 for an authority, who sees both; a volunteer cleared for GREEN sees neither."""
    here.import_(authority("si", mail_to("si", **changes)), volunteer("open", mail_to("open")))
    here.planned(alert_event(thread="quiet", level=Level.L1, countries=("SI",)), alert_event(thread="loud"))
    here.sql("DELETE FROM deliveries WHERE state = 'planned'")  # what went out at once is not looked at here
    here.planned(alert_event(thread="low", level=Level.L1, countries=("SI",)))


def plan(here: Site, at: datetime = LATER) -> int:
    return Digesting(engine=here.engine).plan(at)


def digests(here: Site) -> list[tuple[str, str]]:
    return [(row.state, row.reason) for row in here.rows() if row.purpose == "digest"]


async def settled(here: Site) -> None:
    await comes(lambda: here.open_count() == 0)


def words(box: Mailbox) -> str:
    part = box.received[0].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_who_has_something_to_read_gets_one_mail_for_the_window(here: Site, box: Mailbox) -> None:
    told(here)
    assert sum(plan(here) for _ in range(3)) == 1
    async with here.courier():
        await settled(here)
    assert box.recipients == [mail_to("si").address]
    assert digests(here) == [("accepted", "accepted")]
    assert here.sql_one("SELECT count(*) FROM digests WHERE empty") == 1
    assert "For information, nothing is urgent".upper() in words(box)
    assert "An opioid: 2 (before: 0)" in words(box)
    assert str(box.received[0]["Subject"]).startswith("[TLP:AMBER] Drug alerts from ")
    (row,) = (each for each in here.rows() if each.purpose == "digest")
    done = await asyncio.to_thread(
        run, "deliveries", "show", row.delivery_id, environment={"TOCSIN_DATABASE__URL": here.url}
    )
    assert f"{row.alert} revision 1 (digest), L1, actual" in done.stdout
    assert "The time of its digest is over, and there is something to tell." in done.stdout


async def test_a_digest_that_failed_is_sent_when_a_person_has_it_tried_again(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    box.answers = ["554 5.6.0 no"]
    async with here.courier():
        await comes(lambda: digests(here) == [("failed", "message_refused")])
        with here.engine.begin() as connection:
            redriving.redrive(connection, redriving.candidates(connection), by="officer", reason="mended")
        await comes(lambda: digests(here) == [("accepted", "accepted")])
    assert len(box.message_ids) == 1


async def test_planned_and_sent_by_several_at_once_it_goes_out_once(here: Site, box: Mailbox) -> None:
    told(here)
    await asyncio.gather(*(asyncio.to_thread(plan, here) for _ in range(4)))
    async with here.courier("one"), here.courier("two"):
        await settled(here)
    assert len(box.received) == 1


async def test_the_next_window_tells_only_what_is_new(here: Site) -> None:
    told(here)
    assert plan(here) == 1
    assert plan(here, LATER + timedelta(days=7)) == 0


async def test_a_digest_whose_reply_was_lost_is_unknown_and_not_sent_again(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    box.gate.clear()
    async with here.courier():
        await comes(lambda: box.received)
        here.leases_run_out()
        here.sql("UPDATE deliveries SET sending_at = now() - interval '1 hour' WHERE state = 'sending'")
        await comes(lambda: digests(here) == [("unknown", "lease_ran_out")])
        here.later()
        assert here.sql_one("SELECT count(*) FROM deliveries WHERE purpose = 'digest' AND due_at IS NOT NULL") == 0
    assert len(box.received) == 1


async def test_a_digest_that_the_relay_defers_is_tried_again(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    box.answers = ["451 4.3.0 later"]
    async with here.courier():
        await comes(lambda: digests(here) == [("deferred", "try_later")])
        here.later()
        await settled(here)
    assert digests(here) == [("accepted", "accepted")]
    assert len(box.message_ids) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE destinations SET active = false", "destination_inactive"),
        ("UPDATE destinations SET suppressed = 'x'", "address_suppressed"),
        ("UPDATE destinations SET clearance = 'GREEN'", "handling"),
    ],
)
async def test_who_left_or_may_not_know_any_more_is_not_written_to(
    here: Site, box: Mailbox, change: str, reason: str
) -> None:
    told(here)
    plan(here)
    here.sql(change)
    async with here.courier():
        await settled(here)
    assert digests(here) == [("suppressed", reason)]
    assert box.received == []


async def test_what_is_stricter_now_is_left_out(here: Site) -> None:
    told(here)
    here.sql(f"UPDATE alert_threads SET handling = '{Handling.RED}'")
    assert plan(here) == 0


async def test_what_became_stricter_after_planning_is_not_sent(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    here.sql(f"UPDATE alert_threads SET handling = '{Handling.RED}' WHERE current_revision = 1")
    here.sql("UPDATE alert_threads SET handling = 'AMBER' WHERE alert_id IN (SELECT digest_id FROM digests)")
    plan(here)
    async with here.courier():
        await settled(here)
    assert digests(here) == [("suppressed", "handling")]
    assert box.received == []


async def test_who_wants_mail_encrypted_gets_it_encrypted(here: Site, box: Mailbox, tmp_path: Path) -> None:
    site_, reader = (holder(tmp_path, name, rsa.generate_private_key(65537, 2048)) for name in ("site", "reader"))
    told(here, security={"smime": "encrypt", "certificate": reader.pem})
    plan(here)
    async with here.courier(signer=site_.signer):
        await settled(here)
    (mail,) = box.received
    assert mail.get_content_type() == "application/pkcs7-mime"
    assert re.fullmatch(r"\[TLP:AMBER\] What was new from .* to .*", str(mail["Subject"]))
    assert "opioid" not in mail.as_string()
    opened = openssl("-decrypt", "-recip", str(reader.certificate), "-inkey", str(reader.key), given=mail.as_bytes())
    assert b"protonitazene" in openssl("-verify", "-noverify", given=opened).lower()


@pytest.mark.parametrize(("days", "reason"), [(None, "certificate_missing"), (-1, "certificate_expired")])
async def test_without_a_valid_certificate_nothing_goes_out_in_clear(
    here: Site, box: Mailbox, tmp_path: Path, days: int | None, reason: str
) -> None:
    pem = None if days is None else holder(tmp_path, "old", rsa.generate_private_key(65537, 2048), days=days).pem
    told(here, security={"smime": "encrypt", **({} if pem is None else {"certificate": pem})})
    plan(here)
    async with here.courier():
        await settled(here)
    assert digests(here) == [("failed", reason)]
    assert box.received == []


async def test_a_digest_that_comes_back_ends_the_address(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    async with here.courier(verp=VERP):
        await settled(here)
    (sender,) = box.senders
    Returns(here.engine, VERP).take(b"Delivered-To: " + sender.encode() + b"\r\n" + report())
    assert digests(here) == [("failed", "bounced")]
    assert here.sql_text("SELECT suppressed FROM destinations WHERE address LIKE 'si@%'") == "address_refused"


def reader(*destinations: object, name: str = "vo", asks: bool = True) -> SubscriberEntry:
    entry = volunteer(name, *destinations)  # type: ignore[arg-type]
    wish = entry.subscriptions[0].model_dump() | {"min_level": "L1", "digest": {"every": "day"} if asks else None}
    return SubscriberEntry.model_validate(entry.model_dump() | {"subscriptions": [wish]})


async def test_one_click_in_a_digest_ends_the_subscription(here: Site, box: Mailbox) -> None:
    here.import_(reader(mail_to("vo")))
    here.planned(alert_event(level=Level.L1, handling=Handling.GREEN))
    links = Links("https://alerts.example.org", b"l" * 32)
    plan(here, datetime.now(UTC) + timedelta(days=1))
    async with here.courier(links=links):
        await settled(here)
    (mail,) = box.received
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = str(mail["List-Unsubscribe"]).rpartition("/")[2].rstrip(">")
    assert token in words(box)
    with here.engine.begin() as connection:
        delivery = links.read(LinkPurpose.UNSUBSCRIBE, token, now=datetime.now(UTC))
        assert subscribers.unsubscribe(connection, delivery) == 1
    assert plan(here, datetime.now(UTC) + timedelta(days=2)) == 0


async def test_a_webhook_that_asks_for_a_digest_gets_it_signed_and_as_published(here: Site) -> None:
    schema = json.loads((DIRECTORY / "webhook_digest.json").read_text(encoding="utf-8"))
    async with hook() as there:
        silent = reader(hook_to(f"{there.url}?no", clearance="AMBER"), name="no", asks=False)
        here.import_(reader(hook_to(there.url, clearance="AMBER")), silent)
        here.planned(
            alert_event(thread="a", level=Level.L1, handling=Handling.GREEN),
            alert_event(thread="b", level=Level.L1, name="carfentanil").model_copy(
                update={"number": "TOC-A-2026-0002"}
            ),
        )
        assert plan(here, datetime.now(UTC) + timedelta(days=1)) == 1
        assert plan(here, LATER) == 0  # who asks for nothing would be told weekly
        there.answers = [500]
        async with here.courier(hooks=(there,)):
            await comes(lambda: there.received)
            here.later()
            await settled(here)
    assert there.ids == [there.ids[0]] * 2
    body = there.received[-1][1]
    assert verified(SECRET, there.asked[-1], body.encode(), now=datetime.now(UTC), tolerance=timedelta(minutes=1))
    message = json.loads(body)
    Draft202012Validator(schema).validate(message)
    assert message["type"] == "tocsin.digest"
    first, second = message["data"]["lines"]
    assert first["title"].startswith("Protonitazene") and first["countries"] == ["SI"]
    assert second == {"number": "TOC-A-2026-0002", "title": None, "level": 1, "countries": []}
    assert message["data"]["countries"] == {"SI": {"now": 1, "before": 0}}
    assert "carfentanil" not in body


async def test_after_a_restore_the_receipt_of_a_digest_keeps_it_from_being_sent_again(here: Site, box: Mailbox) -> None:
    told(here)
    plan(here)
    async with here.courier():
        await settled(here)
    with here.engine.begin() as connection:
        rows = connection.execute(text("SELECT id, event_id, CAST(body AS text) AS body FROM outbox WHERE topic = :t"),
                                  {"t": DELIVERY_RECEIPTS}).all()  # fmt: skip
        for table in ("attempts", "deliveries", "digests"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("DELETE FROM alert_threads WHERE alert_id IN (SELECT key FROM outbox)"))
        connection.execute(text("DELETE FROM outbox WHERE topic IN ('letters', 'delivery-receipts')"))
    receipts = [
        Told(topic=DELIVERY_RECEIPTS, epoch=1, number=row.id, event_id=row.event_id, body=row.body.encode())
        for row in rows
    ]
    with here.engine.begin() as connection:
        recovery.begin(connection)
        recovery.stage(connection, receipts)
        recovery.settle(connection)
        assert all(epochs.knows(connection, each) for one in receipts if (each := epochs.receipt_of(one)))
    assert digests(here) == [("accepted", "accepted")]
    here.planned(alert_event(thread="again", level=Level.L1))
    assert plan(here) == 0
