"""When a quiet time is over. Pure: the moment, and the subscriber's wish, are arguments."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from schemas.quiet_hours import WEEKEND, QuietHours

LONGEST: Final = timedelta(days=14)
"""No run of holidays is longer; whatever somebody wished for, nothing waits longer than this."""

_DAY: Final = timedelta(days=1)


def quiet_until(wish: QuietHours, now: datetime) -> datetime | None:
    """The end of the quiet time that holds at `now`, in UTC; None when it is not quiet."""
    end = now.astimezone(UTC)
    last = end + LONGEST
    while (later := _covering(wish, end)) is not None:
        end = later
        if end >= last:
            return last
    return end if end > now else None


def _covering(wish: QuietHours, moment: datetime) -> datetime | None:
    """The latest end of the quiet times that hold at `moment`."""
    local = moment.astimezone(ZoneInfo(wish.zone)).date()
    ends = [end for start, end in _around(wish, local) if start <= moment < end]
    return max(ends, default=None)


def _around(wish: QuietHours, day: date) -> Iterator[tuple[datetime, datetime]]:
    for each in (day - _DAY, day, day + _DAY):
        if wish.start is not None and wish.end is not None:
            ends_on = each if wish.end > wish.start else each + _DAY
            yield _instant(each, wish.start, wish.zone, fold=0), _instant(ends_on, wish.end, wish.zone, fold=1)
        if wish.business_days_of is not None and not _works(each, wish.business_days_of):
            yield _instant(each, time(0), wish.zone, fold=0), _instant(each + _DAY, time(0), wish.zone, fold=0)


def _instant(day: date, at: time, zone: str, *, fold: int) -> datetime:
    """The moment in UTC. A time that the clock skips is read with the offset before the gap: the moment after it."""
    local = datetime.combine(day, at.replace(fold=0), ZoneInfo(zone))
    first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if second < first:  # in a gap, fold 1 reads the offset after it
        return first
    return second if fold else first


def _works(day: date, country: str) -> bool:
    return day.weekday() not in WEEKEND and day not in _holidays(country, day.year)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    """National public holidays, without regional ones."""
    return frozenset(holidays.country_holidays(country, years=year))
