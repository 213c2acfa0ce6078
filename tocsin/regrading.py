"""Grades the archive with another rule set: which alerts would have been different. Reads only, sends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from alerts.cases import Report
from alerts.evidence import Evidence
from alerts.grading import Grading
from alerts.pipeline import Setting, read
from alerts.what_if import Archived, Difference, Filed, Reread, differences, from_reports, ordered, reread
from schemas.decoding import Decoded, decode_bytes
from schemas.detections import Detection
from schemas.rejections import Rejection
from storage import archive
from storage.archive import StoredReport
from storage.engine import looking

TOGETHER = 2_000
"""Reports read anew, and keys counted, at once."""


@dataclass(frozen=True)
class Regraded:
    """What a look at the archive found. `read_anew` are reports that say something else under the other rules."""

    findings: int
    cases: int
    read_anew: int
    differences: tuple[Difference, ...]


@dataclass
class _Changed:
    """Reports that say something else, and the case keys this concerns."""

    twin_days: int
    anew: bool
    reports: dict[Report, tuple[Evidence, ...]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


def what_if(engine: Engine, setting: Setting, other: Grading, since: date) -> Regraded:
    """Compare what was graded with what the other rules would have given, from a day on."""
    with looking(engine) as connection:
        changed = _changed(connection, setting, other)
        counted = _Counting()
        stored = counted.of(case for case in archive.cases(connection, since) if case.key not in changed.keys)
        found = differences(stored, other, setting.loaded, since)
        anew = counted.of(_recounted(connection, changed, since))
        found += differences(anew, other, setting.loaded, since)
        total = archive.findings(connection)
    return Regraded(
        findings=total, cases=counted.cases, read_anew=len(changed.reports), differences=tuple(ordered(found))
    )


@dataclass
class _Counting:
    cases: int = 0

    def of(self, found: Iterator[Archived]) -> Iterator[Archived]:
        for case in found:
            self.cases += 1
            yield case


def _changed(connection: Connection, setting: Setting, other: Grading) -> _Changed:
    wanted = reread(setting.grading.rules, other.rules)
    changed = _Changed(other.rules.windows_days.twins, anew=wanted.twins)
    if not wanted.nothing:
        for page in _pages(connection, wanted):
            _compare(connection, page, replace(setting, grading=other), changed)
    return changed


def _pages(connection: Connection, wanted: Reread) -> Iterator[list[StoredReport]]:
    page: list[StoredReport] = []
    for stored in archive.concerned(connection, wanted):
        page.append(stored)
        if len(page) == TOGETHER:
            yield page
            page = []
    if page:
        yield page


def _compare(connection: Connection, page: list[StoredReport], setting: Setting, changed: _Changed) -> None:
    """Keep what a report says under the other rules where it is not what is filed."""
    held = archive.filed_of(connection, [stored.event_id for stored in page])
    for stored in page:
        said, report = _said(stored, setting), (stored.laboratory, stored.event_id)
        before = held.get(report, ())
        if changed.anew:
            changed.keys |= {item.case_key for item in said if item.twin is not None}
        if {item.case_key: item for item in said} != {item.case_key: item for item in before}:
            changed.reports[report] = said
            changed.keys |= {item.case_key for item in (*said, *before)}


def _said(stored: StoredReport, setting: Setting) -> tuple[Evidence, ...]:
    decoded = _decoded(stored.body)
    if decoded is None:
        return ()
    at = decoded.detection.reported_at
    return read(decoded, laboratory=stored.laboratory, at=at, setting=setting).said.evidence


def _decoded(body: str) -> Decoded | None:
    """A body that is stored was looked through when it came: only what this version cannot read is decoded in full."""
    try:
        return Decoded(detection=Detection.model_validate_json(body), digest="")
    except ValidationError:
        found = decode_bytes(body.encode(), laboratory=None)
    return None if isinstance(found, Rejection) else found


def _recounted(connection: Connection, changed: _Changed, since: date) -> Iterator[Archived]:
    """The cases of these keys, counted from their reports as they would have been."""
    new = _by_key(changed)
    keys = sorted(changed.keys)
    for first in range(0, len(keys), TOGETHER):
        some = keys[first : first + TOGETHER]
        filed, cases = archive.filed(connection, some), archive.of_keys(connection, some, since)
        for key in some:
            placed = {item.evidence.report: item.case for item in filed[key]}
            kept = [item for item in filed[key] if item.evidence.report not in changed.reports]
            fresh = [Filed(item, placed.get(item.report)) for item in new.get(key, ())]
            if kept or fresh:
                yield from from_reports(key, [*kept, *fresh], cases[key], twin_days=changed.twin_days)


def _by_key(changed: _Changed) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for said in changed.reports.values():
        for evidence in said:
            found.setdefault(evidence.case_key, []).append(evidence)
    return found
