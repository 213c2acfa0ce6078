"""What of a case is due when: gathered updates, the end of what is provisional or valid, reviews, overrides.

A deadline is a row that the clock claims; a report that comes later than one runs it first, so that it does not matter
which of the two was faster. The time at which it is due is the time of the decision.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from alerts.cases import Case


class Deadline(StrEnum):
    """The kinds, in the order in which they run when several are due at one instant."""

    EXPIRY = "expiry"
    GATHER = "gather"
    OVERRIDE = "override"
    REVIEW = "review"


def deadlines(case: Case) -> Mapping[Deadline, datetime]:
    """Everything of a case that is due at some time. An ended alert has nothing left to do."""
    thread = case.thread
    if thread is None or thread.ended:
        return {}
    override = case.decisions.override
    ends = (thread.valid_until, thread.expires_at if case.provisional else None)
    found = {
        Deadline.EXPIRY: min((end for end in ends if end is not None), default=None),
        Deadline.GATHER: thread.gather_due,
        Deadline.OVERRIDE: override.until if override else None,
        Deadline.REVIEW: None if case.provisional else thread.review_at,
    }
    return {kind: due for kind, due in found.items() if due is not None}


def earliest(case: Case, until: datetime) -> tuple[datetime, Deadline] | None:
    """The deadline of a case that has been due longest at an instant; None when none is."""
    return min(((due, kind) for kind, due in deadlines(case).items() if due <= until), default=None)


def timer_key(case: Case, kind: Deadline) -> str:
    """The name of a deadline: one of each kind per alert."""
    return f"{kind}:{case.thread.alert_id if case.thread else case.id}"
