"""Time zones by their names in the IANA list."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _known(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone of the IANA list, such as Europe/Ljubljana") from None
    return value


Zone = Annotated[str, AfterValidator(_known)]
"""A name that the system's zones, or those we ship, have."""
