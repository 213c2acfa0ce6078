"""What follows an attempt: the schedules, the one resend of an unknown, the pages."""

from datetime import timedelta

import pytest

from notifiers.outcomes import Outcome, OutcomeReason, Verdict, sanitised
from notifiers.retry import MAIL, RESEND_AFTER, WEBHOOK, Circumstances, after
from schemas.deliveries import Channel, DeliveryState, Purpose
from schemas.vocabularies import Level

SERVER_ERROR = Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.SERVER_ERROR)
TRY_LATER = Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.TRY_LATER)
REPLY_LOST = Outcome(verdict=Verdict.UNKNOWN, reason=OutcomeReason.REPLY_LOST)


def case(
    channel: Channel = Channel.WEBHOOK,
    *,
    attempt: int = 1,
    level: Level = Level.L2,
    statutory: bool = False,
    purpose: Purpose = Purpose.ALERT,
    resent: bool = False,
) -> Circumstances:
    return Circumstances(
        channel=channel, attempt=attempt, level=level, statutory=statutory, purpose=purpose, resent=resent
    )


def test_a_webhook_runs_through_its_schedule_and_then_has_failed() -> None:
    waits = [after(SERVER_ERROR, case(attempt=attempt), chance=0.0).wait for attempt in range(1, len(WEBHOOK) + 1)]
    assert waits == list(WEBHOOK)
    last = after(SERVER_ERROR, case(attempt=len(WEBHOOK) + 1, level=Level.L4), chance=0.0)
    assert (last.state, last.reason, last.wait, last.page) == (
        DeliveryState.FAILED,
        OutcomeReason.GAVE_UP,
        None,
        True,
    )


def test_chance_stretches_a_wait_by_at_most_a_fifth() -> None:
    wait = after(SERVER_ERROR, case(attempt=3), chance=0.999).wait
    assert wait is not None
    assert WEBHOOK[2] < wait < WEBHOOK[2] * 1.2


@pytest.mark.parametrize(
    ("level", "asked", "waited"),
    [
        (Level.L2, timedelta(minutes=30), timedelta(minutes=30)),
        (Level.L2, timedelta(days=3650), timedelta(hours=1)),
        (Level.L4, timedelta(hours=1), timedelta(minutes=5)),
        (Level.L2, timedelta(0), timedelta(seconds=5)),
    ],
)
def test_retry_after_is_obeyed_up_to_an_hour_and_five_minutes_for_l4(
    level: Level, asked: timedelta, waited: timedelta
) -> None:
    throttled = Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.THROTTLED, retry_after=asked)
    assert after(throttled, case(level=level), chance=0.0).wait == waited


def test_mail_waits_for_our_relay_without_end_and_raises_the_alarm_after_the_schedule() -> None:
    steps = [after(TRY_LATER, case(Channel.EMAIL, attempt=attempt), chance=0.0) for attempt in range(1, 7)]
    assert [step.wait for step in steps] == [*MAIL, MAIL[-1], MAIL[-1]]
    assert [step.page for step in steps] == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    "insisting",
    [
        case(Channel.EMAIL, level=Level.L3),
        case(Channel.EMAIL, level=Level.L4),
        case(Channel.EMAIL, level=Level.L1, statutory=True),
        case(Channel.EMAIL, level=Level.L1, purpose=Purpose.CANCEL),
    ],
)
def test_a_mail_that_must_arrive_is_resent_once_after_five_minutes_and_then_pages(insisting: Circumstances) -> None:
    first = after(REPLY_LOST, insisting, chance=0.0)
    assert (first.state, first.wait, first.resend, first.page) == (DeliveryState.UNKNOWN, RESEND_AFTER, True, False)
    again = Circumstances(
        channel=insisting.channel,
        attempt=2,
        level=insisting.level,
        statutory=insisting.statutory,
        purpose=insisting.purpose,
        resent=True,
    )
    second = after(REPLY_LOST, again, chance=0.0)
    assert (second.state, second.wait, second.page) == (DeliveryState.UNKNOWN, None, True)


def test_a_voluntary_l2_mail_stays_unknown() -> None:
    step = after(REPLY_LOST, case(Channel.EMAIL), chance=0.0)
    assert (step.state, step.wait, step.page) == (DeliveryState.UNKNOWN, None, False)


def test_a_webhook_that_may_have_been_taken_is_tried_as_usual() -> None:
    step = after(REPLY_LOST, case(level=Level.L4), chance=0.0)
    assert (step.state, step.wait) == (DeliveryState.DEFERRED, WEBHOOK[0])


@pytest.mark.parametrize(("statutory", "paged"), [(True, True), (False, False)])
def test_a_refusal_for_good_pages_where_it_must_arrive(statutory: bool, paged: bool) -> None:
    refused = Outcome(verdict=Verdict.FAILED, reason=OutcomeReason.ADDRESS_REFUSED)
    step = after(refused, case(Channel.EMAIL, statutory=statutory), chance=0.0)
    assert (step.state, step.wait, step.page) == (DeliveryState.FAILED, None, paged)


def test_what_a_server_answered_is_kept_short_and_without_secrets_or_controls() -> None:
    answer = sanitised("no\x00\r\n\x1b[31m whsec_c2VjcmV0c2VjcmV0 v1,abcDEF== Bearer abc.def " + "x" * 5000)
    assert "whsec_" not in answer and "abcDEF" not in answer and "abc.def" not in answer
    assert not any(ord(character) < 32 for character in answer)
    assert len(answer.encode()) <= 1024
