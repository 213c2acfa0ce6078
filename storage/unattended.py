"""What waits for people and should not wait long: overdue reviews and time limits, restricted and held alerts."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from storage import notifications


class Waits(StrEnum):
    """What waits."""

    REVIEW = "review_overdue"
    TIME_LIMIT = "time_limit_overdue"
    RESTRICTED = "restricted"
    HELD = "held"


_COUNTS: Final = text("""
    SELECT (SELECT count(*) FROM cases WHERE thread->>'review_overdue' IS NOT NULL) AS review_overdue,
           (SELECT count(*) FROM restricted_threads WHERE decision IS NULL) AS restricted,
           (SELECT count(*) FROM held_events WHERE released_at IS NULL) AS held
""")
"""Each half minute, in one process: it goes through the cases."""


def counts(connection: Connection, today: date) -> Mapping[Waits, int]:
    """How many of each."""
    row = connection.execute(_COUNTS).one()
    late = sum(clock.overdue for one in notifications.of(connection).values() for clock in one.clocks(today))
    return {
        Waits.REVIEW: row.review_overdue,
        Waits.TIME_LIMIT: late,
        Waits.RESTRICTED: row.restricted,
        Waits.HELD: row.held,
    }
