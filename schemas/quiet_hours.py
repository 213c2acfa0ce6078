"""When a subscriber does not want to be disturbed: hours of a day in a zone, and days on which nobody works."""

from datetime import time
from typing import Final, Self

import holidays
from pydantic import Field, field_validator, model_validator

from schemas.base import Frozen
from schemas.zones import Zone

WEEKEND: Final = frozenset({5, 6})


class QuietHours(Frozen):
    """From `start` to `end` on every day, over midnight when `end` is earlier; with `business_days_of`, weekends and
    the national holidays of that country are quiet as a whole. Times are the wall clock of `zone` (IANA): one that the
    clock skips counts as the moment after, one that comes twice begins at the first and ends at the second."""

    zone: Zone
    start: time | None = None
    end: time | None = None
    business_days_of: str | None = Field(default=None, pattern="^[A-Z]{2}$")

    @field_validator("business_days_of")
    @classmethod
    def _has_holidays(cls, value: str | None) -> str | None:
        if value is not None and value not in holidays.list_supported_countries():
            raise ValueError(f"the holidays of {value} are not known: leave business_days_of out")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end belong together: give both or neither")
        if self.start is not None and self.start == self.end:
            raise ValueError("start and end are the same: that would be the whole day, or nothing")
        if self.start is None and self.business_days_of is None:
            raise ValueError("quiet hours need start and end, or business_days_of, or all three")
        if any(one is not None and one.tzinfo is not None for one in (self.start, self.end)):
            raise ValueError("start and end are times of the zone, such as 22:00, without an offset of their own")
        return self
