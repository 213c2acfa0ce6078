"""What follows an attempt: done, when to try again, whether to page. Pure: chance and time are arguments."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from notifiers.outcomes import Outcome, Verdict
from notifiers.purposes import Purpose
from schemas.deliveries import Channel, DeliveryState, OutcomeReason
from schemas.vocabularies import Level

WEBHOOK: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 24 * 3600, 24 * 3600)
)
"""Waits after the 1st, 2nd … attempt, as Standard Webhooks recommends; after the last the delivery has failed."""

MAIL: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60))
"""Waits for our own relay. After the last: an alarm, and again every minute. The relay owns the days after."""

RESEND_AFTER: Final = timedelta(minutes=5)
"""When a mail that may have been taken goes out once more, with the same Message-ID."""

LONGEST_ASKED: Final = timedelta(hours=1)
LONGEST_ASKED_L4: Final = timedelta(minutes=5)
JITTER: Final = 0.2
"""A webhook wait is stretched by up to a fifth, so that receivers that fell together do not meet again together."""

OUR_FAULT: Final = frozenset(
    {
        OutcomeReason.POLICY_REFUSED,
        OutcomeReason.SENDER_REFUSED,
        OutcomeReason.LOGIN_REFUSED,
        OutcomeReason.TLS_FAILED,
        OutcomeReason.CANNOT_RENDER,
        OutcomeReason.UNSAFE_TEXT,
        OutcomeReason.INTERNAL_ERROR,
        OutcomeReason.CERTIFICATE_MISSING,
        OutcomeReason.CERTIFICATE_EXPIRED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What the decision depends on besides the outcome. `attempt` counts from 1, this one included; `resent`: it was
    already the one resend after an unknown."""

    channel: Channel
    purpose: Purpose
    level: Level
    statutory: bool
    attempt: int
    resent: bool

    @property
    def insists(self) -> bool:
        """Whether it must arrive: L3, L4, statutory, or a retraction (P9). A digest or notice is nothing urgent, and
        nobody wants it twice."""
        if self.purpose in (Purpose.DIGEST, Purpose.NOTICE):
            return False
        return self.level >= Level.L3 or self.statutory or self.purpose is Purpose.CANCEL


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """`wait` None: nothing more is tried. `page`: a person must look. `resend`: the next try is the one resend."""

    state: DeliveryState
    reason: OutcomeReason
    wait: timedelta | None = None
    page: bool = False
    resend: bool = False


def after(outcome: Outcome, case: Circumstances, *, chance: float) -> Next:
    """What follows `outcome`. `chance` in [0, 1) spreads the waits of webhooks."""
    match outcome.verdict:
        case Verdict.ACCEPTED:
            return Next(state=DeliveryState.ACCEPTED, reason=outcome.reason)
        case Verdict.FAILED:
            page = case.insists or outcome.reason in OUR_FAULT
            return Next(state=DeliveryState.FAILED, reason=outcome.reason, page=page)
        case Verdict.UNKNOWN if case.channel is Channel.EMAIL:
            return _unknown_mail(outcome, case)
        case _:
            return _again(outcome, case, chance)


def _unknown_mail(outcome: Outcome, case: Circumstances) -> Next:
    if case.insists and not case.resent:
        return Next(state=DeliveryState.UNKNOWN, reason=outcome.reason, wait=RESEND_AFTER, resend=True)
    return Next(state=DeliveryState.UNKNOWN, reason=outcome.reason, page=case.insists)


def _again(outcome: Outcome, case: Circumstances, chance: float) -> Next:
    """Mail waits for our relay without end; a webhook runs through its schedule. A webhook that may have been taken
    is tried as usual: the receiver knows it again by its id."""
    if case.channel is Channel.EMAIL:
        alarm = case.attempt > len(MAIL) or outcome.reason in OUR_FAULT
        wait = MAIL[min(case.attempt, len(MAIL)) - 1]
        return Next(state=DeliveryState.DEFERRED, reason=outcome.reason, wait=wait, page=alarm)
    if case.attempt > len(WEBHOOK):
        return Next(state=DeliveryState.FAILED, reason=OutcomeReason.GAVE_UP, page=case.insists)
    wait = WEBHOOK[case.attempt - 1] * (1 + JITTER * chance)
    longest = LONGEST_ASKED_L4 if case.level is Level.L4 else LONGEST_ASKED
    if outcome.retry_after is not None:
        wait = max(wait, min(outcome.retry_after, longest))
    return Next(state=DeliveryState.DEFERRED, reason=outcome.reason, wait=wait)
