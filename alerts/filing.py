"""Files a report: out of the cases its earlier revision was in, into those its components qualify for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.cases import Case, CaseFile, Context, Filed, Report, new_case
from alerts.chains import refile, regroup
from alerts.counting import add, recount, remove, replace
from alerts.deduplication import KnownEvent
from alerts.evidence import Evidence
from alerts.memory import Memory
from alerts.shapes import Shape
from schemas.vocabularies import CaseState, Change, Level, Tense


@dataclass
class Touched:
    """A case that a report touched. `before` is its level before; `report` what it now says to it (None: nothing).

    `held`: an earlier revision of the report stood in it, and said `was`. `joined` are other reports that came to it
    from another case of its key; `shape` is what else it was before, None for a new one.
    """

    file: CaseFile
    case: Case
    before: Level
    report: Evidence | None = None
    held: bool = False
    closed: bool = False
    was: Evidence | None = None
    joined: tuple[Report, ...] = ()
    shape: Shape | None = None

    @property
    def fell(self) -> bool:
        """What it said before was taken back, and the computed level is lower for it, or nothing is left to grade."""
        return self.held and (self.case.computed < self.before or not self.case.live_days)

    @property
    def carries(self) -> bool:
        """Whether the report now stands in the case and is not history."""
        return self.report is not None and self.report.tense is not Tense.ARCHIVAL


@dataclass
class _Before:
    """How the cases of one file stood before the report, and which of them held its earlier revision."""

    file: CaseFile
    levels: dict[str, Level]
    shapes: dict[str, Shape]
    added: int
    held: str | None = None
    was: Evidence | None = None
    said: list[Evidence] = field(default_factory=list)

    @classmethod
    def of(cls, file: CaseFile) -> "_Before":
        cases = list(file.cases())
        levels, shapes = {case.id: case.computed for case in cases}, {case.id: Shape.of(case) for case in cases}
        return cls(file, levels, shapes, len(file.added))

    def touched(self, case: Case, report: Report) -> Touched | None:
        """What the report did to a case; None when it did nothing."""
        before, shape = self.levels.get(case.id, Level.L0), self.shapes.get(case.id)
        stands, held = _stands_in(self.file, case, report, self.said), case.id == self.held
        joined = self._joined(case, report)
        if not (stands or held or joined or case.computed != before or shape != Shape.of(case)):
            return None
        closed = case.state is CaseState.CLOSED and (shape is None or shape.state is CaseState.OPEN)
        was = self.was if held else None
        return Touched(self.file, case, before, stands, held, closed, was=was, joined=joined, shape=shape)

    def _joined(self, case: Case, report: Report) -> tuple[Report, ...]:
        news = self.file.added[self.added :]
        found = {item.evidence.report for item in news if item.case == case.id} - {report}
        return tuple(sorted(found, key=str))


def file_report(
    report: Report, known: KnownEvent, said: Sequence[Evidence], memory: Memory, context: Context
) -> list[Touched]:
    """Every case touched, in the order of case keys, those the report left first."""
    seen: dict[str, _Before] = {}
    for key in sorted(known.files):
        file = memory.file(known.ledger, key)
        before = seen.setdefault(f"{file.ledger}:{key}", _Before.of(file))
        filed = file.around(report).get(report)
        if filed is None:
            continue
        before.held, before.was = filed.case, filed.evidence
        following = next((item for item in said if (item.ledger, item.case_key) == (file.ledger, key)), None)
        if following is not None and _stays(file, filed, following):
            replace(file, following, context)
            before.said.append(following)
        else:
            _take_out(file, report, context)
    for evidence in said:
        file = memory.file(evidence.ledger, evidence.case_key)
        before = seen.setdefault(f"{file.ledger}:{file.key}", _Before.of(file))
        if evidence in before.said:
            continue
        before.said.append(evidence)
        _put_in(file, evidence, before.held, context)
    found = (before.touched(case, report) for before in seen.values() for case in list(before.file.cases()))
    return [entry for entry in found if entry is not None]


def _stays(file: CaseFile, filed: Filed, following: Evidence) -> bool:
    """Whether the next revision only takes the place of the one before it: its case goes on, about the same."""
    case = next((one for one in file.cases() if one.id == filed.case), None)
    if case is None or case.state is CaseState.RETRACTED or following.subject.unidentified:
        return False
    return filed.evidence.subject == following.subject and filed.evidence.tense is following.tense


def _take_out(file: CaseFile, report: Report, context: Context) -> None:
    chained = file.around()[report].evidence.subject.unidentified
    if chained:
        file.reports()
    remove(file, report, context)
    if chained:
        regroup(file, context)
    _go_on(file, context)


def _go_on(file: CaseFile, context: Context) -> None:
    """Open a case for what a withdrawn one kept, where that reaches a level again without its history."""
    kept = next((case for case in file.ended.values() if _left_behind(file, case.id) and case.live_days), None)
    if file.current is not None or kept is None or kept.grade is None or kept.grade.level < Level.L1:
        return
    first = min((item.evidence for item in file.reports().values() if item.case == kept.id), key=lambda one: one.order)
    _open(file, first, context)


def _put_in(file: CaseFile, evidence: Evidence, held: str | None, context: Context) -> None:
    """File in the case that held the earlier revision, else in the open one, else in a new one."""
    if evidence.subject.unidentified:
        file.reports()
    same = next((case for case in file.cases() if case.id == held and case.state is not CaseState.RETRACTED), None)
    add(file, same or file.current or _open(file, evidence, context), evidence, context)
    if evidence.subject.unidentified:
        regroup(file, context)


def _stands_in(file: CaseFile, case: Case, report: Report, said: Sequence[Evidence]) -> Evidence | None:
    """What the report now says to this case."""
    evidence = next((item for item in said if item.report == report), None)
    if evidence is None:
        return None
    last = next((item for item in reversed(file.added) if item.evidence.report == report), None)
    return evidence if last is not None and last.case == case.id else None


def _open(file: CaseFile, evidence: Evidence, context: Context) -> Case:
    """A new open case; what an earlier one kept when the machine withdrew it goes on in it."""
    case = new_case(file, evidence)
    file.current = case
    if case.ordinal:
        for item in list(file.reports().values()):
            if _left_behind(file, item.case):
                refile(file, item, case)
        recount(file, context)
    return case


def _left_behind(file: CaseFile, case_id: str) -> bool:
    """Whether a case ended because a report was withdrawn, not because a person cancelled it."""
    case = file.ended.get(case_id)
    if case is None or case.state is not CaseState.RETRACTED or case.thread is None or case.thread.said is None:
        return False
    return Change.CANCELLED_BY_PERSON not in case.thread.said.changes


def end(file: CaseFile, case: Case) -> None:
    """The case is no longer the open one of its key."""
    file.ended[case.id] = case
    if file.current is case:
        file.current = None
