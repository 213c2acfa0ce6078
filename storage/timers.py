"""What is due: timers as rows, each claimed in the transaction of its effect, in the order they are due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from alerts.deadlines import Deadline
from schemas.vocabularies import Tense

_NEXT: Final = text("""
    SELECT key, kind, due_at, ledger, case_key, case_id FROM timers
    WHERE due_at <= :now ORDER BY due_at, key LIMIT 1
""")

_CLAIM: Final = text("DELETE FROM timers WHERE key = :key AND due_at = :due_at RETURNING key")


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer:
    """Something of one case that is due: the kind says what."""

    key: str
    kind: Deadline
    due_at: datetime
    ledger: Tense
    case_key: str
    case_id: str


def next_due(connection: Connection, now: datetime) -> Timer | None:
    """The timer that has been due longest; None when none is."""
    row = connection.execute(_NEXT, {"now": now}).one_or_none()
    if row is None:
        return None
    return Timer(
        key=row.key,
        kind=Deadline(row.kind),
        due_at=row.due_at,
        ledger=Tense(row.ledger),
        case_key=row.case_key,
        case_id=row.case_id,
    )


def claim(connection: Connection, timer: Timer) -> bool:
    """Take a timer out, under the lock of its case; False when another process or a report was first."""
    return connection.execute(_CLAIM, {"key": timer.key, "due_at": timer.due_at}).one_or_none() is not None
