"""`tocsin conformance` without a worker: what fails is said, and a report that is not valid is never sent."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.test_journal import sent
from tests.programs import run
from tests.streaming.site import REAL, Site, report, site


@pytest.fixture
def made(kafka: str, database: str, tmp_path: Path) -> Iterator[Site]:
    """A site with one laboratory and no worker."""
    with site(kafka, database, tmp_path, count=1, worker=REAL) as found:
        yield found


def conformance(made: Site, laboratory: str, value: bytes) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code and each check's verdict and words."""
    file = made.directory / "report.json"
    file.write_bytes(value)
    words = ("conformance", "--lab", laboratory, "--wait", "1", "--json", str(file))
    done = run(*words, environment=made.environment)
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {one["check"].replace(str(file), "FILE"): (one["verdict"], one["said"]) for one in checks}


def test_a_report_that_is_not_valid_fails_with_its_field_and_nothing_is_sent(made: Site) -> None:
    name = made.laboratories[0]
    code, checks = conformance(made, name, report(name, 1).replace(b'"SI"', b'"XX"'))
    assert code == 1
    assert checks["schema FILE:1"][0] == "failed"
    assert "/country" in checks["schema FILE:1"][1]
    assert checks["sending"] == ("skipped", "mend the reports first; nothing was sent")
    assert sent(made) == []


def test_a_valid_one_is_sent_as_a_test_of_its_own_and_silence_is_a_failure(made: Site) -> None:
    name = made.laboratories[0]
    code, checks = conformance(made, name, report(name, 1))
    assert code == 1
    assert checks["sending"][0] == "passed"
    assert checks["topics of others"][0] == "skipped"
    assert checks["feedback FILE:1"] == ("failed", "no answer within 1 s; does a worker run?")
    (copy,) = map(json.loads, sent(made))
    original = json.loads(report(name, 1))
    assert (copy["status"], copy["revision"]) == ("test", 1)
    assert copy.pop("event_id") != original.pop("event_id")
    assert copy | {"status": "actual"} == original


def test_a_laboratory_without_topics_is_told_so(made: Site) -> None:
    code, checks = conformance(made, "test-absent", report("test-absent", 1))
    assert code == 1
    assert checks["topic detections-test-absent"] == ("failed", "is not there: `tocsin lab add` makes it")
    assert checks["sending"][0] == "skipped"
