"""What a webhook attempt came to: only a 2xx is success, and everything else has a reason."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.webhook.guard import AddressForbidden

LONGEST_WAIT: Final = timedelta(days=1)
"""A receiver may ask for more; no number it writes may overflow a date."""


def verdict_on_status(status: int, *, answer: str, retry_after: timedelta | None) -> Outcome:
    """410 is for good. A redirect is never followed; it and every other answer may be another after a repair."""
    verdict, reason = _judged(status)
    return Outcome(verdict=verdict, reason=reason, code=str(status), answer=answer, retry_after=retry_after)


def _judged(status: int) -> tuple[Verdict, OutcomeReason]:
    if 200 <= status < 300:
        return Verdict.ACCEPTED, OutcomeReason.ACCEPTED
    if status == 410:
        return Verdict.FAILED, OutcomeReason.GONE
    if status in (429, 503):
        return Verdict.DEFERRED, OutcomeReason.THROTTLED
    if 300 <= status < 400:
        return Verdict.DEFERRED, OutcomeReason.REDIRECTED
    if status >= 500:
        return Verdict.DEFERRED, OutcomeReason.SERVER_ERROR
    return Verdict.DEFERRED, OutcomeReason.CLIENT_ERROR


def verdict_on_error(error: Exception) -> Outcome:
    """Not connected: certainly not taken. Connected and no whole answer: it may have been taken."""
    verdict, reason = _judged_error(error)
    return Outcome(verdict=verdict, reason=reason, answer=f"{type(error).__name__}: {error}")


def _judged_error(error: Exception) -> tuple[Verdict, OutcomeReason]:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressForbidden):
        return Verdict.DEFERRED, OutcomeReason.ADDRESS_FORBIDDEN
    if isinstance(error, aiohttp.ClientSSLError):
        return Verdict.DEFERRED, OutcomeReason.TLS_FAILED
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Verdict.DEFERRED, OutcomeReason.TIMED_OUT
    if isinstance(error, aiohttp.ClientConnectorError):
        return Verdict.DEFERRED, OutcomeReason.UNREACHABLE
    if isinstance(error, TimeoutError):
        return Verdict.UNKNOWN, OutcomeReason.TIMED_OUT
    if isinstance(error, aiohttp.ClientResponseError):
        return Verdict.UNKNOWN, OutcomeReason.ANSWER_BROKEN
    return Verdict.UNKNOWN, OutcomeReason.CONNECTION_LOST


def wait_asked_for(header: str | None, *, now: datetime) -> timedelta | None:
    """`Retry-After` as a span from `now` (RFC 9110 10.2.3): seconds or a date, never negative, at most a day;
    None where it cannot be read."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(timedelta(seconds=int(text[:10])) if len(text) <= 10 else LONGEST_WAIT, LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), LONGEST_WAIT)
