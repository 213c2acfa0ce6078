"""What is one real-world event: linked, suggested by two bodies, one case reference, one day and appearance."""

import pytest
from pydantic import JsonValue

from tests.unit.deciding import (
    Desk,
    Document,
    report,
    retracted,
)

PILL: Document = {"physical_form": "tablet", "appearance": {"colour": "pink", "shape": "skull"}}


def events(*documents: Document) -> int:
    return Desk().tell(*documents).case().summary.events


def test_reports_with_nothing_in_common_are_events_of_their_own() -> None:
    assert events(report("a", "3-MMC"), report("b", "3-MMC")) == 2


def test_a_linked_reference_makes_two_reports_one_event() -> None:
    link: list[JsonValue] = [{"org": "si-example", "ref": "EX-a"}]
    assert events(report("a", "3-MMC"), report("b", "3-MMC", lab="europol", linked_refs=link)) == 1
    assert events(report("b", "3-MMC", lab="europol", linked_refs=link), report("a", "3-MMC")) == 1


def test_two_reports_that_link_to_the_same_third_body_are_one_event() -> None:
    link: list[JsonValue] = [{"org": "si-hospital", "ref": "P-7"}]
    told = [report(name, "3-MMC", lab=lab, linked_refs=link) for name, lab in (("a", "si-example"), ("b", "si-police"))]
    assert events(*told) == 1


def test_one_laboratory_and_one_case_reference_are_one_event() -> None:
    same: JsonValue = {"lab": "si-example", "role": "forensic_lab", "case_ref": "EX-1"}
    assert events(report("a", "3-MMC", reporter=same), report("b", "3-MMC", day=9, reporter=same)) == 1


def test_one_case_reference_of_two_laboratories_is_two_events() -> None:
    told = [report(lab, "3-MMC", lab=lab) for lab in ("si-example", "si-police")]
    for document in told:
        document["reporter"] = {"lab": str(document["reporter"]["lab"]), "role": "forensic_lab", "case_ref": "1"}  # type: ignore[index,call-overload]  # built above
    assert events(*told) == 2


def look(**more: JsonValue) -> Document:
    return {**PILL, **more}


def test_one_laboratory_day_region_and_appearance_are_one_event() -> None:
    assert events(*(report(name, "3-MMC", region="SI04", sample=look()) for name in "ab")) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"event_date": {"value": "2026-03-01", "precision": "day"}},
        {"event_date": {"value": "2026-03", "precision": "month"}},
        {"region": "SI03"},
        {"region": None},
        {"sample": {"physical_form": "tablet"}},
        {"sample": {"physical_form": "tablet", "appearance": {"colour": "blue", "shape": "skull"}}},
    ],
)
def test_another_day_region_or_appearance_or_one_that_is_not_given_is_another_event(other: Document) -> None:
    first = report("a", "3-MMC", region="SI04", sample=look())
    assert events(first, report("b", "3-MMC", region="SI04", sample=look()) | other) == 2


def test_what_neither_side_gives_is_not_equal() -> None:
    assert events(*(report(name, "3-MMC", region="SI04") for name in "ab")) == 2
    assert events(*(report(name, "3-MMC", sample=look()) for name in "ab")) == 2


def seizure(name: str, lab: str, *, day: int = 0, sample: Document | None = None, **changes: JsonValue) -> Document:
    amount: Document = {"value": 250, "unit": "g"}
    found = report(name, "3-MMC", lab=lab, day=day, region="SI04", report_type="seizure", sample=look(quantity=amount))
    if sample is not None:
        found["sample"] = look(**sample)
    return found | changes


@pytest.mark.parametrize(("apart", "number"), [(0, 1), (3, 1), (-3, 1), (4, 2)])
def test_two_bodies_with_one_quantity_appearance_and_region_within_three_days_report_one_event(
    apart: int, number: int
) -> None:
    assert events(seizure("a", "si-example"), seizure("b", "europol", day=apart)) == number


def test_within_three_days_one_laboratory_has_two_events() -> None:
    told = [seizure("a", "si-example"), seizure("b", "si-example", day=1), report("c", "3-MMC", day=40)]
    assert events(*told) == 3
    assert events(*told, retracted(told[2])) == 2, "counted afresh"


@pytest.mark.parametrize(
    "sample",
    [
        {"quantity": {"value": 251, "unit": "g"}},
        {"quantity": {"value": 250, "unit": "mL"}},
        {"n_units": 5},
    ],
)
def test_another_quantity_is_another_event(sample: Document) -> None:
    assert events(seizure("a", "si-example"), seizure("b", "europol", sample=sample)) == 2


def test_the_same_quantity_in_another_unit_of_mass_is_the_same() -> None:
    half = seizure("b", "europol", sample={"quantity": {"value": 0.25, "unit": "kg"}})
    assert events(seizure("a", "si-example"), half) == 1


def test_liquids_are_compared_by_their_volume() -> None:
    def bottle(name: str, lab: str, volume: int) -> Document:
        return seizure(name, lab, sample={"quantity": {"value": volume, "unit": "mL"}, "n_units": 1})

    assert events(bottle("a", "si-example", 500), bottle("b", "europol", 500)) == 1
    assert events(bottle("a", "si-example", 500), bottle("b", "europol", 700)) == 2


def test_the_same_seizure_found_to_be_one_through_a_third_report_is_counted_once() -> None:
    links: list[JsonValue] = [{"org": "si-example", "ref": "EX-a"}, {"org": "si-police", "ref": "EX-b"}]
    told = [report("a", "3-MMC"), report("b", "3-MMC", lab="si-police", day=2)]
    assert events(*told, report("c", "3-MMC", lab="si-customs", day=5, linked_refs=links)) == 1


def test_the_earliest_report_of_an_event_gives_its_day_and_country() -> None:
    link: list[JsonValue] = [{"org": "si-example", "ref": "EX-a"}]
    later = report("b", "3-MMC", lab="fi-example", country="FI", day=2, linked_refs=link)
    desk = Desk().tell(later, report("a", "3-MMC"))
    assert [place.country for place in desk.case().days] == ["SI"]
    assert desk.facts().new_countries == 1
