"""Counts reports into cases and out of them.

A report that belongs to no event seen before is added to its day and only the anchors at or after it are graded again;
everything else (a second report of one event, an amendment, a retraction) recounts the case from its reports. Both ways
give the same days and grades.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date
from functools import reduce

from alerts.anchors import grade_from
from alerts.cases import Case, CaseFile, Context, Filed, Report
from alerts.days import occurrence
from alerts.evidence import Evidence, Subject
from alerts.occurrences import connected
from alerts.summary import Summary
from schemas.vocabularies import CaseState, Tense


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
    grade_from(case, place.day, file.sightings, context)


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
