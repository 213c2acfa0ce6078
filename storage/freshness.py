"""When each laboratory was last heard of, and how much of what it sent was refused lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from storage.laboratories import LaboratoryState

LATELY: Final = timedelta(days=7)


class Heard(StrEnum):
    """How long ago the last report came."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    OLDER = "older"
    NEVER = "never"


_WITHIN: Final = (
    (timedelta(days=1), Heard.DAY),
    (timedelta(days=7), Heard.WEEK),
    (timedelta(days=30), Heard.MONTH),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """One laboratory. `last_report` is the broker's time, whatever became of the report; `silent` counts from it, or
    from the registration where nothing came yet. `refused` are the dead letters of the last seven days."""

    laboratory: str
    state: LaboratoryState
    last_report: datetime | None
    silent: timedelta
    refused: int

    @property
    def heard(self) -> Heard:
        """The span that `silent` falls in."""
        if self.last_report is None:
            return Heard.NEVER
        return next((heard for within, heard in _WITHIN if self.silent <= within), Heard.OLDER)


_LAST: Final = """(SELECT {at} FROM {table} AS kept WHERE kept.topic = l.topic AND kept.partition = 0
          ORDER BY kept."offset" DESC LIMIT 1)"""

_FRESHNESS: Final = text(f"""
    SELECT id, state, last_report, now() - coalesce(last_report, registered_at) AS silent, refused
    FROM (
        SELECT l.id, l.state, l.registered_at,
               greatest({_LAST.format(at="kept.decided_at", table="detections")},
                        {_LAST.format(at="kept.recorded_at", table="dead_letters")},
                        {_LAST.format(at="kept.recorded_at", table="waiting_revisions")},
                        (SELECT p.updated_at FROM stream_positions AS p
                         WHERE (p.flow, p.topic, p.partition) = ('live', l.topic, 0) AND p.duplicates > 0
                           AND p.last_offset > coalesce({_LAST.format(at='kept."offset"', table="detections")}, -1)
                           AND p.last_offset > coalesce({_LAST.format(at='kept."offset"', table="dead_letters")}, -1))
               ) AS last_report,
               (SELECT count(*) FROM dead_letters AS d
                WHERE d.topic IN (l.topic, 'backfill-' || l.id) AND d.recorded_at > now() - CAST(:lately AS interval)
               ) AS refused
        FROM laboratories AS l
    ) AS heard ORDER BY id
""")
"""By source: the indexes of reports and dead letters. Of duplicates no row is kept: where the last record was one, the
time at which it was read stands for it."""


def freshness(connection: Connection) -> tuple[Freshness, ...]:
    """Every laboratory, by id. Live reports count; history may be as old as it likes."""
    return tuple(
        Freshness(
            laboratory=row.id,
            state=LaboratoryState(row.state),
            last_report=row.last_report,
            silent=row.silent,
            refused=row.refused,
        )
        for row in connection.execute(_FRESHNESS, {"lately": LATELY})
    )
