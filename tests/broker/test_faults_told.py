"""Faults of receivers as the ledger ends with them: one table per channel, real servers, a real courier. Each fault
strikes once; then all goes well, and the receiver must have the message as often as it may."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from notifiers.courier import Courier, CourierConfig
from notifiers.email.pool import MailPool
from notifiers.sending import Channels
from notifiers.service import Service
from notifiers.webhook.sender import WebhookConfig, WebhookSender
from schemas.vocabularies import Level
from tests.broker.smtp import Reader, Writer, scripted
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, origin, relay_at, site
from tests.receivers import Mailbox
from tests.telling import alert_event


@pytest.fixture
def here(database: str) -> Iterator[Site]:
    found = site(database, Mailbox())
    yield found
    found.engine.dispose()


@asynccontextmanager
async def impatient(here: Site, *, mail: int = 1, web: str = "http://127.0.0.1:1/hook") -> AsyncIterator[Courier]:
    """A courier that waits a second for an answer, to one relay and one endpoint."""
    relay = replace(relay_at(mail, here.name), patience=1.0, deadline=3.0)
    pool = MailPool(relay)
    config = WebhookConfig(loopback=frozenset({origin(web)}), connect_timeout=1.0, total_timeout=1.0)
    async with WebhookSender(config) as sender:
        channels = Channels(relay=relay, mail=pool, webhook=sender)
        courier = Courier(here.engine, channels, CourierConfig(name="impatient", look_every=0.05))
        stop = asyncio.Event()
        task = asyncio.create_task(Service(engine=here.engine, courier=courier, look_every=0.1).run(stop))
        try:
            yield courier
        finally:
            stop.set()
            await task
            await pool.close()


# Mail


Answers = dict[bytes, bytes | None]
"""What a relay says to each command, `.` to the final dot, `` to the connection; None is silence, empty hangs up."""

WELL: Answers = {b"": b"220 hello\r\n", b"DATA": b"354 go\r\n", b".": b"250 2.0.0 taken\r\n"}


@dataclass
class Relay:
    """Speaks from tables of faults, each until one has struck, the last for ever; keeps what came with its dot."""

    tables: list[Answers]
    messages: list[str] = field(default_factory=list)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        if not await _say(reader, writer, self._answer(b"")):
            return
        while line := await reader.readline():
            answer = self._answer(verb := line[:4].upper().strip())
            if not await _say(reader, writer, answer):
                return
            if verb == b"DATA" and answer == WELL[b"DATA"]:
                await self._take(reader)
                if not await _say(reader, writer, self._answer(b".")):
                    return

    def _answer(self, verb: bytes) -> bytes | None:
        table = self.tables[0]
        if verb in table and len(self.tables) > 1:
            self.tables.pop(0)
        return {**WELL, **table}.get(verb, b"250 ok\r\n")

    async def _take(self, reader: Reader) -> None:
        content = (await reader.readuntil(b"\r\n.\r\n")).decode()
        (found,) = [line for line in content.splitlines() if line.lower().startswith("message-id:")]
        self.messages.append(found.partition(":")[2].strip())


async def _say(reader: Reader, writer: Writer, answer: bytes | None) -> bool:
    """Whether the conversation goes on."""
    if answer is None:
        await reader.read()
        return False
    writer.write(answer)
    await writer.drain()
    return answer != b""


ENDLESS = b"250-and more\r\n" * 100_000

MAIL_FAULTS = {
    "greeting 421": ({b"": b"421 4.3.2 going down\r\n"}, "deferred", "try_later", 1),
    "greeting 554": ({b"": b"554 5.7.1 not you\r\n"}, "deferred", "policy_refused", 1),
    "greeting silence": ({b"": None}, "deferred", "timed_out", 1),
    "endless reply": ({b"EHLO": ENDLESS}, "deferred", "answer_broken", 1),
    "450 to the recipient": ({b"RCPT": b"450 4.2.1 greylisted\r\n"}, "deferred", "try_later", 1),
    "550 to the recipient": ({b"RCPT": b"550 5.1.1 nobody\r\n"}, "failed", "address_refused", 0),
    "451 at the dot": ({b".": b"451 4.3.0 later\r\n"}, "deferred", "try_later", 2),
    "452 at the dot": ({b".": b"452 4.3.1 full\r\n"}, "deferred", "try_later", 2),
    "552 at the dot": ({b".": b"552 5.3.4 too large\r\n"}, "failed", "too_large", 1),
    "554 at the dot": ({b".": b"554 5.6.0 no\r\n"}, "failed", "message_refused", 1),
    "lost before the dot": ({b"DATA": b""}, "deferred", "connection_lost", 1),
    "lost after the dot": ({b".": b""}, "unknown", "reply_lost", 2),
    "250 after the timeout": ({b".": None}, "unknown", "reply_lost", 2),
}
"""Fault → what the ledger says then, and how often the relay has the message in the end."""


@pytest.mark.parametrize(("fault", "state", "reason", "arrived"), MAIL_FAULTS.values(), ids=MAIL_FAULTS.keys())
async def test_a_fault_of_the_relay(here: Site, fault: Answers, state: str, reason: str, arrived: int) -> None:
    relay = Relay([fault, WELL])
    here.import_(authority("si", mail_to("si")))
    async with scripted(relay) as port, impatient(here, mail=port):
        here.told(alert_event())
        await comes(lambda: here.rows() and here.rows()[0].state not in ("planned", "sending", "accepted"))
        assert here.states() == [(1, state, reason)]
        if state != "failed":
            here.later()
            await comes(lambda: here.rows()[0].state == "accepted")
    assert len(relay.messages) == arrived
    assert len(set(relay.messages)) <= 1
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE resent") == (state == "unknown")


async def test_a_reply_that_is_lost_twice_is_a_page_and_not_a_third_mail(here: Site) -> None:
    relay = Relay([{b".": b""}])
    here.import_(authority("si", mail_to("si")))
    async with scripted(relay) as port, impatient(here, mail=port):
        here.told(alert_event())
        await comes(lambda: here.rows() and here.rows()[0].state == "unknown")
        here.later()
        await comes(lambda: here.rows()[0].attempts == 2 and not here.sql_one(PENDING))
        here.told(alert_event(thread="two"))
        await comes(lambda: len(here.rows()) == 2 and here.rows()[1].state == "unknown")
    assert relay.messages.count(relay.messages[0]) == 2


PENDING = "SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL"

# Webhooks


@dataclass
class Endpoint:
    """Answers each request with the next of these bytes, the last one for ever; None is silence."""

    answers: list[bytes | None]
    ids: list[str] = field(default_factory=list)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        lines = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        await reader.readexactly(int(lines["content-length"]))
        self.ids.append(lines["webhook-id"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await reader.read()
            return
        writer.write(answer)
        await writer.drain()


def says(status: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join([*lines, "Content-Length: 0", "Connection: close"]) + "\r\n\r\n").encode()


TAKEN = says("204 No Content")
WEB_FAULTS = {
    "silence": (None, "deferred", "timed_out", 2),
    "hangs up": (b"", "deferred", "connection_lost", 2),
    "not HTTP": (b"what do you want?\r\n\r\n", "deferred", "answer_broken", 2),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "deferred", "answer_broken", 2),
    "500": (says("500 No"), "deferred", "server_error", 2),
    "429": (says("429 Slow", Retry_After="5"), "deferred", "throttled", 2),
    "redirect": (says("302 Found", Location="http://169.254.169.254/"), "deferred", "redirected", 2),
    "410": (says("410 Gone"), "failed", "gone", 1),
    "reset in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf", "accepted", "accepted", 1),
}


@pytest.mark.parametrize(("fault", "state", "reason", "asked"), WEB_FAULTS.values(), ids=WEB_FAULTS.keys())
async def test_a_fault_of_an_endpoint(here: Site, fault: bytes | None, state: str, reason: str, asked: int) -> None:
    endpoint = Endpoint([fault, TAKEN])
    async with scripted(endpoint) as port:
        url = f"http://127.0.0.1:{port}/hook"
        here.import_(authority("si", hook_to(url)))
        async with impatient(here, web=url):
            here.told(alert_event())
            await comes(lambda: here.rows() and here.rows()[0].state not in ("planned", "sending"))
            assert here.states() == [(1, state, reason)]
            if state == "deferred":
                here.later()
                await comes(lambda: here.rows()[0].state == "accepted")
    assert len(endpoint.ids) == asked
    assert len(set(endpoint.ids)) == 1


@pytest.mark.parametrize(
    ("asked", "level", "at_least", "at_most"),
    [
        ("600", Level.L3, timedelta(minutes=9), timedelta(minutes=11)),
        ("315360000", Level.L3, timedelta(minutes=59), timedelta(minutes=61)),
        ("315360000", Level.L4, timedelta(minutes=4), timedelta(minutes=6)),
        ("-1", Level.L3, timedelta(), timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 12:00:00 GMT", Level.L3, timedelta(), timedelta(minutes=1)),
        ("garbage", Level.L3, timedelta(), timedelta(minutes=1)),
    ],
)
async def test_what_an_endpoint_asks_for_is_obeyed_within_bounds(
    here: Site, asked: str, level: Level, at_least: timedelta, at_most: timedelta
) -> None:
    endpoint = Endpoint([says("503 Later", Retry_After=asked)])
    async with scripted(endpoint) as port:
        url = f"http://127.0.0.1:{port}/hook"
        here.import_(authority("si", hook_to(url)))
        async with impatient(here, web=url):
            here.told(alert_event(level=level))
            await comes(lambda: here.states() == [(1, "deferred", "throttled")])
    wait = here.sql_one("SELECT extract(epoch FROM due_at - updated_at)::integer FROM deliveries")
    assert at_least <= timedelta(seconds=wait) <= at_most
