"""The acceptance table of the grading: each row of the scenario file, run as reports, must come out as it says."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from alerts.catalogue import load as load_catalogue
from alerts.grading import european_grading
from alerts.pipeline import Setting
from tocsin.demo.scenario import Document, Expected, ExpectedCase, Row, as_bytes, load
from tocsin.simulation import Simulated, SimulatedCase, simulate

SCENARIO = load()
CATALOGUE = load_catalogue()
GRADING = european_grading()


def _marked(row: Row) -> object:
    waits = [pytest.mark.skip(reason=f"waits for {row.waits}")] if row.waits else []
    return pytest.param(row, id=row.title, marks=waits)


def _run(row: Row, *, times: int = 1) -> Simulated:
    lines = [as_bytes(document) for document in SCENARIO.reports_of(row)] * times
    setting = Setting(catalogue=CATALOGUE, grading=GRADING, loaded=frozenset(row.history))
    return simulate(list(enumerate(lines, start=1)), setting=setting, now=row.now)


def _found(expected: ExpectedCase, outcome: Simulated) -> SimulatedCase:
    """The one case that the expectation names."""
    matches = [case for case in outcome.cases if _is(case, expected)]
    assert len(matches) == 1, f"one case of {expected.name or expected.subgroup}, found {[c.name for c in matches]}"
    return matches[0]


def _is(case: SimulatedCase, expected: ExpectedCase) -> bool:
    if expected.name is not None:
        return case.name.casefold() == expected.name.casefold()
    return case.subgroup == expected.subgroup


def _check_cases(expected: Expected, outcome: Simulated) -> None:
    named = [(one, _found(one, outcome)) for one in expected.cases]
    for wanted, case in named:
        said = wanted.model_dump(exclude_unset=True, exclude={"name", "subgroup"})
        is_so = {field: getattr(case, field) for field in said}
        assert is_so == said, f"{case.name}: fired {case.rules}"
    others = [case for case in outcome.cases if case not in [case for _, case in named]]
    assert [case.name for case in others if case.level != "L0"] == []


def _check_messages(expected: Expected, outcome: Simulated) -> None:
    assert [(message.kind, message.level) for message in outcome.messages] == [
        (message.kind, message.level) for message in expected.messages
    ]
    for wanted, message in zip(expected.messages, outcome.messages, strict=True):
        assert wanted.countries in (None, message.countries)
        assert wanted.changes in (None, message.changes)


@pytest.mark.parametrize("row", [_marked(row) for row in SCENARIO.acceptance])
def test_the_row_comes_out_as_the_table_says(row: Row) -> None:
    outcome = _run(row)
    assert outcome.reports.rejected == ()
    _check_cases(row.expected, outcome)
    _check_messages(row.expected, outcome)


@pytest.mark.parametrize("row", [_marked(row) for row in SCENARIO.acceptance])
def test_the_same_reports_sent_twice_change_nothing(row: Row) -> None:
    once, twice = _run(row), _run(row, times=2)
    assert twice.reports.applied == once.reports.applied
    assert twice.reports.duplicates == once.reports.applied
    assert (twice.cases, twice.messages) == (once.cases, once.messages)


def _graded(lines: Sequence[bytes]) -> list[tuple[object, ...]]:
    """What may not depend on order: each case's substance, countries, events and grade."""
    setting = Setting(catalogue=CATALOGUE, grading=GRADING, loaded=frozenset())
    outcome = simulate(list(enumerate(lines, start=1)), setting=setting)
    assert outcome.reports.rejected == ()
    fields = ("substance", "countries", "events", "level", "impact", "spread", "confidence", "rules", "provisional")
    return sorted(tuple(getattr(case, field) for field in fields) for case in outcome.cases)


@pytest.mark.parametrize("row", [_marked(row) for row in SCENARIO.acceptance])
def test_the_order_of_arrival_changes_no_grade(row: Row) -> None:
    documents = SCENARIO.reports_of(row)
    together: Document = {"reported_at": max(str(document["reported_at"]) for document in documents)}
    lines = [as_bytes(document | together) for document in documents]
    expected = _graded(lines)
    for order in itertools.islice(itertools.permutations(lines), 0, 24, 5):
        assert _graded(order) == expected
    assert _graded(lines[::-1]) == expected


def test_the_documented_events_are_all_taken_and_speak_within_reason() -> None:
    lines = [(number, as_bytes(document)) for number, document in enumerate(SCENARIO.live, start=1)]
    outcome = simulate(lines, setting=Setting(catalogue=CATALOGUE, grading=GRADING, loaded=frozenset()))
    assert outcome.reports.rejected == ()
    assert outcome.reports.applied == len(lines)
    assert {"L3", "L4"} <= {case.level for case in outcome.cases}
    assert 0 < len(outcome.messages) <= len(lines)


def test_an_expectation_that_does_not_hold_is_seen() -> None:
    row = SCENARIO.acceptance[0]
    wrong = json.loads(row.expected.model_dump_json())
    wrong["cases"][0]["level"] = "L2"
    with pytest.raises(AssertionError):
        _check_cases(Expected.model_validate(wrong), _run(row))
    wrong["messages"] = []
    with pytest.raises(AssertionError):
        _check_messages(Expected.model_validate(wrong), _run(row))


def test_every_row_is_decided_in_its_own_past() -> None:
    now = datetime.now(UTC).isoformat()
    documents = [document for row in SCENARIO.acceptance for document in SCENARIO.reports_of(row)]
    assert all(str(document["reported_at"]) < now for document in documents)
