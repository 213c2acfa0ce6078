"""What happens when something of a case is due: updates that gathered, expiry, a review, the end of an override."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from alerts.cases import Case, CaseFile
from alerts.deadlines import Deadline
from alerts.lifecycle import Speak, Step, after_expiry, after_gathering, moved_to
from alerts.shapes import Shape
from alerts.speaking import MACHINE, Saying, action_of, note, reason_of, take
from schemas.vocabularies import Change, Level

Due = Callable[[CaseFile, Case, Saying], None]


def _gathered(file: CaseFile, case: Case, saying: Saying) -> None:
    """Say what gathered, if anything of it is still new; the window is over either way."""
    shape, step = Shape.of(case), after_gathering(case)
    if case.thread is not None:
        case.thread = case.thread.model_copy(update={"gather_due": None})
    _take(file, case, step, saying, shape)


def _expired(file: CaseFile, case: Case, saying: Saying) -> None:
    """Tell those who have the alert that it holds no longer. The case stays: what comes later is told again."""
    _take(file, case, after_expiry(case, saying.at), saying, Shape.of(case))


def _overridden(file: CaseFile, case: Case, saying: Saying) -> None:
    """A level that a person set goes back to what was told before, or to what the reports give if that is more."""
    shape, before = Shape.of(case), case.decisions.before_override or Level.L0
    case.decisions = case.decisions.model_copy(update={"override": None, "before_override": None})
    _take(file, case, _returned(case, max(before, case.computed)), saying, shape)


def _returned(case: Case, level: Level) -> Speak:
    return moved_to(case, level, Change.OVERRIDE_ENDED)


def _overdue(file: CaseFile, case: Case, saying: Saying) -> None:
    """Nobody looked in time: the log and the lists say so. Nobody outside is told, for nothing has changed."""
    shape = Shape.of(case)
    if case.thread is not None:
        case.thread = case.thread.model_copy(update={"review_at": None, "review_overdue": saying.at})
    case.touched = True
    reason = f"due at {saying.at.isoformat()}"
    note(case, saying, actor=MACHINE, action="review_overdue", reason=reason, before=case.computed, shape=shape)


def _take(file: CaseFile, case: Case, step: Step, saying: Saying, shape: Shape) -> None:
    before, case.touched = case.computed, True
    take(file, case, step, saying)
    note(case, saying, actor=MACHINE, action=action_of(step), reason=reason_of(step), before=before, shape=shape)


DUE: Final[Mapping[Deadline, Due]] = MappingProxyType(
    {
        Deadline.EXPIRY: _expired,
        Deadline.GATHER: _gathered,
        Deadline.OVERRIDE: _overridden,
        Deadline.REVIEW: _overdue,
    }
)
