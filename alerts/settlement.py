"""Identity settled later: a corrected report leaves a provisional case empty, and the settled case takes its thread.

The people who were told of "unidentified nitazene" are told once, in the same thread, what it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.cases import Case
from alerts.filing import Touched, end
from alerts.lifecycle import Speak, Step
from schemas.vocabularies import AlertKind, CaseState, Change


@dataclass(frozen=True)
class Settled:
    """`emptied` lost its last report to the case `to`."""

    emptied: Touched
    to: Case
    took_thread: bool


def taken_over(touched: Sequence[Touched]) -> Settled | None:
    """Move the thread of a provisional case that a corrected report left empty; None when that did not happen."""
    emptied = next((entry for entry in touched if _emptied(entry)), None)
    targets = [entry.case for entry in touched if entry.carries and entry is not emptied]
    if emptied is None or len(targets) != 1 or not targets[0].computed:
        return None
    old, new = emptied.case, targets[0]
    old.state, old.touched, new.touched = CaseState.MOVED, True, True
    end(emptied.file, old)
    takes = new.thread is None
    if takes:
        new.thread, old.thread = old.thread, None
    return Settled(emptied, new, takes)


def settled_step(entry: Touched, settled: Settled | None) -> Step | None:
    """What the two cases of a settlement say: the thread's new holder once, or the emptied case when both have one."""
    if settled is None:
        return None
    if entry.case is settled.to and settled.took_thread and settled.to.thread is not None:
        announced, computed = settled.to.thread.announced, settled.to.computed
        kind = AlertKind.ESCALATED if computed > announced else AlertKind.UPDATED
        again = (Change.REOPENED,) if settled.to.thread.ended else ()
        return Speak(kind, max(announced, computed), (*again, Change.IDENTITY_SETTLED))
    if entry is settled.emptied and entry.case.thread is not None and not entry.case.thread.ended:
        return Speak(AlertKind.UPDATED, entry.case.thread.announced, (Change.IDENTITY_SETTLED,))
    return None


def _emptied(entry: Touched) -> bool:
    """A told case of provisional identity that the report left, and that holds nothing but history now."""
    subject, thread = entry.case.subject, entry.case.thread
    provisional = subject.key.startswith(("U:", "N:")) or subject.conflict
    told = thread is not None and not thread.cancelled
    return entry.report is None and told and provisional and not entry.case.live_days
