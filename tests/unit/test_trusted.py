"""What is made without the check would have passed it: every such value of a year of reports, checked after all."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from alerts.catalogue import load
from alerts.consequences import Consequence, Mark, consequences
from alerts.effects import Effects
from alerts.grading import european_grading
from alerts.memory import Memory
from alerts.pipeline import Setting, fold, read
from schemas.base import Frozen
from schemas.decoding import Decoded, decode_bytes
from schemas.feedback import Feedback
from schemas.records import Coordinates
from schemas.rejections import Rejection
from streams import feedback
from tests.bench.reports import laboratories, reports

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def trusted() -> list[Frozen]:
    """Evidence and subjects, grades, summaries, log and feedback, as the worker makes them of 800 reports."""
    setting = Setting(catalogue=load(), grading=european_grading())
    memory, effects, found = Memory(complete=True), Effects(), list[Frozen]()
    for place, report in enumerate(reports(800, until=NOW, by=laboratories("trusted"))):
        decoded = decode_bytes(report.value, laboratory=report.laboratory)
        assert isinstance(decoded, Decoded)
        source = Coordinates(topic=f"detections-{report.laboratory}", partition=0, offset=place)
        reading = read(decoded, laboratory=report.laboratory, at=NOW, setting=setting, source=source)
        since = Mark.of(effects)
        standing = fold(reading, memory, effects, setting)
        assert not isinstance(standing, Rejection)
        found += [*reading.said.evidence, *(one.subject for one in reading.said.evidence)]
        found += _told(report.laboratory, consequences(reading, standing, memory, effects, since), effects)
    cases = [case for file in memory.files.values() for case in file.cases()]
    found += [*effects.log, *(case.summary for case in cases), *(one for case in cases for one in case.grades.values())]
    return found


def _told(laboratory: str, all_of_it: tuple[Consequence, ...], effects: Effects) -> Iterator[Frozen]:
    told = [feedback.of(one, effects.events, NOW) for one in all_of_it]
    yield from told
    yield Feedback.to(laboratory, told)


def test_what_is_made_without_the_check_is_what_the_check_would_have_made(trusted: list[Frozen]) -> None:
    kinds = {type(one).__name__ for one in trusted}
    assert kinds == {"Evidence", "Subject", "Grade", "Summary", "LogEntry", "ReportFeedback", "Feedback"}
    for one in trusted:
        checked = type(one).model_validate(dict(one), strict=True)
        assert checked == one
        assert checked.model_dump_json() == one.model_dump_json()
        assert {name: type(value) for name, value in checked} == {name: type(value) for name, value in one}
