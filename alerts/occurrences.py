"""Which reports speak of one real-world event: the connected components of *same* (`grading.md` 1, Art. 8)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from alerts import appearance
from alerts.evidence import Evidence
from alerts.quantities import grams
from schemas.detections import Detection
from schemas.vocabularies import DatePrecision

Join = Callable[[int, int], None]


def connected(reports: Sequence[Evidence], twin_days: int) -> list[list[Evidence]]:
    """Group reports into occurrences. The groups and their order depend on the set of reports only. `twin_days`: how
    far apart two bodies may date one event, as the rule file says."""
    ordered = sorted(reports, key=lambda report: report.order)
    parent = list(range(len(ordered)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    def join(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        parent[high] = low

    _join_by_link(ordered, join)
    _join_twins(ordered, join, twin_days)
    groups: dict[int, list[Evidence]] = {}
    for position, report in enumerate(ordered):
        groups.setdefault(root(position), []).append(report)
    return list(groups.values())


def reached(start: Iterable[Evidence], among: Iterable[Evidence], twin_days: int) -> list[Evidence]:
    """Whatever of these speaks of one event with any of the first, over any number of others, and the first."""
    by_link: dict[str, list[Evidence]] = {}
    for report in among:
        for link in report.ties:
            by_link.setdefault(link, []).append(report)
    found = {report.report: report for report in start}
    ahead = list(found.values())
    while ahead:
        report = ahead.pop()
        near = [other for link in report.links for other in by_link.get(link, ())]
        near += [other for other in by_link.get(report.twin or "", ()) if twins(report, other, twin_days)]
        for other in near:
            if other.report not in found:
                found[other.report] = other
                ahead.append(other)
    return list(found.values())


def same_by_link(one: Evidence, other: Evidence) -> bool:
    """Whether a reference, or one laboratory's own words, say that two reports speak of one event."""
    return bool(set(one.links) & set(other.links))


def twins(one: Evidence, other: Evidence, days: int) -> bool:
    """Two bodies, one region, quantity and appearance, within so many days."""
    if one.twin is None or one.twin != other.twin or one.laboratory == other.laboratory:
        return False
    return abs((one.day - other.day).days) <= days


def _join_by_link(ordered: Sequence[Evidence], join: Join) -> None:
    first: dict[str, int] = {}
    for position, report in enumerate(ordered):
        for link in report.links:
            join(first.setdefault(link, position), position)


def _join_twins(ordered: Sequence[Evidence], join: Join, days: int) -> None:
    by_twin: dict[str, list[int]] = {}
    for position, report in enumerate(ordered):
        if report.twin is not None:
            by_twin.setdefault(report.twin, []).append(position)
    for positions in by_twin.values():
        for index, one in enumerate(positions):
            for other in positions[index + 1 :]:
                if twins(ordered[one], ordered[other], days):
                    join(one, other)


def event_day(detection: Detection) -> tuple[date, bool]:
    """The last day it can have happened, clipped to the reporting day; whether a date was given at all."""
    reported = detection.reported_at.date()
    last = detection.event_date.last_day
    return (reported, False) if last is None else (min(last, reported), True)


def same_event_links(detection: Detection, laboratory: str, day: date) -> tuple[str, ...]:
    """Keys that two reports of one real-world event share (Art. 8: linked references; one laboratory's own)."""
    links = {f"ref:{laboratory}:{detection.reporter.case_ref}".casefold()}
    links |= {f"ref:{ref.org}:{ref.ref}".casefold() for ref in detection.linked_refs}
    marks = appearance.fingerprint(detection.sample)
    if detection.event_date.precision is DatePrecision.DAY and detection.region and appearance.distinct(marks):
        form = appearance.form(detection.sample)
        links.add(":".join(("day", laboratory, day.isoformat(), detection.region, form, *marks)))
    return tuple(sorted(links))


def twin_key(detection: Detection) -> str | None:
    """What two bodies must agree on, besides the date within 3 days, to be taken for one seizure; None: not enough."""
    amount, sample = _amount(detection), detection.sample
    units = sample.n_units if sample else None
    marks = appearance.fingerprint(sample)
    if detection.event_date.precision is not DatePrecision.DAY or not detection.region:
        return None
    if (amount is None and units is None) or not appearance.distinct(marks):
        return None
    return ":".join(("twin", detection.region, f"{amount}", f"{units}", appearance.form(sample), *marks))


def _amount(detection: Detection) -> str | None:
    """The quantity of the whole sample: masses in grams, anything else in the unit it was given in."""
    weight, quantity = grams(detection), detection.sample.quantity if detection.sample else None
    if weight is not None:
        return f"{weight:.6g} g"
    return f"{float(quantity.value):.6g} {quantity.unit}" if quantity else None
