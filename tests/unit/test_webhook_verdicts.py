"""Signatures that a receiver can check alone, and what an answer's status and Retry-After mean."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.outcomes import OutcomeReason, Verdict
from notifiers.webhook.signing import SecretRefused, key_of, signature
from notifiers.webhook.verdicts import LONGEST_WAIT, verdict_on_status, wait_asked_for

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_the_example_of_the_specification_is_reproduced() -> None:
    """Standard Webhooks, reference libraries: this secret, id, time and payload give this signature."""
    assert (
        signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body=b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def hmac_by_hand(key: bytes, text: bytes) -> bytes:
    """RFC 2104 written out, for a key of at most one block: what a receiver without our code computes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def test_a_computation_by_hand_gives_the_same_signature() -> None:
    key, body = bytes(range(32)), '{"name":"α-PVP"}'.encode()
    secret = "whsec_" + base64.b64encode(key).decode()
    expected = "v1," + base64.b64encode(hmac_by_hand(key, b"delivery-1.1764000000." + body)).decode()
    assert signature(secret, message_id="delivery-1", timestamp=1764000000, body=body) == expected


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode(), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
)
def test_a_weak_or_broken_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SecretRefused) as refusal:
        key_of(secret)
    assert secret not in str(refusal.value).replace("whsec_", "", 1) or len(secret) < 8


@pytest.mark.parametrize("message_id", ["", "a.b", "a\r\nb", "ä", "x" * 65])
def test_an_id_that_could_move_the_signed_parts_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        signature("whsec_" + base64.b64encode(b"x" * 32).decode(), message_id=message_id, timestamp=1, body=b"")


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        (200, Verdict.ACCEPTED, OutcomeReason.ACCEPTED),
        (204, Verdict.ACCEPTED, OutcomeReason.ACCEPTED),
        (299, Verdict.ACCEPTED, OutcomeReason.ACCEPTED),
        (301, Verdict.DEFERRED, OutcomeReason.REDIRECTED),
        (304, Verdict.DEFERRED, OutcomeReason.REDIRECTED),
        (400, Verdict.DEFERRED, OutcomeReason.CLIENT_ERROR),
        (404, Verdict.DEFERRED, OutcomeReason.CLIENT_ERROR),
        (410, Verdict.FAILED, OutcomeReason.GONE),
        (429, Verdict.DEFERRED, OutcomeReason.THROTTLED),
        (500, Verdict.DEFERRED, OutcomeReason.SERVER_ERROR),
        (503, Verdict.DEFERRED, OutcomeReason.THROTTLED),
        (999, Verdict.DEFERRED, OutcomeReason.SERVER_ERROR),
    ],
)
def test_only_a_2xx_is_success(status: int, verdict: Verdict, reason: OutcomeReason) -> None:
    outcome = verdict_on_status(status, answer="", retry_after=None)
    assert (outcome.verdict, outcome.reason, outcome.code) == (verdict, reason, str(status))


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("0", timedelta()),
        (" 120 ", timedelta(minutes=2)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("315360000", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("9" * 10_000, LONGEST_WAIT),
        (format_datetime(NOW + timedelta(minutes=10), usegmt=True), timedelta(minutes=10)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta()),
        (format_datetime(NOW + timedelta(days=3650), usegmt=True), LONGEST_WAIT),
        ("Tue, 24 Nov 2026 12:05:00", timedelta(minutes=5)),
        ("Tue, 99 Nov 2026 99:99:99 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_retry_after_is_read_in_every_form_it_comes_in(header: str | None, wait: timedelta | None) -> None:
    assert wait_asked_for(header, now=NOW) == wait


@given(st.text(max_size=60))
def test_no_retry_after_asks_for_more_than_a_day_or_less_than_nothing(header: str) -> None:
    wait = wait_asked_for(header, now=NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_WAIT
