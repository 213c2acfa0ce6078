"""Formal notifications: drafts that open by themselves when something is new to the Union, and the steps taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, text

from alerts.deciding import Word
from alerts.time_limits import Clock, Step, clocks


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """The draft of a case, with the steps that people took."""

    case_id: str
    number: str
    opened_at: datetime
    done: Mapping[Step, date] = field(default_factory=dict)

    def clocks(self, today: date) -> tuple[Clock, ...]:
        """Its time limits as they stand."""
        return clocks(self.opened_at.date(), self.done, today)


_OPEN: Final = text("""
    INSERT INTO notifications (case_id, number, opened_at)
    SELECT f.case_id, f.number || lpad(CAST(f.next AS text), greatest(4, length(CAST(f.next AS text))), '0'), f.at
    FROM (
      SELECT a.case_id, min(a.decided_at) AS at, nextval('notification_numbers') AS next,
             'TOC-FN-' || extract(year FROM min(a.decided_at) AT TIME ZONE 'UTC') || '-' AS number
      FROM alerts a LEFT JOIN notifications n USING (case_id)
      WHERE a.tense = 'actual' AND a.body->>'novelty' = 'new_to_union' AND n.case_id IS NULL
      GROUP BY a.case_id ORDER BY min(a.decided_at), a.case_id
    ) AS f
    ON CONFLICT (case_id) DO NOTHING RETURNING number
""")
"""Once for each case; by the partial index of such alerts, which are few."""

_ALL: Final = text("""
    SELECT n.case_id, n.number, n.opened_at,
           coalesce(jsonb_object_agg(s.step, s.done_on) FILTER (WHERE s.step IS NOT NULL), '{}') AS done
    FROM notifications n LEFT JOIN notification_steps s USING (case_id)
    WHERE CAST(:ids AS text[]) IS NULL OR n.case_id = ANY(:ids) GROUP BY n.case_id ORDER BY n.number
""")

_STEP: Final = text("""
    INSERT INTO notification_steps (case_id, step, done_on, actor, reason, at)
    VALUES (:case_id, :step, :on, :by, :reason, :at)
    ON CONFLICT (case_id, step) DO UPDATE SET done_on = excluded.done_on, actor = excluded.actor,
      reason = excluded.reason, at = excluded.at
""")


def open_due(connection: Connection) -> list[str]:
    """Open the draft of every case of which an alert said that it is new to the Union; the numbers of new ones."""
    return list(connection.execute(_OPEN).scalars())


def of(connection: Connection, case_ids: list[str] | None = None) -> dict[str, Notification]:
    """The notifications of these cases, or all, by case."""
    return {
        row.case_id: Notification(
            case_id=row.case_id,
            number=row.number,
            opened_at=row.opened_at,
            done={Step(step): date.fromisoformat(on) for step, on in row.done.items()},
        )
        for row in connection.execute(_ALL, {"ids": case_ids})
    }


def take(connection: Connection, case_id: str, step: Step, on: date, word: Word, *, at: datetime) -> None:
    """Keep that a step was taken; said again, the later word counts (the case log keeps both)."""
    values = {"case_id": case_id, "step": step, "on": on, "by": word.by, "reason": word.reason, "at": at}
    connection.execute(_STEP, values)
