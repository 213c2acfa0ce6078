"""What would have been, had other rules graded the archive: which alerts would differ, how, and when. Nothing is sent.

From the days of each case where only rules, windows and levels differ. What a single report says depends on doses,
bulk quantities, user-level units and confidence rules too: where those differ the reports concerned are read anew,
and the days of their cases are counted from their reports.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from alerts.cases import Context
from alerts.days import Cell, Place, occurrence
from alerts.evidence import Evidence, Subject
from alerts.facts import Past, facts_at
from alerts.grading import Grade, Grading
from alerts.occurrences import connected
from alerts.ruleset import RuleSet
from alerts.summary import Summary
from alerts.sweep import sweep
from schemas.base import Frozen
from schemas.vocabularies import CaseState, Confidence, Level, Tense


class Outcome(StrEnum):
    """How an alert would have been different."""

    RAISED = "raised"
    NOT_RAISED = "not_raised"
    HIGHER = "higher"
    LOWER = "lower"
    EARLIER = "earlier"
    LATER = "later"


class Course(Frozen):
    """How a case went: its highest level, the first day at each level it reached, the rules behind the highest."""

    highest: Level
    since: Mapping[Level, date]
    rules: tuple[str, ...] = ()


class Difference(Frozen):
    """One case of which people would have been told something else."""

    outcome: Outcome
    case: str
    key: str
    name: str
    number: str | None
    before: Course
    after: Course


@dataclass(frozen=True)
class Reread:
    """Which reports say something else under other rules; nothing, and the days of the cases do."""

    everything: bool = False
    substances: tuple[str, ...] = ()
    amounts: bool = False
    units: tuple[int, int] | None = None
    twins: bool = False
    """Reports say the same, but other ones of them are one event."""

    @property
    def nothing(self) -> bool:
        return self == Reread()


def reread(one: RuleSet, other: RuleSet) -> Reread:
    """What must be read anew to go from one rule set to another."""
    doses = {(dose.inchikey, dose.high_mg, dose.extreme_mg) for dose in one.doses}
    doses ^= {(dose.inchikey, dose.high_mg, dose.extreme_mg) for dose in other.doses}
    bulk = [{(entry.name, entry.grams) for entry in rules.bulk} for rules in (one, other)]
    units = sorted(int(rules.user_level_units.value) for rules in (one, other))
    asked = [[(rule.when, rule.gives) for rule in rules.confidence] for rules in (one, other)]
    return Reread(
        everything=asked[0] != asked[1] or one.windows.twins.days != other.windows.twins.days,
        twins=one.windows.twins.days != other.windows.twins.days,
        substances=tuple(sorted({f"S:{inchikey}" for inchikey, _, _ in doses})),
        amounts=bulk[0] != bulk[1],
        units=(units[0], units[1]) if units[0] != units[1] else None,
    )


@dataclass
class Archived:
    """A case as it is stored. `before` are the levels it was given, by day."""

    id: str
    key: str
    name: str
    number: str | None
    state: CaseState
    subject: Subject
    first_event: date | None
    days: dict[Place, Cell] = field(default_factory=dict)
    sightings: dict[str, date] = field(default_factory=dict)
    before: dict[date, Level] = field(default_factory=dict)
    rules_before: tuple[str, ...] = ()
    summary: Summary = field(default_factory=Summary)


def difference(case: Archived, context: Context, since: date) -> Difference | None:
    """What people would have been told otherwise about a case; None when nothing."""
    before = _course({day: level for day, level in case.before.items() if day >= since}, case.rules_before)
    after = course(case, context, since)
    outcome = _outcome(before, after)
    if outcome is None:
        return None
    return Difference(
        outcome=outcome, case=case.id, key=case.key, name=case.name, number=case.number, before=before, after=after
    )


def course(case: Archived, context: Context, since: date) -> Course:
    """How the case would have gone under these rules."""
    grading, graded = context.grading, list[Grade]()
    for look in sweep(case.days, grading.rules.windows_days, since=since):
        past = Past(first_event=case.first_event or look.anchor, sightings=case.sightings, loaded=context.loaded)
        facts = facts_at(look, subject=case.subject, past=past)
        confidence = look.harmful.confidence or Confidence.B
        graded.append(grading.grade(facts, confidence=confidence, anchor=look.anchor))
    gravest = max(graded, key=lambda grade: grade.order, default=None)
    rules = tuple(rule.id for rule in gravest.fired) if gravest else ()
    return _course({grade.anchor: grade.level for grade in graded}, rules)


def _course(levels: Mapping[date, Level], rules: tuple[str, ...]) -> Course:
    since: dict[Level, date] = {}
    for day, level in sorted(levels.items()):
        for reached in Level:
            if Level.L0 < reached <= level:
                since.setdefault(reached, day)
    return Course(highest=max(levels.values(), default=Level.L0), since=since, rules=rules)


def _outcome(before: Course, after: Course) -> Outcome | None:
    if before.highest is not after.highest:
        if before.highest is Level.L0:
            return Outcome.RAISED
        if after.highest is Level.L0:
            return Outcome.NOT_RAISED
        return Outcome.HIGHER if after.highest > before.highest else Outcome.LOWER
    days = [(before.since[level], after.since[level]) for level in before.since]
    moved = next(((one, other) for one, other in reversed(days) if one != other), None)
    if moved is None:
        return None
    return Outcome.EARLIER if moved[1] < moved[0] else Outcome.LATER


# From reports


@dataclass(frozen=True)
class Filed:
    """A report as it is stored under a case key, and the case it was filed in; None where it would be new."""

    evidence: Evidence
    case: str | None


def from_reports(
    key: str, filed: Sequence[Filed], cases: Iterable[Archived], *, twin_days: int
) -> tuple[Archived, ...]:
    """The cases of a key, counted from their reports. What no case was opened for would be one."""
    known = {case.id: case for case in cases}
    current = next((case.id for case in known.values() if case.state is CaseState.OPEN), None)
    fresh = current or f"(new) {key}"
    placed = [(item.evidence, item.case or fresh) for item in filed]
    ids = dict.fromkeys(case for _, case in placed if case in known or case == fresh)
    return tuple(counted(case, known.get(case), placed, twin_days) for case in ids)


def counted(case: str, stored: Archived | None, placed: Sequence[tuple[Evidence, str]], twin_days: int) -> Archived:
    """As `alerts.cases` counts: its own reports, and as history those of the other cases of the key."""
    own = {evidence.report for evidence, place in placed if place == case}
    live = [evidence for evidence, place in placed if place == case and evidence.tense is not Tense.ARCHIVAL]
    subject = (live or [placed[0][0]])[0].subject
    for evidence in live:
        subject = subject.merged(evidence.subject)
    days: dict[Place, Cell] = {}
    told = Summary()
    for reports in connected([evidence for evidence, _ in placed], twin_days):
        mine = [item for item in reports if item.report in own and item.tense is not Tense.ARCHIVAL]
        place, cell = occurrence(reports, live=bool(mine))
        days[place] = days.get(place, Cell()) + cell
        for position, report in enumerate(sorted(mine, key=lambda item: item.order)):
            told = told.plus(report, new_event=position == 0)
    return Archived(
        id=case,
        key=placed[0][0].case_key,
        name=stored.name if stored else subject.name,
        number=stored.number if stored else None,
        state=stored.state if stored else CaseState.OPEN,
        subject=subject,
        first_event=min(place.day for place in days),
        days=days,
        sightings=_sightings(evidence for evidence, _ in placed),
        summary=told,
        before=stored.before if stored else {},
        rules_before=stored.rules_before if stored else (),
    )


def _sightings(reports: Iterable[Evidence]) -> dict[str, date]:
    found: dict[str, date] = {}
    for report in reports:
        if report.identified and report.dated and report.subject.claims_sightings:
            found[report.country] = min(found.get(report.country, report.day), report.day)
    return found


def summary(found: Iterable[Difference]) -> dict[Outcome, int]:
    """How many of each kind, every kind named."""
    counts = dict.fromkeys(Outcome, 0)
    for one in found:
        counts[one.outcome] += 1
    return counts


def ordered(found: Iterable[Difference]) -> list[Difference]:
    """The gravest first."""
    return sorted(found, key=lambda one: (-max(one.after.highest, one.before.highest), one.outcome, one.key, one.case))


def differences(cases: Iterable[Archived], grading: Grading, loaded: frozenset[str], since: date) -> list[Difference]:
    """Of cases with their days."""
    context = Context(grading=grading, loaded=loaded)
    found = (difference(case, context, since) for case in cases)
    return [one for one in found if one is not None]
