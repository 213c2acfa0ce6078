"""Posts one signed webhook and says what became of it: no redirect, no proxy, no cookie, no retry inside."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver

from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.webhook.guard import Origin, Target, UrlRefused, is_loopback, is_public, socket_factory, target
from notifiers.webhook.signing import SecretRefused, signatures
from notifiers.webhook.verdicts import verdict_on_error, verdict_on_status, wait_asked_for

ANSWER_HEADER, ACKNOWLEDGE = "webhook-delivery", "acknowledge"
"""A receiver that answers so has acknowledged the alert."""

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class WebhookConfig:
    """`loopback` lists exact origins (scheme, host, port) for demonstration and tests: they open loopback only.
    Times in seconds, `answer_limit` in bytes. `ca_file` adds a private authority to the system's."""

    loopback: frozenset[Origin] = frozenset()
    connect_timeout: float = 5.0
    total_timeout: float = 15.0
    answer_limit: int = 64 * 1024
    ca_file: str | None = None
    resolver: AbstractResolver | None = None
    """What answers for names instead of the system, in tests of names that change their answer."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one endpoint asks for beside a signature. `secrets`: those that are valid now, the newest first."""

    secrets: tuple[str, ...] = field(repr=False)
    bearer: str | None = field(default=None, repr=False)
    client_certificate: str | None = None


class WebhookSender:
    """Two sessions that share nothing: one reaches only the public internet, one only loopback. Must be made and
    closed inside a running event loop."""

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config
        self._contexts: dict[str, tuple[int, ssl.SSLContext]] = {}
        self._public = self._session(is_public)
        self._loopback = self._session(is_loopback)

    async def send(self, *, url: str, access: Access, message_id: str, timestamp: datetime, body: bytes) -> Outcome:
        """POST `body`. `timestamp` is the moment of this attempt; `message_id` stays the same for every retry."""
        try:
            to = target(url, allowed=self._config.loopback)
            headers = self._headers(access, message_id, int(timestamp.timestamp()), body)
            context = self._identified(access.client_certificate)
        except UrlRefused as error:
            return _refused(OutcomeReason.ADDRESS_FORBIDDEN, error)
        except OSError as error:
            said = f"our client certificate: {type(error).__name__}"
            return Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.CERTIFICATE_MISSING, answer=said)
        except ValueError as error:
            return _refused(OutcomeReason.CANNOT_RENDER, error)
        try:
            outcome = await self._post(to, context, headers=headers, body=body, now=timestamp)
            return _silent_about(outcome, access)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return verdict_on_error(error)

    async def close(self) -> None:
        """Close every connection."""
        await self._public.close()
        await self._loopback.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _post(
        self, to: Target, context: ssl.SSLContext | None, *, headers: dict[str, str], body: bytes, now: datetime
    ) -> Outcome:
        session = self._loopback if to.loopback else self._public
        tls = context if context is not None else True
        async with session.post(to.url, data=body, headers=headers, allow_redirects=False, ssl=tls) as response:
            wait = wait_asked_for(response.headers.get("Retry-After"), now=now)
            answer = await self._excerpt(response)
            outcome = verdict_on_status(response.status, answer=answer, retry_after=wait)
            asked = response.headers.get(ANSWER_HEADER, "").strip().lower()
            return replace(outcome, acknowledged=outcome.verdict is Verdict.ACCEPTED and asked == ACKNOWLEDGE)

    async def _excerpt(self, response: aiohttp.ClientResponse) -> str:
        """What was answered, as far as it came and fits: the status already decided, so a broken body changes
        nothing. It is never decompressed; a longer answer costs its connection."""
        read = bytearray()
        try:
            while len(read) <= self._config.answer_limit and not response.content.at_eof():
                read += await response.content.read(self._config.answer_limit + 1 - len(read))
        except (aiohttp.ClientError, OSError):
            pass
        if not response.content.at_eof():
            response.close()
        return bytes(read[: self._config.answer_limit]).decode("utf-8", "replace")

    def _session(self, permits: Callable[[str], bool]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._context(), limit=0, socket_factory=socket_factory(permits), resolver=self._config.resolver
            ),
            timeout=aiohttp.ClientTimeout(total=self._config.total_timeout, connect=self._config.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._config.ca_file is not None:
            context.load_verify_locations(self._config.ca_file)
        return context

    def _identified(self, file: str | None) -> ssl.SSLContext | None:
        """The context with our certificate for an endpoint that asks for one; read anew when its file changes.
        Raises OSError where it cannot be read: without it nothing is sent."""
        if file is None:
            return None
        changed = Path(file).stat().st_mtime_ns
        known = self._contexts.get(file)
        if known is None or known[0] != changed:
            context = self._context()
            context.load_cert_chain(file)
            known = self._contexts[file] = (changed, context)
        return known[1]

    def _headers(self, access: Access, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        if not access.secrets:
            raise SecretRefused("The webhook has no secret to sign with: give it one in the file of subscribers.")
        signed = signatures(access.secrets, message_id=message_id, timestamp=timestamp, body=body)
        bearer = {} if access.bearer is None else {"Authorization": f"Bearer {access.bearer}"}
        return bearer | {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
            "Content-Type": CONTENT_TYPE,
            "Accept-Encoding": "identity",
            "User-Agent": "Tocsin",
        }


def _silent_about(outcome: Outcome, access: Access) -> Outcome:
    """The outcome without what only this endpoint and we know, should it have answered with that."""
    answer = outcome.answer
    for known in (*access.secrets, access.bearer or ""):
        answer = answer.replace(known, "[secret]") if known else answer
    return replace(outcome, answer=answer)


def _refused(reason: OutcomeReason, error: ValueError) -> Outcome:
    return Outcome(verdict=Verdict.FAILED, reason=reason, answer=str(error))
