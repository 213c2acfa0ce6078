"""The time limits of a formal notification: Art. 8 to 10 of Regulation (EU) 2023/1322, as clocks on a case.

A clock runs once what it counts from has happened; until then it shows when it would end if each step were taken at
once. Only one that runs can be overdue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from schemas.base import Frozen


class Step(StrEnum):
    """What is done on the way, in this order; people say when each was."""

    INFORMATION = "information"
    REQUEST = "request"
    INITIAL_REPORT = "initial_report"
    ASSESSMENT_REQUEST = "assessment_request"
    ASSESSMENT = "assessment"


class Clock(Frozen):
    """A time limit. `since`: when what it counts from happened, or the earliest that it can if it does not run yet."""

    step: Step
    article: str
    what: str
    weeks: int
    starts_with: str
    since: date
    due: date
    runs: bool
    done: date | None = None
    overdue: bool = False


@dataclass(frozen=True)
class _Limit:
    step: Step
    article: str
    what: str
    weeks: int
    starts_with: str
    after: Step | None


_LIMITS = (
    _Limit(Step.INFORMATION, "Art. 8(1)", "information to the Agency and Europol, without undue delay", 0,
           "detection", None),
    _Limit(Step.INITIAL_REPORT, "Art. 9", "initial report of the Agency", 5,
           "request for an initial report", Step.REQUEST),
    _Limit(Step.ASSESSMENT_REQUEST, "Art. 10(1)", "request for a risk assessment", 2,
           "receipt of the initial report", Step.INITIAL_REPORT),
    _Limit(Step.ASSESSMENT, "Art. 10", "risk assessment report", 6,
           "request for a risk assessment", Step.ASSESSMENT_REQUEST),
)  # fmt: skip


def clocks(since: date, done: Mapping[Step, date], today: date) -> tuple[Clock, ...]:
    """Every limit of a notification that was opened on a day, as it stands today."""
    found, earliest = list[Clock](), since
    for limit in _LIMITS:
        began = since if limit.after is None else done.get(limit.after)
        start = earliest if began is None else began
        due, finished = start + timedelta(weeks=limit.weeks), done.get(limit.step)
        found.append(
            Clock(
                step=limit.step,
                article=limit.article,
                what=limit.what,
                weeks=limit.weeks,
                starts_with=limit.starts_with,
                since=start,
                due=due,
                runs=began is not None and finished is None,
                done=finished,
                overdue=began is not None and finished is None and today > due,
            )
        )
        earliest = finished or due
    return tuple(found)


def before(step: Step) -> Step | None:
    """The step without which this one cannot have been taken."""
    order = list(Step)
    place = order.index(step)
    return order[place - 1] if place > 1 else None
