"""The scenario file and the history: facts with their sources, good reports, the same ids every time."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from schemas.decoding import Decoded, decode_bytes
from schemas.vocabularies import Tense
from tocsin.demo import history
from tocsin.demo.scenario import SHIPPED, BrokenScenario, Use, as_bytes, detection, load, numbered_reports, shifted

SCENARIO = load()


def test_every_event_has_sources_and_every_assumption_is_named() -> None:
    assert len(SCENARIO.events) == 20
    entries = [entry for event in SCENARIO.events for entry in event.reports]
    assert len(entries) == 87
    for event in SCENARIO.events:
        assert all(source.url.startswith("https://") and source.publisher for source in event.sources)
    for entry in entries:
        assert "reported_at" in entry.assumed
        components = entry.report.get("components") or []
        assert isinstance(components, list)
        if any(isinstance(part, dict) and part["methods"] == ["other"] for part in components):
            assert "components.methods" in entry.assumed


def test_totals_and_surveys_are_archival_and_nothing_is_told_twice() -> None:
    told = [detection(document) for document in SCENARIO.live]
    uses = Counter(entry.use for event in SCENARIO.events for entry in event.reports)
    assert uses[Use.LEFT_OUT] == 1
    assert Counter(report.status for report in told) == {
        Tense.ACTUAL: uses[Use.LIVE],
        Tense.ARCHIVAL: uses[Use.ARCHIVAL],
    }
    assert len({report.event_id for report in told}) == len(told)


def test_laboratories_and_case_references_are_plainly_examples() -> None:
    for document in SCENARIO.live:
        reporter = detection(document).reporter
        assert "-example-" in reporter.lab
        assert reporter.case_ref.startswith("EX-")


def test_reports_come_in_the_order_of_their_reporting_with_the_same_ids_every_time() -> None:
    numbered = numbered_reports()
    assert [number for number, _ in numbered] == list(range(1, len(numbered) + 1))
    times = [json.loads(value)["reported_at"] for _, value in numbered]
    assert times == sorted(times)
    assert numbered == numbered_reports()


@pytest.mark.parametrize("days", [1, 250, 2000])
def test_a_shifted_report_is_still_good_and_keeps_its_id_and_precision(days: int) -> None:
    for document in SCENARIO.live:
        verdict = decode_bytes(as_bytes(shifted(document, days=days)), laboratory=None)
        assert isinstance(verdict, Decoded), verdict
        before = detection(document)
        assert verdict.detection.event_id == before.event_id
        assert (verdict.detection.reported_at - before.reported_at).days == days
        assert verdict.detection.event_date.precision == before.event_date.precision


def _broken(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "scenario.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("like: strong-ecstasy", "like: weak-ecstasy", "no template"),
        ("country: NL", "country: DE", "/region"),
        ("revises: fi", "revises: it", "not a report beside it"),
        ("why: Already in", "note2: Already in", "say why"),
        ("acceptance:", "acceptances:", "acceptance"),
        ("kind: raised", "kind: sent", "kind"),
    ],
)
def test_a_broken_scenario_is_refused_with_a_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BrokenScenario, match=said):
        load(_broken(tmp_path, old, new))


def test_norway_is_a_country_and_a_date_is_text(tmp_path: Path) -> None:
    path = _broken(tmp_path, "country: SI\n    report_type", "country: NO\n    report_type")
    assert detection(load(path).reports_of(load(path).acceptance[0])[0]).country == "NO"


def test_the_history_is_a_thousand_and_two_archival_reports_that_a_topic_would_take() -> None:
    reports = list(history.history())
    assert len(reports) == 1002
    assert {report.status for report in reports} == {Tense.ARCHIVAL}
    assert len({report.event_id for report in reports}) == 1002
    days = [report.event_date.first_day for report in reports]
    assert (min(filter(None, days)), max(filter(None, days))) == (date(2006, 1, 27), date(2024, 1, 10))
    for report in reports:
        assert "assumed" in report.free_text["en"]
        value = report.model_dump_json(exclude_none=True).encode()
        assert isinstance(decode_bytes(value, laboratory=history.LABORATORY), Decoded)
