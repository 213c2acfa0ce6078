"""Quiet hours in the zones of Europe: over midnight, over clock changes, over weekends and national holidays."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notifiers.quiet import LONGEST, quiet_until
from schemas.quiet_hours import QuietHours

NIGHT = QuietHours(zone="Europe/Ljubljana", start=time(22), end=time(7))
LUNCH = QuietHours(zone="Europe/Lisbon", start=time(12), end=time(14))
WORK = QuietHours(zone="Europe/Ljubljana", business_days_of="SI")


def at(text: str, zone: str = "Europe/Ljubljana") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("wish", "now", "until"),
    [
        (NIGHT, at("2026-11-24T21:59:59"), None),
        (NIGHT, at("2026-11-24T22:00"), at("2026-11-25T07:00")),
        (NIGHT, at("2026-11-25T03:00"), at("2026-11-25T07:00")),
        (NIGHT, at("2026-11-25T07:00"), None),
        (LUNCH, at("2026-07-01T12:30", "Europe/Lisbon"), at("2026-07-01T14:00", "Europe/Lisbon")),
        (LUNCH, at("2026-07-01T11:30", "Europe/Lisbon"), None),
        # Christmas Day and St Stephen's Day 2025 were Thursday and Friday, then a weekend
        (WORK, at("2025-12-25T10:00"), at("2025-12-29T00:00")),
        (WORK, at("2026-11-24T10:00"), None),
        (WORK, at("2026-11-28T10:00"), at("2026-11-30T00:00")),
        # nights and free days join: Friday evening to Monday morning
        (
            NIGHT.model_copy(update={"business_days_of": "SI"}),
            at("2026-11-27T23:00"),
            at("2026-11-30T07:00"),
        ),
    ],
)
def test_quiet_hours_end_when_they_should(wish: QuietHours, now: datetime, until: datetime | None) -> None:
    assert quiet_until(wish, now) == until


def test_a_time_that_the_clock_skips_counts_as_the_moment_after() -> None:
    """29 March 2026: 02:00 to 03:00 does not exist in Ljubljana."""
    wish = QuietHours(zone="Europe/Ljubljana", start=time(1), end=time(2, 30))
    assert quiet_until(wish, at("2026-03-29T01:30")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_ends_at_the_second() -> None:
    """25 October 2026: 02:30 comes at 00:30 and at 01:30 UTC."""
    wish = QuietHours(zone="Europe/Ljubljana", start=time(1), end=time(2, 30))
    assert quiet_until(wish, datetime(2026, 10, 25, 0, 45, tzinfo=UTC)) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    begins = QuietHours(zone="Europe/Ljubljana", start=time(2, 30), end=time(5))
    assert quiet_until(begins, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == datetime(2026, 10, 25, 4, 0, tzinfo=UTC)


@given(
    st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.times(),
    st.times(),
    st.sampled_from(["Europe/Dublin", "Europe/Athens", "Atlantic/Azores", "Europe/Istanbul"]),
    st.sampled_from([None, "GR", "IE"]),
)
def test_it_is_never_quiet_at_the_end_and_nothing_waits_for_ever(
    now: datetime, start: time, end: time, zone: str, country: str | None
) -> None:
    if start == end:
        return
    wish = QuietHours(zone=zone, start=start, end=end, business_days_of=country)
    until = quiet_until(wish, now)
    if until is not None:
        assert now < until <= now + LONGEST
        assert quiet_until(wish, until) is None or until == now + LONGEST


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"zone": "Europe/Nowhere", "start": "22:00", "end": "07:00"}, "IANA"),
        ({"zone": "../etc/passwd", "start": "22:00", "end": "07:00"}, "IANA"),
        ({"zone": "Europe/Ljubljana", "start": "22:00"}, "belong together"),
        ({"zone": "Europe/Ljubljana", "start": "22:00", "end": "22:00"}, "the same"),
        ({"zone": "Europe/Ljubljana"}, "need start and end"),
        ({"zone": "Europe/Ljubljana", "business_days_of": "XX"}, "not known"),
        ({"zone": "Europe/Ljubljana", "start": "22:00+02:00", "end": "07:00"}, "without an offset"),
    ],
)
def test_a_wish_that_cannot_be_kept_is_refused(given_: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        QuietHours.model_validate(given_)


def test_the_wish_of_a_moment_is_a_wish_in_every_zone() -> None:
    assert quiet_until(NIGHT, at("2026-11-24T22:00")) == quiet_until(
        NIGHT, at("2026-11-24T22:00").astimezone(ZoneInfo("Asia/Tokyo")) + timedelta(0)
    )
