"""When a destination is on duty: weekly windows on the wall clock of a zone."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, field_validator

from schemas.base import Frozen
from schemas.zones import Zone

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOMENT: Final = re.compile(rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")
WEEK: Final = 7 * 24 * 60


class DutyWindow(Frozen):
    """From one moment of the week up to another, over its end when `to` is earlier: `Fri 18:00` to `Mon 08:00`."""

    model_config = ConfigDict(populate_by_name=True)

    since: str = Field(alias="from")
    until: str = Field(alias="to")
    zone: Zone

    @field_validator("since", "until")
    @classmethod
    def _moment(cls, value: str) -> str:
        if not MOMENT.fullmatch(value):
            raise ValueError(f"{value!r} is not a day and a time, such as 'Mon 08:00'")
        return value

    def holds(self, now: datetime) -> bool:
        """Whether `now` lies in it. The same moments mean the whole week."""
        local = now.astimezone(ZoneInfo(self.zone))
        minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
        start, end = _minute(self.since), _minute(self.until)
        return (minute - start) % WEEK < ((end - start) % WEEK or WEEK)


def on_duty(windows: tuple[DutyWindow, ...], now: datetime) -> bool:
    """Whether any window holds; without windows always."""
    return not windows or any(window.holds(now) for window in windows)


def _minute(moment: str) -> int:
    found = MOMENT.fullmatch(moment)
    assert found is not None
    return (DAYS.index(found[1]) * 24 + int(found[2])) * 60 + int(found[3])
