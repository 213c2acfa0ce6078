"""Reads one case with all its days and says why it has its level: for the command line, and later the portal."""

from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.cases import Case, Context
from alerts.explanation import Explanation, explain_case
from schemas.vocabularies import CaseState
from storage import archive, browsing
from storage.browsing import CaseDetail


@dataclass(frozen=True)
class Explained:
    """A case and why. `asked` is the rule set that answered, which may be newer than the one that graded."""

    case: str
    number: str | None
    asked: str
    why: Explanation


def explained(connection: Connection, asked: str, context: Context) -> Explained | None:
    """By id, the beginning of one, or an alert's number; None when no one case fits or nothing of it was graded."""
    found = browsing.case(connection, asked, limit=0)
    return None if found is None else explained_of(connection, found, context)


def explained_of(connection: Connection, found: CaseDetail, context: Context) -> Explained | None:
    """The same of a case that was looked up."""
    row = found.row
    days = archive.days_of(connection, row.id, ledger=row.tense, key=row.key)
    case = Case(
        id=row.id,
        ledger=row.tense,
        key=row.key,
        ordinal=0,
        subject=found.subject,
        state=CaseState(row.state),
        days=days.days,
        settled=found.grade,
        first_event=days.first_event,
        summary=found.summary,
    )
    why = explain_case(case, days.sightings, context)
    return None if why is None else Explained(row.id, row.number, context.grading.book.label, why)
