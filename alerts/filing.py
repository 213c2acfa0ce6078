"""Files a report: out of the cases its earlier revision was in, into those its components qualify for."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.cases import Case, CaseFile, Context, Report, add, case_id, recount, remove
from alerts.deduplication import KnownEvent
from alerts.evidence import Evidence
from alerts.memory import Memory
from schemas.vocabularies import CaseState, Level, Tense


@dataclass
class Touched:
    """A case that a report touched. `before` is its level before; `report` what it now says to it (None: nothing)."""

    file: CaseFile
    case: Case
    before: Level
    report: Evidence | None = None
    opened: bool = False
    closed: bool = False

    @property
    def fell(self) -> bool:
        """Its computed level is lower than before the report."""
        return self.case.computed < self.before

    @property
    def carries(self) -> bool:
        """Whether the report now stands in the case and is not history."""
        return self.report is not None and self.report.tense is not Tense.ARCHIVAL


def file_report(
    report: Report, known: KnownEvent, said: Sequence[Evidence], memory: Memory, context: Context
) -> list[Touched]:
    """Every case touched, in the order of case keys, those the report left first."""
    touched: dict[str, Touched] = {}
    before: dict[str, str] = {}
    for key in sorted(known.files):
        file = memory.file(known.ledger, key)
        left = _leave(file, report, context)
        if left is not None:
            touched[left.case.id] = left
            before[key] = left.case.id
    for evidence in said:
        file = memory.file(evidence.ledger, evidence.case_key)
        case, closed = _case_for(file, evidence, before.get(file.key), context)
        for other in closed:
            touched.setdefault(other.id, Touched(file, other, other.computed, closed=True))
        opened = not case.listed
        entry = touched.setdefault(case.id, Touched(file, case, case.computed))
        entry.opened = opened and evidence.tense is not Tense.ARCHIVAL
        add(file, case, evidence, context)
        entry.report = evidence
    return list(touched.values())


def _leave(file: CaseFile, report: Report, context: Context) -> Touched | None:
    """Take the earlier revision out of the case it was filed in."""
    filed = file.reports().get(report)
    case = next((case for case in file.cases() if filed is not None and case.id == filed.case), None)
    if case is None:
        return None
    touched = Touched(file, case, case.computed)
    remove(file, report, context)
    return touched


def _case_for(file: CaseFile, evidence: Evidence, left: str | None, context: Context) -> tuple[Case, list[Case]]:
    """The case a report joins, opened where there is none, and the cases that this closes."""
    same = next((case for case in file.cases() if case.id == left and case.state is not CaseState.RETRACTED), None)
    if same is not None:
        return same, []
    current = file.current
    if current is None:
        return _open(file, evidence, context), []
    if not _too_far(current, evidence, context):
        return current, []
    newer = evidence.day > max(current.live_days)
    file.reports()
    if newer:
        _close(file, current)
        return _open(file, evidence, context), [current]
    apart = _new_case(file, evidence)
    apart.state = CaseState.CLOSED
    file.ended[apart.id] = apart
    return apart, []


def _too_far(case: Case, evidence: Evidence, context: Context) -> bool:
    """Unidentified findings share a case only while each is within 28 days of another of it."""
    if not evidence.subject.unidentified or evidence.tense is Tense.ARCHIVAL or not case.live_days:
        return False
    days = context.grading.rules.windows_days.unidentified
    return min(abs((day - evidence.day).days) for day in case.live_days) > days


def _open(file: CaseFile, evidence: Evidence, context: Context) -> Case:
    case = _new_case(file, evidence)
    file.current = case
    if case.ordinal:
        recount(file, context)
    return case


def _new_case(file: CaseFile, evidence: Evidence) -> Case:
    ordinal = file.next_ordinal
    file.next_ordinal += 1
    return Case(
        id=case_id(file.ledger, file.key, ordinal),
        ledger=file.ledger,
        key=file.key,
        ordinal=ordinal,
        subject=evidence.subject,
    )


def _close(file: CaseFile, case: Case) -> None:
    """End the open case; it stays where it can be looked at."""
    case.state, case.touched = CaseState.CLOSED, True
    end(file, case)


def end(file: CaseFile, case: Case) -> None:
    """The case is no longer the open one of its key."""
    file.ended[case.id] = case
    if file.current is case:
        file.current = None
