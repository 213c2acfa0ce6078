"""Counts reports into cases and out of them.

A report that belongs to no event seen before is added to its day and only the anchors at or after it are graded again;
a second report of one event, an amendment or a retraction counts the places anew that it touches (`neighbours`), and
what these cannot tell the whole case from its reports. All ways give the same days and grades.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import reduce

from alerts.anchors import grade_from
from alerts.cases import Case, CaseFile, Context, Filed, Report
from alerts.days import occurrence
from alerts.evidence import Evidence, Subject
from alerts.neighbours import Difference, considered, count_near, counts, see
from alerts.occurrences import connected
from alerts.summary import Summary
from alerts.tally import Unknown
from schemas.vocabularies import Tense


def add(file: CaseFile, case: Case, report: Evidence, context: Context) -> None:
    """File a report in a case and grade it anew."""
    filed = Filed(report, case.id)
    joins = _joins(file, report, context.grading.rules.windows_days.twins)
    if joins:
        file.around()
    if file.known is not None:
        file.known[report.report] = filed
    file.added.append(filed)
    _remember_links(file, report)
    if _adopt(case, report):
        file.reports()
        case.forget_grades(date.min)
        recount(file, context)
    elif joins:
        _count_near(file, Difference(came=(filed,)), context)
    elif case.summary.tally is None and case.summary.reports:
        recount(file, context)
    else:
        _count(file, case, report, context)


def remove(file: CaseFile, report: Report, context: Context) -> None:
    """Take a report out of its case and count anew what that changes."""
    filed = file.around(report).pop(report, None)
    if filed is None:
        return
    file.removed.add(report)
    _forget_links(file, report)
    _count_near(file, Difference(gone=(filed,)), context)


def replace(file: CaseFile, report: Evidence, context: Context) -> None:
    """Put a next revision in the place of the one before it, in the same case, and count anew what that changes."""
    before = file.around(report.report)[report.report]
    filed = Filed(report, before.case)
    _forget_links(file, report.report)
    _remember_links(file, report)
    file.around()[report.report] = filed
    file.removed.add(report.report)
    file.added.append(filed)
    _count_near(file, Difference(gone=(before,), came=(filed,)), context)


def _count_near(file: CaseFile, difference: Difference, context: Context) -> None:
    """Count anew the places that a change touches; everything, where they do not tell what became of the case."""
    sightings = dict(file.sightings)
    try:
        count_near(file, difference, context)
    except Unknown:
        file.sightings = sightings
        recount(file, context)


def recount(file: CaseFile, context: Context) -> None:
    """Compute every case of the file from its reports: days, sightings, grades, summary."""
    filed = file.reports()
    seen_before = file.sightings
    _set_sightings(file, (item.evidence for item in filed.values()))
    for case in file.cases():
        _recount_case(case, file, context, same_sightings=seen_before == file.sightings)


def _joins(file: CaseFile, report: Evidence, twin_days: int) -> bool:
    """Whether another report under the key speaks of the same event."""
    if any(file.known_links.get(link, set()) - {report.report} for link in report.links):
        return True
    twins = file.twins.get(report.twin, set()) if report.twin else set()
    return any(other[0] != report.laboratory and abs((day - report.day).days) <= twin_days for other, day in twins)


def _forget_links(file: CaseFile, report: Report) -> None:
    for holders in file.known_links.values():
        holders.discard(report)
    for pairs in file.twins.values():
        pairs -= {pair for pair in pairs if pair[0] == report}


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
    see(file, report)
    case.sightings = file.sightings
    if live:
        case.summary = case.summary.plus(report, new_event=True)
    grade_from(case, place.day, file.sightings, context)


def _recount_case(case: Case, file: CaseFile, context: Context, *, same_sightings: bool) -> None:
    """Count it anew, and grade what may be another grade by that: mostly the anchors since one amended report."""
    days, basis = case.days, (case.first_event, case.subject.graded_by)
    _count_anew(case, file, context.grading.rules.windows_days.twins)
    case.recounted, case.touched, case.since = True, True, date.min
    changed = {place for place in days.keys() | case.days.keys() if days.get(place) != case.days.get(place)}
    case.touched_days |= changed
    since = min((place.day for place in changed), default=date.max)
    same = same_sightings and case.settled is None and basis == (case.first_event, case.subject.graded_by)
    if not (same and _graded_before(case, since, context)):
        since = date.min
    case.forget_grades(since)
    grade_from(case, since, file.sightings, context)


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
    among = [item.evidence for item in file.reports().values() if considered(item, case, file)]
    mine = [item for item in among if item.report in own]
    live_ones = [item for item in mine if item.tense is not Tense.ARCHIVAL]
    subjects = [item.subject for item in live_ones or mine]
    case.subject = reduce(Subject.merged, subjects, subjects[0]) if subjects else case.subject
    told, countries = list[Evidence](), Counter[str]()
    for reports in connected(among, twin_days):
        mine = sorted((item for item in reports if item.report in own and counts(item)), key=lambda item: item.order)
        place, cell = occurrence(reports, live=bool(mine))
        case.count(place, cell)
        case.first_event = min(case.first_event or place.day, place.day)
        told += mine
        countries.update(item.country for item in mine[:1])
    case.summary = Summary.of(told, countries)


def _set_sightings(file: CaseFile, reports: Iterable[Evidence]) -> None:
    before, file.sightings = file.sightings, {}
    changed = file.sightings_changed
    for report in reports:
        see(file, report)
    file.sightings_changed = changed or before != file.sightings
