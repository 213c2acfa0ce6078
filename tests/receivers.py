"""Real receivers for the tests of telling: a mail server and a webhook endpoint that write down what they got."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

SECRET: Final = "whsec_" + base64.b64encode(b"k" * 32).decode()


@dataclass
class Mailbox:
    """Every message whose final dot arrived, in order, whatever was answered. `answers` are used up first; after
    that 250. An answer of None is never given: the reply is lost. No answer is given while the gate is shut."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def message_ids(self) -> Counter[str]:
        return Counter(str(message["Message-ID"]) for message in self.received)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from or "")
        answer = self.answers.pop(0) if self.answers else "250 2.0.0 Ok"
        await self.gate.wait()
        if answer is None:
            await asyncio.Event().wait()
        return str(answer)


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server on a free port of loopback."""
    box = Mailbox()
    box.gate.set()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, hostname="mx"), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


@dataclass
class Hook:
    """Every request, in order, with its id and body. `answers` are used up first; after that 204. No answer is
    given while the gate is shut. `headers` go with every answer."""

    url: str = ""
    received: list[tuple[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of every request, names in small letters."""

    @property
    def ids(self) -> list[str]:
        return [each for each, _ in self.received]

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((request.headers["webhook-id"], await request.text()))
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        await self.gate.wait()
        return web.Response(status=self.answers.pop(0) if self.answers else 204, headers=self.headers)


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    """A webhook endpoint on a free port of loopback."""
    endpoint = Hook()
    endpoint.gate.set()
    application = web.Application()
    application.router.add_post("/hook", endpoint.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}/hook"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
