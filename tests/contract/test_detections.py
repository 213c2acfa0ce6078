"""What the model promises beyond the examples: dates as intervals, mis-sold as three values, nothing mutable."""

import json
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from schemas import cleaning
from schemas.detections import Component, Detection, EventDate
from schemas.publish import path_of
from schemas.topics import Payload
from schemas.vocabularies import DatePrecision
from tests.contract.reports import bent, good


@pytest.mark.parametrize(
    ("value", "precision", "first", "last"),
    [
        ("2024-12-03", "day", date(2024, 12, 3), date(2024, 12, 3)),
        ("2024-02", "month", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-12", "month", date(2024, 12, 1), date(2024, 12, 31)),
        ("2024-12-03", "month", date(2024, 12, 1), date(2024, 12, 31)),
        ("2024", "year", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-12-03", "year", date(2024, 1, 1), date(2024, 12, 31)),
        (None, "unknown", None, None),
    ],
)
def test_an_event_date_is_an_interval(value: str | None, precision: str, first: date | None, last: date | None) -> None:
    event_date = EventDate(value=value, precision=DatePrecision(precision))
    assert (event_date.first_day, event_date.last_day) == (first, last)


@pytest.mark.parametrize("value", ["2024-1-1", "2024-13", "24", "2024-12-03T00:00", "٢٠٢٤", "1492", "-024", "2024-"])
def test_a_value_that_is_no_date_is_refused(value: str) -> None:
    for precision in (DatePrecision.YEAR, DatePrecision.MONTH, DatePrecision.DAY):
        with pytest.raises(ValidationError):
            EventDate(value=value, precision=precision)


@pytest.mark.parametrize(("said", "kept"), [(True, True), (False, False), ("unknown", None)])
def test_mis_sold_has_three_values(said: object, kept: bool | None) -> None:
    sample = Detection.model_validate(bent(sample__mis_sold=said)).sample
    assert sample is not None
    assert sample.mis_sold is kept


def test_times_are_kept_in_utc() -> None:
    report = Detection.model_validate(bent(reported_at="2021-01-20T11:30:00+02:00"))
    assert report.reported_at == datetime(2021, 1, 20, 9, 30, tzinfo=UTC)
    assert report.reported_at.tzinfo == UTC


def test_a_report_cannot_be_changed() -> None:
    report = Detection.model_validate(good())
    with pytest.raises(ValidationError):
        report.revision = 2  # type: ignore[misc]


def test_a_component_refuses_hidden_characters_whoever_builds_it() -> None:
    component = Detection.model_validate(good()).components[0].model_dump()
    with pytest.raises(ValidationError):
        Component.model_validate(component | {"name_reported": "bror\u200bphine"})


def test_every_text_of_the_format_is_cleaned_or_guarded() -> None:
    schema = json.loads(path_of(Payload.DETECTION).read_text(encoding="utf-8"))
    parts = [schema, *schema["$defs"].values()]
    fields = {name for part in parts for name in part.get("properties", {})}
    structures = {"reporter", "linked_refs", "event_date", "components", "sample", "harm", "measures"}
    numbers = {"revision", "n_units", "mass_mg", "case_count", "given"}
    structures |= {"public_consent", "amount", "appearance", "quantity"}
    assert fields - structures - numbers == set(cleaning.known_names())
