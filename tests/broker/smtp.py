"""Real SMTP servers on loopback for the tests of mail: aiosmtpd with faults, and a server that follows a script."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

Answer = Callable[["Inbox", SMTP, Envelope], Awaitable[str]]


async def _taken(inbox: "Inbox", server: SMTP, envelope: Envelope) -> str:
    return "250 2.0.0 taken"


@dataclass
class Inbox:
    """A handler of aiosmtpd: keeps what it took and answers as it is told. Answers in lists are used up in turn."""

    recipient_answers: list[str] = field(default_factory=list)
    sender_answer: str = "250 2.1.0 fine"
    at_data: Answer = _taken
    without: tuple[str, ...] = ()
    messages: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    greetings: int = 0
    noops: int = 0
    quits: int = 0
    encrypted: list[bool] = field(default_factory=list)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings += 1
        session.host_name = hostname
        return [line for line in responses if not line[4:].startswith(self.without or ("never",))]

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, arg: str) -> str:
        self.noops += 1
        return "250 2.0.0 here"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.quits += 1
        return "221 2.0.0 bye"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.recipient_answers.pop(0) if self.recipient_answers else "250 2.1.5 fine"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None)
        answer = await self.at_data(self, server, envelope)
        if answer.startswith("250"):
            content = envelope.original_content
            assert content is not None
            self.messages.append(content)
            self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        return answer


def says(answer: str) -> Answer:
    """An inbox that answers the final dot with this line."""

    async def at_data(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
        return answer

    return at_data


async def hangs_up(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
    """The message arrived whole, and the connection ends before anything is said about it."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    return "250 never heard"


@asynccontextmanager
async def serving(inbox: Inbox, *, context: ssl.SSLContext | None = None, implicit: bool = False) -> AsyncIterator[int]:
    """aiosmtpd on a free port, offering STARTTLS when it has a context, or speaking TLS at once."""

    def protocol() -> SMTP:
        return SMTP(inbox, hostname="mx.example", tls_context=None if implicit else context, timeout=30)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None)
    async with _closing(server) as port:
        yield port


Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@asynccontextmanager
async def scripted(script: Callable[[Reader, Writer], Awaitable[None]]) -> AsyncIterator[int]:
    """A server that does to each connection what the script says, and then closes it."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
    async with _closing(server) as port:
        yield port
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _closing(server: asyncio.AbstractServer) -> AsyncIterator[int]:
    sockets: tuple[Any, ...] = getattr(server, "sockets", ())
    try:
        yield int(sockets[0].getsockname()[1])
    finally:
        server.close()


async def converse(reader: Reader, writer: Writer, answers: dict[bytes, bytes | None], *, greeting: bytes) -> None:
    """Speak SMTP from a table of command → answer; `None` says nothing, an empty answer hangs up."""
    writer.write(greeting)
    while line := await reader.readline():
        verb = line[:4].upper().rstrip()
        answer = answers.get(verb, b"250 ok\r\n")
        if answer == b"":
            return
        if answer is not None:
            writer.write(answer)
        if verb == b"DATA" and answer is not None and answer.startswith(b"354"):
            await reader.readuntil(b"\r\n.\r\n")
            if (after := answers.get(b".", b"250 taken\r\n")) == b"":
                return
            if after is not None:
                writer.write(after)
