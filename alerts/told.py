"""What people were told before the database was restored: decided again, it is told to nobody a second time.

After a restore the worker reads the laboratories' logs from older positions and comes to the same alerts again. Their
numbers and ids are those that people know; up to the last thing they were told, only a higher level speaks. What
persons had decided meanwhile is repeated at its time, before the first report after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from alerts.cases import Case
from alerts.threads import Thread
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.vocabularies import AlertKind, Change, Level

BY_PERSONS: Final = frozenset({Change.CANCELLED_BY_PERSON, Change.CLOSED_BY_PERSON, Change.LOWERED_BY_PERSON})
"""What no report and no clock brings about again; it is repeated."""

NOT_REPEATED: Final = frozenset(
    {Change.REOPENED, Change.OVERRIDDEN, Change.OVERRIDE_ENDED, Change.MERGED, Change.SPLIT, Change.UNDONE}
)
"""Decisions of persons of which the message does not say all that was decided: a person makes them again."""


class Decision(Frozen):
    """What a person made an alert say."""

    at: AwareDatetime
    kind: AlertKind
    level: Level
    changes: tuple[Change, ...]
    reason: str | None


class ToldBefore(Frozen):
    """One alert as people know it. `until` is when the last of it was decided, `level` the highest that was told.

    `case_id` is the case that raised it, where the restored database does not know that it did.
    """

    alert_id: str
    case_id: str | None
    number: str
    revision: int
    level: Level
    until: AwareDatetime
    decisions: tuple[Decision, ...] = ()

    @classmethod
    def of(cls, events: Sequence[AlertEvent]) -> "ToldBefore":
        """All that was told of one alert and is not known any more, by revision."""
        first, last = events[0], events[-1]
        return cls(
            alert_id=first.alert_id,
            case_id=first.case_id if first.revision == 1 else None,
            number=first.number,
            revision=last.revision,
            level=max(event.level for event in events),
            until=max(event.decided_at for event in events),
            decisions=tuple(_decision(event) for event in events if BY_PERSONS & set(event.changes)),
        )

    def with_earlier(self, other: "ToldBefore") -> "ToldBefore":
        """With what an earlier recovery knew of the same alert."""
        return self.model_copy(
            update={
                "case_id": other.case_id or self.case_id,
                "revision": max(self.revision, other.revision),
                "level": max(self.level, other.level),
                "until": max(self.until, other.until),
                "decisions": tuple(sorted({*self.decisions, *other.decisions}, key=lambda one: one.at)),
            }
        )


def _decision(event: AlertEvent) -> Decision:
    return Decision(at=event.decided_at, kind=event.kind, level=event.level, changes=event.changes, reason=event.reason)


Told = Mapping[str, ToldBefore]
"""What was told before, by alert and by the case that raises it."""


def by_alert_and_case(found: Iterable[ToldBefore]) -> Told:
    """To look up by either id."""
    both = [(key, one) for one in found for key in (one.alert_id, one.case_id) if key is not None]
    return dict(both)


def resume(told: Told, case: Case, thread: Thread, before: Thread | None, *, at: datetime) -> tuple[Thread, bool]:
    """The thread as people know it, and whether they were told this already.

    `thread` has taken the step that is about to be said at `at`, `before` is how it stood. What is new is said as a
    revision above all that were told.
    """
    known = told.get(case.id if before is None else before.alert_id)
    if known is None:
        return thread, False
    repeats = at <= known.until and thread.announced <= known.level
    reached = max(known.revision, 0 if before is None else before.revision)
    update = {
        "alert_id": known.alert_id,
        "number": known.number,
        "revision": reached if repeats else reached + 1,
    }
    return thread.model_copy(update=update), repeats


def decisions_due(told: Told, case: Case, now: datetime) -> tuple[Decision, ...]:
    """What persons had decided about the alert of a case up to now and is not in its thread."""
    thread = case.thread
    known = told.get(thread.alert_id) if thread is not None else None
    if thread is None or known is None:
        return ()
    said = thread.said.decided_at if thread.said else thread.raised_at
    return tuple(one for one in known.decisions if said < one.at <= now)
