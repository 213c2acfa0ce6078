"""Cases: all findings that speak of one threat, kept as days, grades and a summary.

A `CaseFile` holds everything under one case key: the open case, those that ended, and (only when somebody needs
them) the reports behind them. How reports are counted in is in `counting`.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from alerts.days import Cell, Place
from alerts.decisions import UNDECIDED, Decisions
from alerts.errors import Missing
from alerts.evidence import Evidence, Subject
from alerts.facts import Facts, Past
from alerts.grading import Grade, Grading, highest
from alerts.lookback import Lookback
from alerts.rulebook import Windows
from alerts.summary import Summary
from alerts.sweep import sweep
from alerts.threads import Thread
from schemas.vocabularies import CaseState, Confidence, Level, Tense

Report = tuple[str, UUID]
FileKey = tuple[Tense, str]
MANY_LOOKS = 8
"""So many that are wanting are added up in one pass: it costs about as much as eight by themselves."""

MOST_LOOKS = 100
"""Anchors of one case whose windows stay added up: reports come in the order of their events, more or less."""


def case_id(ledger: Tense, key: str, ordinal: int) -> str:
    """The same case in every replay: a hash of its ledger, key and place among the cases of that key."""
    return hashlib.sha256(f"case\n{ledger}\n{key}\n{ordinal}".encode()).hexdigest()[:32]


@dataclass
class Answers:
    """The facts of anchors as they were last computed, and on what, besides the look back. Most of what comes later
    changes little of them, or nothing."""

    facts: dict[date, Facts] = field(default_factory=dict)
    basis: tuple[Subject, Past] | None = None


@dataclass
class Case:
    """One case. `settled` is the gravest grade of anchors older than those in `grades`, which begin with `since`."""

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
    since: date = field(default=date.min, compare=False)
    touched_days: set[Place] = field(default_factory=set)
    touched_grades: set[date] = field(default_factory=set)
    touched: bool = False
    _gravest: Grade | None = field(default=None, repr=False, compare=False)
    _anchors: list[date] | None = field(default=None, repr=False, compare=False)
    _looks: dict[date, Lookback] = field(default_factory=dict, repr=False, compare=False)
    answers: Answers = field(default_factory=Answers, repr=False, compare=False)

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

    def put_days(self, cells: Mapping[Place, Cell | None]) -> None:
        """Days of places were counted anew; None where nothing is left."""
        for place, cell in cells.items():
            known = self.days.pop(place, None)
            if cell is not None:
                self.days[place] = cell
            if bool(known and known.live) is not bool(cell and cell.live):
                self._anchors = None
            for anchor in [anchor for anchor in self._looks if anchor >= place.day]:
                if not self._looks[anchor].replace(place, known, cell):
                    del self._looks[anchor]
        self.touched_days |= cells.keys()

    def look_back(self, anchor: date, windows: Windows) -> Lookback:
        """What the windows that end at a day hold; those of the latest days stay at hand."""
        found = self._looks.get(anchor)
        return self._at_hand(Lookback.of(anchor, self.days, windows)) if found is None else found

    def look_back_since(self, anchors: Sequence[date], windows: Windows) -> Iterator[Lookback]:
        """The same of all anchors since a day, in their order; when many are wanting, in one pass over the days."""
        wanting = sum(anchor not in self._looks for anchor in anchors)
        if wanting < MANY_LOOKS:
            yield from (self.look_back(anchor, windows) for anchor in anchors)
            return
        for look in sweep(self.days, windows, since=anchors[0]):
            found = self._looks.get(look.anchor)
            yield self._at_hand(look) if found is None else found

    def _at_hand(self, look: Lookback) -> Lookback:
        self._looks[look.anchor] = look
        if len(self._looks) > MOST_LOOKS:
            del self._looks[min(self._looks)]
        return look

    def forget_days(self) -> None:
        """The case will be counted anew."""
        self.days, self._looks, self._anchors, self.answers = {}, {}, None, Answers()

    def keep_grades(self) -> None:
        """Only of days that still are anchors."""
        for anchor in self.grades.keys() - set(self.live_days):
            del self.grades[anchor]
            self._gravest = None

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
    """Everything under one case key. `filed` is None until the reports were recalled; `near` are then those that may be
    needed to count a few days of places anew: all of `near_places`, and whatever speaks of one event with any of these.

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
    near: dict[Report, Filed] | None = None
    near_places: set[Place] = field(default_factory=set)
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

    @property
    def known(self) -> dict[Report, Filed] | None:
        """The reports that were recalled: all of them, or those near what the batch changes."""
        return self.near if self.filed is None else self.filed

    def around(self, *reports: Report) -> dict[Report, Filed]:
        """The reports that were recalled. Raises Missing when none were, or not these, which stand here."""
        known = self.known
        if known is None or (self.filed is None and not known.keys() >= set(reports)):
            raise Missing(frozenset({self.key}))
        return known

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
