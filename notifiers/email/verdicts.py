"""What a mail attempt came to, from the relay's answer or its silence and from how far the message had got."""

import re
import ssl
from typing import Final

import aiosmtplib

from notifiers.email.bounces import ADDRESS_LOST
from notifiers.email.connection import Phase
from notifiers.outcomes import Outcome, OutcomeReason, Verdict

_ENHANCED: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
"""RFC 3463 status at the beginning of the answer."""

_SUBJECT_OF_ADDRESS: Final = ("5.1.", "5.2.1", "5.4.4")
_TOO_LARGE: Final = ("5.3.4", "5.2.3")


def accepted(answer: str) -> Outcome:
    """The relay answered 250 to the final dot."""
    return Outcome(verdict=Verdict.ACCEPTED, reason=OutcomeReason.ACCEPTED, code="250", answer=answer)


def refused_address(fault: str) -> Outcome:
    """The address was refused by us before anything was sent."""
    return Outcome(verdict=Verdict.FAILED, reason=OutcomeReason.ADDRESS_REFUSED, answer=fault)


def loses_address(outcome: Outcome) -> bool:
    """Whether nothing more is sent there: the mailbox or its domain does not exist. A refusal without such a code may
    be about us, or about the relay."""
    return outcome.reason is OutcomeReason.ADDRESS_REFUSED and outcome.code in (None, *ADDRESS_LOST)


def verdict_on(error: Exception, phase: Phase) -> Outcome:
    """The outcome of an attempt that ended with `error` in `phase`. Total: whatever it is, it gets a reason."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400:
        return _answered(error, phase)
    return _unanswered(error, phase)


def _answered(error: aiosmtplib.SMTPResponseException, phase: Phase) -> Outcome:
    found = _ENHANCED.match(error.message)
    enhanced = found[1] if found else ""
    verdict, reason = _judged(error, enhanced, phase)
    return Outcome(verdict=verdict, reason=reason, code=enhanced or str(error.code), answer=error.message)


def _judged(error: aiosmtplib.SMTPResponseException, enhanced: str, phase: Phase) -> tuple[Verdict, OutcomeReason]:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Verdict.DEFERRED, OutcomeReason.LOGIN_REFUSED
    if error.code < 500:
        return Verdict.DEFERRED, OutcomeReason.TRY_LATER
    if phase is Phase.CONNECT:
        # The relay refuses us, not this message: a person puts it right, and the message still goes out.
        return Verdict.DEFERRED, OutcomeReason.POLICY_REFUSED
    return _refused_for_good(error, enhanced)


def _refused_for_good(error: aiosmtplib.SMTPResponseException, enhanced: str) -> tuple[Verdict, OutcomeReason]:
    if enhanced.startswith("5.7."):
        return Verdict.FAILED, OutcomeReason.POLICY_REFUSED
    if enhanced == "5.2.2":
        return Verdict.DEFERRED, OutcomeReason.TRY_LATER
    if enhanced.startswith(_TOO_LARGE) or (error.code == 552 and not enhanced.startswith("5.2.")):
        return Verdict.FAILED, OutcomeReason.TOO_LARGE
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return Verdict.FAILED, OutcomeReason.SENDER_REFUSED
    if isinstance(error, aiosmtplib.SMTPRecipientRefused) or enhanced.startswith(_SUBJECT_OF_ADDRESS):
        return Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED
    return Verdict.FAILED, OutcomeReason.MESSAGE_REFUSED


def _unanswered(error: Exception, phase: Phase) -> Outcome:
    said = f"{type(error).__name__}: {error}"
    if phase is Phase.AFTER_DOT:
        return Outcome(verdict=Verdict.UNKNOWN, reason=OutcomeReason.REPLY_LOST, answer=said)
    return Outcome(verdict=Verdict.DEFERRED, reason=_why_unanswered(error, phase), answer=said)


def _why_unanswered(error: Exception, phase: Phase) -> OutcomeReason:
    if _about_tls(error):
        return OutcomeReason.TLS_FAILED
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return OutcomeReason.ANSWER_BROKEN
    if isinstance(error, TimeoutError):
        return OutcomeReason.TIMED_OUT
    return OutcomeReason.UNREACHABLE if phase is Phase.CONNECT else OutcomeReason.CONNECTION_LOST


def _about_tls(error: BaseException | None) -> bool:
    """Whether encryption was refused, stripped or not trusted. aiosmtplib says the first two only in words."""
    if error is None:
        return False
    words = str(error).upper()
    return isinstance(error, ssl.SSLError) or "STARTTLS" in words or "UPGRADING" in words or _about_tls(error.__cause__)
