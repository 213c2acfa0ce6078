"""Cases: all findings that speak of one threat, kept as days, grades and a summary.

A `CaseFile` holds everything under one case key: the open case, those that ended, and (only when somebody needs
them) the reports behind them. A report that belongs to no event seen before is added to its day and only the anchors
at or after it are graded again; everything else (a second report of one event, an amendment, a retraction) recounts
the case from its reports. Both ways give the same days and grades.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from uuid import UUID

from alerts.days import Cell, Place, occurrence
from alerts.decisions import UNDECIDED, Decisions
from alerts.errors import Missing
from alerts.evidence import Evidence, Subject
from alerts.facts import Facts, Past, facts_at
from alerts.grading import Grade, Grading, highest
from alerts.lookback import Lookback
from alerts.occurrences import connected
from alerts.rulebook import Windows
from alerts.summary import Summary
from alerts.threads import Thread
from schemas.vocabularies import CaseState, Confidence, Level, Tense

Report = tuple[str, UUID]
FileKey = tuple[Tense, str]
MOST_LOOKS = 100
"""Anchors of one case whose windows stay added up: reports come in the order of their events, more or less."""


def case_id(ledger: Tense, key: str, ordinal: int) -> str:
    """The same case in every replay: a hash of its ledger, key and place among the cases of that key."""
    return hashlib.sha256(f"case\n{ledger}\n{key}\n{ordinal}".encode()).hexdigest()[:32]


@dataclass
class Case:
    """One case. `settled` is the gravest grade of anchors older than those in `grades`."""

    id: str
    ledger: Tense
    key: str
    ordinal: int
    subject: Subject
    state: CaseState = CaseState.OPEN
    opened_by: Report | None = None
    days: dict[Place, Cell] = field(default_factory=dict)
    grades: dict[date, Grade] = field(default_factory=dict)
    settled: Grade | None = None
    first_event: date | None = None
    summary: Summary = field(default_factory=Summary)
    thread: Thread | None = None
    decisions: Decisions = UNDECIDED
    sightings: Mapping[str, date] = field(default_factory=dict, compare=False)
    revision: int = 0
    recounted: bool = False
    touched_days: set[Place] = field(default_factory=set)
    touched_grades: set[date] = field(default_factory=set)
    touched: bool = False
    _gravest: Grade | None = field(default=None, repr=False, compare=False)
    _anchors: list[date] | None = field(default=None, repr=False, compare=False)
    _looks: dict[date, Lookback] = field(default_factory=dict, repr=False, compare=False)

    @property
    def receives(self) -> bool:
        """Whether reports of its key still join it: one that a person closed goes on counting."""
        return self.state is CaseState.OPEN or (self.state is CaseState.CLOSED and self.decisions.shut)

    @property
    def listed(self) -> bool:
        """Whether people see it: history alone opens no case."""
        return self.opened_by is not None

    @property
    def grade(self) -> Grade | None:
        """The grade that stands for the case, ended or not; None while only history is known."""
        if self._gravest is None:
            self._gravest = highest([*self.grades.values(), *([self.settled] if self.settled else [])])
        return self._gravest

    def set_grade(self, grade: Grade) -> None:
        """The grade of its anchor is this now; one that says nothing else than before is not written again."""
        before, self.grades[grade.anchor] = self.grades.get(grade.anchor), grade
        if before is None or before.fired is not grade.fired:
            self.touched_grades.add(grade.anchor)
        known = self._gravest
        if known is None:
            return
        if grade.order >= known.order:
            self._gravest = grade
        elif known.anchor == grade.anchor:
            self._gravest = None

    def count(self, place: Place, cell: Cell) -> None:
        """One more event on a day of a place."""
        known = self.days.get(place)
        self.days[place] = cell if known is None else known + cell
        if cell.live and self._anchors is not None and not (known and known.live):
            position = bisect_left(self._anchors, place.day)
            if self._anchors[position : position + 1] != [place.day]:
                self._anchors.insert(position, place.day)
        for anchor, look in self._looks.items():
            if anchor >= place.day:
                look.add(place, cell)

    def look_back(self, anchor: date, windows: Windows) -> Lookback:
        """What the windows that end at a day hold; those of the latest days stay at hand."""
        look = self._looks.get(anchor)
        if look is None:
            look = self._looks[anchor] = Lookback.of(anchor, self.days, windows)
            if len(self._looks) > MOST_LOOKS:
                del self._looks[min(self._looks)]
        return look

    def forget_days(self) -> None:
        """The case will be counted anew."""
        self.days, self._looks, self._anchors = {}, {}, None

    def forget_grades(self, since: date) -> None:
        """Those of anchors from a day on, which will be given anew."""
        self.grades = {anchor: grade for anchor, grade in self.grades.items() if anchor < since}
        self.settled, self._gravest = None, None

    @property
    def computed(self) -> Level:
        """A pure function of the current findings; L0 once withdrawn."""
        grade = self.grade
        return Level.L0 if grade is None or self.state is CaseState.RETRACTED else grade.level

    @property
    def provisional(self) -> bool:
        """Not confirmed: by presumptive techniques only, without analysis, or with identifiers in conflict."""
        grade = self.grade
        return self.subject.conflict or (grade is not None and grade.confidence in (Confidence.C, Confidence.D))

    @property
    def live_days(self) -> Sequence[date]:
        """The anchors, ascending: event days of findings that are not history."""
        if self._anchors is None:
            self._anchors = sorted({place.day for place, cell in self.days.items() if cell.live})
        return self._anchors


@dataclass(frozen=True)
class Filed:
    """A report under a case key, and which case it was filed in."""

    evidence: Evidence
    case: str


@dataclass
class CaseFile:
    """Everything under one case key. `filed` is None until the reports were recalled.

    `known_links` are those of the asked-for links that other reports have too; `twins` the reports that share a twin
    key with their day. `ended` are the cases before the current one, all of them once `filed` is there.
    """

    ledger: Tense
    key: str
    current: Case | None = None
    next_ordinal: int = 0
    sightings: dict[str, date] = field(default_factory=dict)
    ended: dict[str, Case] = field(default_factory=dict)
    filed: dict[Report, Filed] | None = None
    known_links: dict[str, set[Report]] = field(default_factory=dict)
    twins: dict[str, set[tuple[Report, date]]] = field(default_factory=dict)
    added: list[Filed] = field(default_factory=list)
    removed: set[Report] = field(default_factory=set)
    sightings_changed: bool = False

    def cases(self) -> Iterator[Case]:
        """The open case and the ended ones that were recalled."""
        yield from self.ended.values()
        if self.current is not None:
            yield self.current

    def reports(self) -> dict[Report, Filed]:
        """Every report under the key. Raises Missing when they were not recalled."""
        if self.filed is None:
            raise Missing(frozenset({self.key}))
        return self.filed


@dataclass(frozen=True, kw_only=True)
class Context:
    """What filing and grading need besides the case: the rules, and the countries whose history is loaded."""

    grading: Grading
    loaded: frozenset[str] = frozenset()


def new_case(file: CaseFile, report: Evidence) -> Case:
    """The next case under a key, not yet placed anywhere."""
    ordinal = file.next_ordinal
    file.next_ordinal += 1
    return Case(
        id=case_id(file.ledger, file.key, ordinal),
        ledger=file.ledger,
        key=file.key,
        ordinal=ordinal,
        subject=report.subject,
    )


def add(file: CaseFile, case: Case, report: Evidence, context: Context) -> None:
    """File a report in a case and grade it anew."""
    filed = Filed(report, case.id)
    joins = _joins(file, report, context.grading.rules.windows_days.twins)
    if joins:
        file.reports()
    if file.filed is not None:
        file.filed[report.report] = filed
    file.added.append(filed)
    _remember_links(file, report)
    if _adopt(case, report):
        file.reports()
        case.forget_grades(date.min)
        joins = True
    if joins:
        recount(file, context)
    else:
        _count(file, case, report, context)


def remove(file: CaseFile, report: Report, context: Context) -> None:
    """Take a report out of its case and recount."""
    if file.reports().pop(report, None) is None:
        return
    file.removed.add(report)
    for holders in file.known_links.values():
        holders.discard(report)
    for pairs in file.twins.values():
        pairs -= {pair for pair in pairs if pair[0] == report}
    recount(file, context)


def recount(file: CaseFile, context: Context) -> None:
    """Compute every case of the file from its reports: days, sightings, grades, summary."""
    filed = file.reports()
    seen_before = file.sightings
    _set_sightings(file, (item.evidence for item in filed.values()))
    for case in file.cases():
        _recount_case(case, file, context, same_sightings=seen_before == file.sightings)


def facts_of(case: Case, anchor: date, sightings: Mapping[str, date], context: Context) -> Facts:
    """The facts of a case at an anchor."""
    look = case.look_back(anchor, context.grading.rules.windows_days)
    return facts_at(look, subject=case.subject, past=_past(case, anchor, sightings, context))


def _past(case: Case, anchor: date, sightings: Mapping[str, date], context: Context) -> Past:
    return Past(first_event=case.first_event or anchor, sightings=sightings, loaded=context.loaded)


def _joins(file: CaseFile, report: Evidence, twin_days: int) -> bool:
    """Whether another report under the key speaks of the same event."""
    if any(file.known_links.get(link, set()) - {report.report} for link in report.links):
        return True
    twins = file.twins.get(report.twin, set()) if report.twin else set()
    return any(other[0] != report.laboratory and abs((day - report.day).days) <= twin_days for other, day in twins)


def _remember_links(file: CaseFile, report: Evidence) -> None:
    for link in report.links:
        file.known_links.setdefault(link, set()).add(report.report)
    if report.twin:
        file.twins.setdefault(report.twin, set()).add((report.report, report.day))


def _adopt(case: Case, report: Evidence) -> bool:
    """Learn from a report what the case is about; whether grades already given must be given anew for it.

    History tells it only while nothing else does.
    """
    case.touched = True
    live = report.tense is not Tense.ARCHIVAL
    before, told = case.subject, case.summary.reports > 0 if live else bool(case.days)
    if live and case.opened_by is None:
        case.opened_by = report.report
    if live or not case.summary.reports:
        case.subject = before.merged(report.subject) if told else report.subject
    graded = bool(case.grades) or case.settled is not None
    return graded and case.subject is not before and case.subject.graded_by != before.graded_by


def _count(file: CaseFile, case: Case, report: Evidence, context: Context) -> None:
    live = report.tense is not Tense.ARCHIVAL
    place, cell = occurrence([report], live=live)
    case.count(place, cell)
    case.touched_days.add(place)
    case.first_event = min(case.first_event or place.day, place.day)
    _see(file, report)
    case.sightings = file.sightings
    if live:
        case.summary = case.summary.plus(report, new_event=True)
    _grade_from(case, place.day, file.sightings, context)


def _grade_from(case: Case, day: date, sightings: Mapping[str, date], context: Context) -> None:
    """Grade the anchors at or after a day: windows look back, so earlier ones cannot have changed."""
    anchors = case.live_days
    for anchor in anchors[bisect_left(anchors, day) :]:
        look = case.look_back(anchor, context.grading.rules.windows_days)
        facts = facts_at(look, subject=case.subject, past=_past(case, anchor, sightings, context))
        confidence = look.harmful.confidence or Confidence.B
        case.set_grade(context.grading.grade(facts, confidence=confidence, anchor=anchor))


def _recount_case(case: Case, file: CaseFile, context: Context, *, same_sightings: bool) -> None:
    """Count it anew, and grade what may be another grade by that: mostly the anchors since one amended report."""
    days, basis = case.days, (case.first_event, case.subject.graded_by)
    _count_anew(case, file, context.grading.rules.windows_days.twins)
    case.recounted, case.touched = True, True
    changed = {place for place in days.keys() | case.days.keys() if days.get(place) != case.days.get(place)}
    case.touched_days |= changed
    since = min((place.day for place in changed), default=date.max)
    same = same_sightings and case.settled is None and basis == (case.first_event, case.subject.graded_by)
    if not (same and _graded_before(case, since, context)):
        since = date.min
    case.forget_grades(since)
    _grade_from(case, since, file.sightings, context)


def _graded_before(case: Case, since: date, context: Context) -> bool:
    """Whether exactly the anchors before a day are graded, by the rules that hold."""
    anchors, rule_set = case.live_days, context.grading.book.label
    earlier = {anchor: grade for anchor, grade in case.grades.items() if anchor < since}
    whole = earlier.keys() == set(anchors[: bisect_left(anchors, since)])
    return whole and all(grade.rule_set == rule_set for grade in earlier.values())


def _count_anew(case: Case, file: CaseFile, twin_days: int) -> None:
    own = {report for report, item in file.reports().items() if item.case == case.id}
    case.forget_days()
    case.summary, case.sightings = Summary(), file.sightings
    case.first_event = None
    considered = [item.evidence for item in file.reports().values() if _considered(item, case, file)]
    mine = [item for item in considered if item.report in own]
    live_ones = [item for item in mine if item.tense is not Tense.ARCHIVAL]
    subjects = [item.subject for item in live_ones or mine]
    case.subject = reduce(Subject.merged, subjects, subjects[0]) if subjects else case.subject
    for reports in connected(considered, twin_days):
        live = any(item.report in own and item.tense is not Tense.ARCHIVAL for item in reports)
        place, cell = occurrence(reports, live=live)
        case.count(place, cell)
        case.first_event = min(case.first_event or place.day, place.day)
        _summarise(case, [item for item in reports if item.report in own and item.tense is not Tense.ARCHIVAL])


def _considered(item: Filed, case: Case, file: CaseFile) -> bool:
    """Its own reports; as history all archival ones, and those of other cases of the key that were not withdrawn."""
    if item.case == case.id or item.evidence.tense is Tense.ARCHIVAL:
        return True
    return any(other.id == item.case and other.state is not CaseState.RETRACTED for other in file.cases())


def _summarise(case: Case, reports: list[Evidence]) -> None:
    for position, report in enumerate(sorted(reports, key=lambda item: item.order)):
        case.summary = case.summary.plus(report, new_event=position == 0)


def _see(file: CaseFile, report: Evidence) -> None:
    """Move the first sighting of the substance in the country back, where this report is one."""
    if not (report.identified and report.dated and report.subject.claims_sightings):
        return
    known = file.sightings.get(report.country)
    if known is None or report.day < known:
        file.sightings[report.country] = report.day
        file.sightings_changed = True


def _set_sightings(file: CaseFile, reports: Iterable[Evidence]) -> None:
    before, file.sightings = file.sightings, {}
    changed = file.sightings_changed
    for report in reports:
        _see(file, report)
    file.sightings_changed = changed or before != file.sightings
