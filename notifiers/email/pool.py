"""Warm connections to the site's mail relay: one message in, one outcome out, no retry inside."""

import asyncio
import contextlib
from dataclasses import dataclass

import aiosmtplib

from notifiers.email.addresses import AddressRefused, mailbox
from notifiers.email.connection import Connection, Phase, opened
from notifiers.email.relay import MailRelay
from notifiers.email.verdicts import accepted, refused_address, verdict_on
from notifiers.outcomes import Outcome

NOOP_PATIENCE = 5.0
GOODBYE_PATIENCE = 2.0


@dataclass
class _Lease:
    """The connection that one send holds, once it has one; `clean` when it may serve another message."""

    connection: Connection | None = None
    clean: bool = False

    @property
    def phase(self) -> Phase:
        return Phase.CONNECT if self.connection is None else self.connection.phase


class MailPool:
    """At most `relay.connections` connections, the warmest first. Everything that can happen is an `Outcome`;
    only cancellation is raised. A connection that was cancelled, timed out or garbled is thrown away, because its
    next reply would answer the wrong command."""

    def __init__(self, relay: MailRelay) -> None:
        self._relay = relay
        self._context = relay.ssl_context()
        self._slots = asyncio.Semaphore(relay.connections)
        self._idle: list[Connection] = []
        self._goodbyes: set[asyncio.Task[None]] = set()

    async def send(self, message: bytes, *, sender: str, recipient: str) -> Outcome:
        """Hand `message` to the relay for one recipient, within the relay's deadline, waiting for a slot included."""
        try:
            envelope = mailbox(sender), mailbox(recipient)
        except AddressRefused as error:
            return refused_address(str(error))
        lease = _Lease()
        try:
            async with asyncio.timeout(self._relay.deadline), self._slots:
                return await self._deliver(lease, message, *envelope)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return verdict_on(error, lease.phase)
        finally:
            self._give_back(lease)

    async def close(self) -> None:
        """Say goodbye to the relay on every idle connection."""
        while self._idle:
            self._leave(self._idle.pop())
        if self._goodbyes:
            await asyncio.wait(self._goodbyes)

    async def _deliver(self, lease: _Lease, message: bytes, sender: str, recipient: str) -> Outcome:
        connection = lease.connection = await self._ready()
        connection.phase = Phase.ENVELOPE
        try:
            _, answer = await connection.sendmail(sender, [recipient], message)
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            lease.clean = _still_in_step(error)
            raise
        lease.clean = True
        return accepted(answer)

    async def _ready(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            connection.phase = Phase.CONNECT
            if connection.is_connected and await self._answers(connection):
                return connection
            connection.close()
        return await opened(self._relay, context=self._context)

    async def _answers(self, connection: Connection) -> bool:
        """Whether a connection that was idle for long is still served. A fresh one is taken at its word."""
        if _now() - connection.used_at < self._relay.idle_check_after:
            return True
        try:
            await connection.noop(timeout=min(NOOP_PATIENCE, self._relay.patience))
        except (aiosmtplib.SMTPException, OSError):
            return False
        except asyncio.CancelledError:
            connection.close()
            raise
        return True

    def _give_back(self, lease: _Lease) -> None:
        connection = lease.connection
        if connection is None:
            return
        connection.sent += 1
        connection.used_at = _now()
        if not (lease.clean and connection.is_connected):
            connection.close()
        elif connection.sent >= self._relay.messages_per_connection:
            self._leave(connection)
        else:
            self._idle.append(connection)

    def _leave(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(_goodbye(connection))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)


async def _goodbye(connection: Connection) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await connection.quit(timeout=GOODBYE_PATIENCE)
    connection.close()


def _still_in_step(error: aiosmtplib.SMTPException) -> bool:
    """A whole answer to the command we sent leaves the conversation in step, unless the relay hangs up (421)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400 and error.code != 421


def _now() -> float:
    return asyncio.get_running_loop().time()
