"""One SMTP connection that knows how far a message got: whether the final dot may have reached the relay."""

import contextlib
import ssl
from collections.abc import Iterator
from enum import IntEnum
from typing import Literal

import aiosmtplib
from aiosmtplib.response import SMTPResponse
from aiosmtplib.typing import Default

from notifiers.email.relay import MailRelay

START_INPUT = 354
COMPLETED = 250


class Phase(IntEnum):
    """Where in the conversation we are. Only after the final dot may a lost connection hide an accepted message."""

    CONNECT = 0
    ENVELOPE = 1
    DATA = 2
    AFTER_DOT = 3


class Connection(aiosmtplib.SMTP):
    """`sendmail` of aiosmtplib with two changes: `data` records the phase, and a silent RSET never hides a refusal."""

    phase: Phase = Phase.CONNECT
    sent: int = 0
    used_at: float = 0.0

    async def data(
        self, message: str | bytes, /, *, timeout: float | Literal[Default.token] | None = Default.token
    ) -> SMTPResponse:
        """DATA, the message, the final dot. From the relay's 354 on, the message may have been taken."""
        assert isinstance(message, bytes), "only bytes are sent: nothing is encoded anew on the way"
        patience = self.timeout if timeout is Default.token else timeout
        self.phase = Phase.DATA
        self._expect(START_INPUT, await self.execute_command(b"DATA", timeout=patience))
        if self.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self.phase = Phase.AFTER_DOT
        self.protocol.write(_dotted(message))
        with self._lost_when_silent():
            answer = await self.protocol.read_response(timeout=patience)
        return self._expect(COMPLETED, answer)

    async def rset(self, *, timeout: float | Literal[Default.token] | None = Default.token) -> SMTPResponse:
        """RSET. No answer to it counts as a lost connection, which `sendmail` puts behind the refusal it reports."""
        try:
            return await super().rset(timeout=timeout)
        except aiosmtplib.SMTPTimeoutError as error:
            self.close()
            raise aiosmtplib.SMTPServerDisconnected("No answer to RSET") from error

    def _expect(self, code: int, answer: SMTPResponse) -> SMTPResponse:
        if answer.code != code:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        return answer

    @contextlib.contextmanager
    def _lost_when_silent(self) -> Iterator[None]:
        try:
            yield
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError):
            self.close()
            raise


def _dotted(message: bytes) -> bytes:
    """The message as DATA wants it: leading dots doubled (RFC 5321 4.5.2), a final line break, the final dot."""
    body = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")


async def opened(relay: MailRelay, *, context: ssl.SSLContext | None) -> Connection:
    """A connection that is greeted, encrypted as the relay's settings demand, and logged in."""
    connection = Connection(
        hostname=relay.host,
        port=relay.port,
        username=relay.username,
        password=relay.password,
        local_hostname=relay.site,
        timeout=relay.patience,
        use_tls=relay.tls == "tls",
        start_tls=relay.tls == "starttls",
        tls_context=context,
    )
    await connection.connect()
    return connection
