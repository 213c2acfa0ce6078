"""Counts anew only the places that a report touches: those of all reports that speak of one event with it.

Needs the reports of these places and whatever is tied to them; raises Unknown where that is not enough to tell what the
whole case has become.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from alerts.anchors import grade_from
from alerts.cases import Case, CaseFile, Context, Filed
from alerts.days import Cell, Place, occurrence, place_of
from alerts.evidence import Evidence
from alerts.occurrences import connected, reached
from alerts.tally import Unknown, subject_mark
from schemas.vocabularies import CaseState, Tense


@dataclass(frozen=True)
class Difference:
    """Reports that left a case, and that came to one. The file holds them as they are now."""

    gone: tuple[Filed, ...] = ()
    came: tuple[Filed, ...] = ()


@dataclass(frozen=True)
class _Near:
    """What is counted: `before` and `after` are the events touched, `there` all reports that touched places need."""

    places: frozenset[Place]
    before: Sequence[Filed]
    after: Sequence[Filed]
    there: Sequence[Filed]
    since: date
    twin_days: int


def count_near(file: CaseFile, change: Difference, context: Context) -> None:
    """Days, sightings, summary and grades of every case of the file, as the change leaves them."""
    near = _near(file, change, context.grading.rules.windows_days.twins)
    since = min(
        [near.since, *(date.max if not see(file, item.evidence) else item.evidence.day for item in change.came)]
    )
    for case in file.cases():
        _count_case(case, file, near, change, since, context)


def _near(file: CaseFile, change: Difference, twin_days: int) -> _Near:
    known, came = file.around(), {item.evidence.report for item in change.came}
    claimed = {(item.evidence.country, item.evidence.day) for item in change.came if claims(item.evidence)}
    for item in change.gone:
        if _first_seen(file, item.evidence) and (item.evidence.country, item.evidence.day) not in claimed:
            raise Unknown
    gone, now = [item.evidence for item in change.gone], [item.evidence for item in known.values()]
    left = reached(gone, [*(one for one in now if one.report not in came), *gone], twin_days)
    touched = [*left, *reached([item.evidence for item in change.came], now, twin_days)]
    places = frozenset(map(place_of, touched))
    if file.filed is None and not places <= file.near_places:
        raise Unknown
    here = [one for one in now if place_of(one) in places]
    there = reached(here, now, twin_days)
    after = [known[one] for one in dict.fromkeys(report.report for report in touched) if one in known]
    before = [item for item in after if item.evidence.report not in came] + list(change.gone)
    since = min(place.day for place in places)
    return _Near(places, before, after, [known[report.report] for report in there], since, twin_days)


def _first_seen(file: CaseFile, report: Evidence) -> bool:
    """Whether the first sighting in its country may rest on it."""
    return claims(report) and file.sightings.get(report.country) == report.day


def _count_case(case: Case, file: CaseFile, near: _Near, change: Difference, since: date, context: Context) -> None:
    if since < case.since:
        raise Unknown
    cells = _cells(case, file, near)
    changed = {place: cells.get(place) for place in near.places if cells.get(place) != case.days.get(place)}
    _summarise(case, file, near, change)
    case.first_event = _first_event(case, changed)
    case.put_days(changed)
    case.keep_grades()
    case.sightings, case.recounted, case.touched = file.sightings, True, True
    if not case.live_days and file.filed is None:
        raise Unknown
    grade_from(case, since, file.sightings, context)


def _cells(case: Case, file: CaseFile, near: _Near) -> dict[Place, Cell]:
    found: dict[Place, Cell] = {}
    for reports in connected([item.evidence for item in near.there if considered(item, case, file)], near.twin_days):
        live = any(counts(report) and file.around()[report.report].case == case.id for report in reports)
        place, cell = occurrence(reports, live=live)
        if place in near.places:
            found[place] = found[place] + cell if place in found else cell
    return found


def _first_event(case: Case, changed: Mapping[Place, Cell | None]) -> date | None:
    """Unknown where the earliest day may have lost its only event."""
    if any(cell is None and place.day == case.first_event for place, cell in changed.items()):
        raise Unknown
    days = [place.day for place, cell in changed.items() if cell is not None]
    return min(days + ([case.first_event] if case.first_event else []), default=None)


def _summarise(case: Case, file: CaseFile, near: _Near, change: Difference) -> None:
    """Take out of the summary what left the case and put in what came. What a case is about stays the same."""
    gone = [item.evidence for item in change.gone if item.case == case.id]
    came = [item.evidence for item in change.came if item.case == case.id and counts(item.evidence)]
    countries = Counter(case.summary.countries)
    countries.subtract(_countries(case, file, near.before, near.twin_days))
    countries.update(_countries(case, file, near.after, near.twin_days))
    case.summary = case.summary.changed([one for one in gone if counts(one)], came, countries)
    if not gone:
        return
    tally = case.summary.tally or {}
    if f"subject:{subject_mark(case.subject)}" not in tally or case.subject.conflict is ("sure" in tally):
        raise Unknown


def _countries(case: Case, file: CaseFile, items: Sequence[Filed], twin_days: int) -> Counter[str]:
    """Events by country: that of the first of the case's own reports of each."""
    own = {item.evidence.report for item in items if item.case == case.id}
    found = Counter[str]()
    for reports in connected([item.evidence for item in items if considered(item, case, file)], twin_days):
        mine = [report for report in reports if report.report in own and counts(report)]
        found.update([min(mine, key=lambda report: report.order).country] if mine else [])
    return found


def considered(item: Filed, case: Case, file: CaseFile) -> bool:
    """Its own reports; as history all archival ones, and those of other cases of the key that were not withdrawn."""
    if item.case == case.id or item.evidence.tense is Tense.ARCHIVAL:
        return True
    return any(other.id == item.case and other.state is not CaseState.RETRACTED for other in file.cases())


def counts(report: Evidence) -> bool:
    """Whether it can carry a grade: history cannot."""
    return report.tense is not Tense.ARCHIVAL


def claims(report: Evidence) -> bool:
    """Whether it says that the substance was there."""
    return report.identified and report.dated and report.subject.claims_sightings


def see(file: CaseFile, report: Evidence) -> bool:
    """Move the first sighting of the substance in the country back, where this report is one; whether it is."""
    known = file.sightings.get(report.country)
    if not claims(report) or (known is not None and report.day >= known):
        return False
    file.sightings[report.country] = report.day
    file.sightings_changed = True
    return True
