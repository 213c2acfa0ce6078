"""The demo's webhook receiver: out of order for a while, then takes what is signed and writes it down."""

import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import JsonValue

from notifiers.webhook.challenge import CHALLENGE
from notifiers.webhook.signing import signature
from tocsin.embedded.ports import LOOPBACK
from tocsin.errors import Refusal

PATH: Final = "/tocsin"
_TOLERANCE: Final = 300
"""Seconds a signature may be old, as Standard Webhooks recommends."""


@dataclass
class Receiver:
    """Listens on one loopback port. From its first request on it answers 503 for `out_of_order` seconds."""

    port: int
    secret: str = field(repr=False)
    log: Path
    out_of_order: float
    turned_away: int = 0
    taken: int = 0
    forged: int = 0
    _first: float | None = None
    _runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        """What the worker's allow-list must name."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return self.origin + PATH

    async def open(self) -> None:
        """Listen."""
        application = web.Application()
        application.router.add_post(PATH, self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, self.port).start()
        except OSError:
            raise Refusal(
                f"Port {self.port} is taken, and the demo's webhook receiver has had it since the first run: end what "
                "listens there, or start anew with `tocsin demo --fresh`."
            ) from None

    async def close(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._signed(request, body):
            self.forged += 1
            return web.Response(status=401, text="The signature does not fit.\n")
        if word := _challenge(body):
            return web.json_response({"challenge": word})
        if self._is_out_of_order():
            self.turned_away += 1
            return web.Response(status=503, text="Out of order for a while, on purpose.\n")
        self._write_down(request.headers["webhook-id"], body)
        return web.Response(status=204)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        """Standard Webhooks: the id, the time and the body are what the secret signed, and not long ago."""
        message_id, sent = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not sent.isdecimal() or abs(time.time() - int(sent)) > _TOLERANCE:
            return False
        try:
            right = signature(self.secret, message_id=message_id, timestamp=int(sent), body=body)
        except ValueError:
            return False
        given = request.headers.get("webhook-signature", "").split(" ")
        return any(hmac.compare_digest(right.encode(), each.encode()) for each in given)

    def _is_out_of_order(self) -> bool:
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        return now - self._first < self.out_of_order

    def _write_down(self, message_id: str, body: bytes) -> None:
        message: dict[str, JsonValue] = json.loads(body)
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "webhook-id": message_id, **message}
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.taken += 1


def _challenge(body: bytes) -> str:
    """The word to say back where this is the challenge of a registration, else nothing."""
    try:
        message = json.loads(body)
        return str(message["data"]["challenge"]) if message["type"] == CHALLENGE else ""
    except (ValueError, TypeError, KeyError):
        return ""
