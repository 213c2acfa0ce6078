"""Duty windows: weekly, on the wall clock of a zone, over midnight and over the end of the week."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from schemas.duty import DutyWindow, on_duty


def window(start: str, end: str, zone: str = "Europe/Ljubljana") -> DutyWindow:
    return DutyWindow.model_validate({"from": start, "to": end, "zone": zone})


def at(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "held"),
    [
        (at(24, 7, 0), True),  # Tuesday 08:00 in Ljubljana
        (at(24, 6, 59), False),
        (at(24, 16, 59), True),
        (at(24, 17, 0), False),
        (at(25, 8, 0), False),
    ],
)
def test_a_window_begins_and_ends_on_the_wall_clock_of_its_zone(now: datetime, held: bool) -> None:
    assert window("Tue 08:00", "Tue 18:00").holds(now) is held


def test_summer_time_moves_it_with_the_clock() -> None:
    assert window("Tue 08:00", "Tue 18:00").holds(at(21, 6, 0, month=7))


@pytest.mark.parametrize(
    ("now", "held"), [(at(27, 17), True), (at(29, 12), True), (at(30, 6), True), (at(30, 7), False)]
)
def test_a_weekend_goes_over_the_end_of_the_week(now: datetime, held: bool) -> None:
    assert window("Fri 18:00", "Mon 08:00").holds(now) is held


def test_without_windows_somebody_is_always_on_duty() -> None:
    assert on_duty((), at(24, 3))
    assert not on_duty((window("Tue 08:00", "Tue 18:00"),), at(24, 3))
    assert window("Mon 08:00", "Mon 08:00").holds(at(26, 3))


@pytest.mark.parametrize("wrong", ["8:00", "Tuesday 08:00", "Tue 24:00", "Tue 08:60", ""])
def test_a_moment_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="not a day and a time"):
        window(wrong, "Tue 18:00")


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="not a time zone"):
        window("Tue 08:00", "Tue 18:00", "Europe/Atlantis")
