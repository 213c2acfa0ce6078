"""Webhook endpoints over time, on a real database and real servers: confirmed, exchanged keys, failing, ended."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from notifiers.email.verp import Verp
from notifiers.notices import Notices
from notifiers.webhook.signing import signature
from schemas.subscribers import SubscriberEntry
from schemas.vocabularies import Handling
from storage import endpoints, subscribers
from storage.endpoints import Endpoint
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site, volunteer
from tests.programs import run
from tests.receivers import SECRET, Hook, Mailbox, hook, mailbox
from tests.telling import alert_event
from tests.unit.test_smime import holder, openssl
from tocsin.commands import destination

OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box)
    yield found
    found.engine.dispose()


@dataclass
class Echo:
    """An endpoint that answers as `answers` says, and keeps headers and bodies."""

    answer: Callable[[dict[str, object]], web.Response]
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.read())
        return self.answer(json.loads(self.bodies[-1])["data"])


@asynccontextmanager
async def echo(
    answer: Callable[[dict[str, object]], web.Response], context: ssl.SSLContext | None = None
) -> AsyncIterator[Echo]:
    endpoint = Echo(answer)
    runner = web.AppRunner(web.Application())
    runner.app.router.add_post("/hook", endpoint.take)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    endpoint.url = f"{'http' if context is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield endpoint
    finally:
        await runner.cleanup()


def says_it_back(data: dict[str, object]) -> web.Response:
    return web.json_response({"challenge": data.get("challenge", "none")})


def unconfirmed(here: Site, entry: SubscriberEntry) -> Endpoint:
    """As `tocsin subscriber add` leaves it: nobody answered a challenge yet."""
    with here.engine.begin() as connection:
        subscribers.bring_in(connection, [entry])
        return next(each for each in endpoints.listed(connection) if each.channel == "webhook")


def endpoint(here: Site) -> Endpoint:
    with here.engine.connect() as connection:
        return next(each for each in endpoints.listed(connection) if each.channel == "webhook")


async def command(here: Site, *arguments: str, url: str = "", **more: str) -> tuple[int, str, str]:
    allowed = {"TOCSIN_WEBHOOK__ALLOW": url.removesuffix("/hook")} if url else {}
    settings = {"TOCSIN_DATABASE__URL": here.url, **allowed, **more}
    done = await asyncio.to_thread(CliRunner().invoke, destination.app, arguments, env=settings)
    return done.exit_code, done.stdout, done.stderr


async def settled(here: Site) -> None:
    await comes(lambda: here.rows() and here.unplanned() == 0 and here.open_count() == 0)


async def test_no_alert_goes_to_an_endpoint_that_answered_no_challenge(here: Site) -> None:
    async with hook() as there, here.courier(hooks=(there,)):
        unconfirmed(here, authority("si", hook_to(there.url)))
        here.told(alert_event())
        await settled(here)
    assert here.states() == [(1, "suppressed", "not_confirmed")]
    assert there.received == []


async def test_what_was_planned_for_an_endpoint_is_not_sent_when_it_is_confirmed_no_more(here: Site) -> None:
    async with hook() as there:
        here.import_(authority("si", hook_to(there.url)))
        assert here.planned(alert_event()).to_send
        here.sql("UPDATE endpoints SET confirmed_at = NULL")
        async with here.courier(hooks=(there,)):
            await settled(here)
    assert here.states() == [(1, "suppressed", "not_confirmed")]
    assert there.received == []


async def test_an_endpoint_that_is_gone_is_ended_at_once_and_its_owner_told(here: Site, box: Mailbox) -> None:
    async with hook() as there:
        here.import_(volunteer("vo", mail_to("vo"), hook_to(there.url)))
        there.answers = [410]
        here.told(alert_event(handling=Handling.GREEN))
        async with here.courier(hooks=(there,)):
            await comes(lambda: endpoint(here).suppressed == "gone")
    await Notices(engine=here.engine).look()
    async with here.courier():
        await settled(here)
    text = box.received[-1].get_body(("plain",))
    assert text is not None and "is gone for good (410)" in text.get_content()


async def test_an_encrypted_alert_says_nothing_to_who_cannot_open_it(here: Site, box: Mailbox, tmp_path: Path) -> None:
    site_, reader = (
        holder(tmp_path, name, rsa.generate_private_key(65537, 2048)) for name in ("courier-site", "courier-reader")
    )
    here.import_(authority("si", mail_to("si", security={"smime": "encrypt", "certificate": reader.pem})))
    async with here.courier(signer=site_.signer):
        here.told(alert_event())
        await settled(here)
    (mail,) = box.received
    assert mail.get_content_type() == "application/pkcs7-mime"
    assert "protonitazene" not in mail.as_string()
    assert str(mail["Subject"]) == "[L3 ALERT] [TLP:AMBER] An alert is waiting for you"
    opened = openssl("-decrypt", "-recip", str(reader.certificate), "-inkey", str(reader.key), given=mail.as_bytes())
    assert b"protonitazene" in openssl("-verify", "-noverify", given=opened).lower()


async def test_an_endpoint_that_echoes_its_challenge_gets_alerts(here: Site) -> None:
    async with echo(says_it_back) as there:
        found = unconfirmed(here, authority("si", hook_to(there.url)))
        code, said, _ = await command(here, "confirm", "si/hook", "--by", "example officer", url=there.url)
        assert (code, said) == (0, "si/hook  confirmed: alerts go there from now on\n")
    headers, body = there.headers[0], there.bodies[0]
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signature(
        SECRET, message_id=headers["webhook-id"], timestamp=stamp, body=body
    )
    assert json.loads(body)["type"] == "tocsin.challenge"
    assert (endpoint(here).confirmed_by, endpoint(here).id) == ("example officer", found.id)
    assert here.sql_text("SELECT action FROM destination_log") == "confirmed"


@pytest.mark.parametrize(
    "answer",
    [
        lambda data: web.Response(status=204),
        lambda data: web.Response(status=500, text=str(data["challenge"])),
        lambda data: web.json_response({"challenge": "other"}),
        lambda data: web.json_response({"data": data}),
        lambda data: web.Response(text=f"I got {data['challenge']}"),
        lambda data: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    ],
)
async def test_an_endpoint_that_does_not_say_it_back_stays_without_alerts(
    here: Site, answer: Callable[[dict[str, object]], web.Response]
) -> None:
    async with echo(answer) as there:
        unconfirmed(here, authority("si", hook_to(there.url)))
        code, said, _ = await command(here, "confirm", "si/hook", "--by", "example officer", url=there.url)
    assert code == 1
    assert "not confirmed" in said
    assert endpoint(here).confirmed_at is None


async def test_a_rotated_secret_and_the_one_before_both_sign_for_a_day(here: Site) -> None:
    async with echo(says_it_back) as there:
        here.import_(authority("si", hook_to(there.url)))
        code, said, _ = await command(here, "rotate", "si/hook", "--by", "example officer", "--reason", "routine")
        new = said.strip()
        assert code == 0 and new.startswith("whsec_") and new != SECRET
        assert (await command(here, "test", "si/hook", "--yes", url=there.url))[0] == 0
        here.sql("UPDATE endpoints SET previous_until = now() - interval '1 second'")
        assert (await command(here, "test", "si/hook", "--yes", url=there.url))[0] == 0
    during, after = (headers["webhook-signature"].split(" ") for headers in there.headers)

    def signed(secret: str, number: int) -> str:
        headers = there.headers[number]
        stamp = int(headers["webhook-timestamp"])
        return signature(secret, message_id=headers["webhook-id"], timestamp=stamp, body=there.bodies[number])

    assert during == [signed(new, 0), signed(SECRET, 0)]
    assert after == [signed(new, 1)]


async def test_a_file_with_the_secret_before_a_rotation_does_not_bring_it_back(here: Site) -> None:
    entry = authority("si", hook_to("https://si.example.org/"))
    here.import_(entry)
    with here.engine.begin() as connection:
        found = endpoints.listed(connection)[0]
        endpoints.rotate(connection, found.id, secret=OTHER, before=SECRET, by="example officer", reason="routine")
    assert not here.import_(entry).changed
    assert endpoint(here).secret == OTHER


async def test_a_secret_that_a_file_changes_overlaps_too(here: Site) -> None:
    here.import_(authority("si", hook_to("https://si.example.org/")))
    here.import_(authority("si", hook_to("https://si.example.org/", secret=OTHER)))
    assert (endpoint(here).secret, endpoint(here).previous_secret) == (OTHER, SECRET)


async def failing(here: Site, entry: SubscriberEntry, there: Hook, *, days: int) -> None:
    """One failed attempt, after `days` of nothing but failures."""
    here.import_(entry)
    there.answers = [500]
    with here.engine.begin() as connection:
        endpoints.failed(connection, endpoint(here).id, may_end=False)
    here.sql(f"UPDATE endpoints SET failing_since = now() - interval '{days} days' - interval '1 minute'")
    here.told(alert_event())
    async with here.courier(hooks=(there,)):
        await comes(lambda: there.received and "sending" not in [row.state for row in here.rows()])


def green(url: str) -> SubscriberEntry:
    return volunteer("vo", mail_to("vo", clearance="AMBER+STRICT"), hook_to(url, clearance="AMBER+STRICT"))


async def test_five_days_of_failures_end_a_voluntary_endpoint_and_its_owner_is_told_once(
    here: Site, box: Mailbox
) -> None:
    async with hook() as there:
        await failing(here, green(there.url), there, days=5)
    assert endpoint(here).suppressed == "failing"
    before, verp = len(box.received), Verp("bounces@tocsin.example", b"k" * 32)
    notices = Notices(engine=here.engine)
    await asyncio.gather(notices.look(), notices.look())
    await notices.look()
    async with here.courier(verp=verp):
        await settled(here)
    (mail,) = box.received[before:]
    (notice,) = (row for row in here.rows() if row.purpose == "notice")
    assert box.senders[before:] == [verp.sender(notice.delivery_id)]
    assert mail["Subject"] == "Your webhook endpoint was switched off"
    assert box.recipients[-1] == "vo@example.org"
    text = mail.get_body(("plain",))
    assert text is not None and "127.0.0.1 failed for 5 days" in text.get_content()


async def test_four_days_do_not_end_it_and_one_success_begins_anew(here: Site) -> None:
    async with hook() as there:
        await failing(here, green(there.url), there, days=4)
        assert endpoint(here).suppressed is None
        here.later()
        async with here.courier(hooks=(there,)):
            await comes(lambda: endpoint(here).failing_since is None)
    assert endpoint(here).suppressed is None


async def test_a_statutory_endpoint_is_never_ended(here: Site) -> None:
    async with hook() as there:
        await failing(here, authority("si", hook_to(there.url)), there, days=50)
    assert endpoint(here).suppressed is None
    assert endpoint(here).failing_since is not None


async def test_an_endpoint_is_switched_on_again_by_a_person(here: Site) -> None:
    here.import_(volunteer("vo", hook_to("https://vo.example.org/")))
    here.sql("UPDATE destinations SET suppressed = 'failing'")
    code, said, _ = await command(here, "resume", "vo/hook", "--by", "example officer", "--reason", "mended")
    assert (code, said) == (0, "vo/hook  on again\n")
    assert endpoint(here).suppressed is None
    assert here.sql_text("SELECT \"by\" || ': ' || reason FROM destination_log WHERE action = 'switched on'") == (
        "example officer: mended"
    )


async def test_a_bearer_token_goes_with_every_message_and_is_shown_nowhere(here: Site) -> None:
    token = "abcdef0123456789"

    async with echo(lambda data: web.Response(status=400, text=f"no good: {token} {SECRET}")) as there:
        here.import_(authority("si", hook_to(there.url, security={"bearer": token})))
        code, said, talk = await command(here, "test", "si/hook", "--yes", url=there.url)
    assert code == 1
    assert there.headers[0]["authorization"] == f"Bearer {token}"
    listed = await command(here, "list", "--json")
    for text in (said, talk, *map(str, listed)):
        assert token not in text
        assert SECRET not in text
    assert json.loads(listed[1])[0]["bearer"] is True


async def test_a_test_message_by_mail_holds_no_alert(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si")))
    relay = {"TOCSIN_SMTP__HOST": "127.0.0.1", "TOCSIN_SMTP__PORT": str(box.port), "TOCSIN_SMTP__TLS": "none"}
    code, said, _ = await command(here, "test", "si/mail", "--yes", **relay)
    assert code == 0, said
    (mail,) = box.received
    assert mail["Subject"] == "[TEST] Test of this address"
    assert (await command(here, "test", "si/mail", **relay))[0] == 1
    assert len(box.received) == 1


async def test_a_mail_that_cannot_be_encrypted_is_not_sent_and_says_why(here: Site, box: Mailbox) -> None:
    here.import_(authority("si", mail_to("si", security={"smime": "encrypt"})))
    async with here.courier():
        here.told(alert_event())
        await settled(here)
    assert here.states() == [(1, "failed", "certificate_missing")]
    assert box.received == []
    code, said, _ = await command(here, "list")
    assert code == 0 and "no certificate, so nothing is sent" in said


async def test_an_unknown_destination_is_a_sentence(here: Site) -> None:
    done = await asyncio.to_thread(
        run, "destination", "test", "nobody/hook", "--yes", environment={"TOCSIN_DATABASE__URL": here.url}
    )
    assert done.returncode == 1
    assert done.stderr == "tocsin: nobody/hook is no destination: see tocsin destination list.\n"
