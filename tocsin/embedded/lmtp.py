"""LMTP for mails that came back: recipients that are not ours are refused, a database that is away says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from notifiers import metrics
from notifiers.metrics import Returned
from tocsin.returned import Returns

LARGEST: Final = 8 * 2**20
"""Bytes of one mail that are taken at all; of these the beginning is looked at."""

PATIENCE: Final = 60.0
"""Seconds that a silent client is waited for."""


@dataclass(frozen=True)
class _Intake:
    returns: Returns

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.returns.about((address,)) is None:
            metrics.bounces.labels(Returned.FORGED.value).inc()
            return "550 5.1.1 not an address of ours"
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ours"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        try:
            await asyncio.to_thread(self.returns.take, raw, tuple(envelope.rcpt_tos))
        except Exception:
            return "451 4.3.0 cannot keep it now, try later"
        return "250 2.0.0 kept"


@asynccontextmanager
async def serving(returns: Returns, host: str, port: int) -> AsyncIterator[int]:
    """Listens until the block ends; gives the port."""

    def protocol() -> LMTP:
        return LMTP(_Intake(returns), hostname="tocsin", data_size_limit=LARGEST, timeout=PATIENCE)

    server = await asyncio.get_running_loop().create_server(protocol, host, port)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
