"""Nothing of the grading is in the code: each number of the rule file, changed, changes what is decided."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from alerts.grading import Grading
from alerts.pipeline import Setting
from alerts.rule_check import problems
from alerts.rulebook import EUROPEAN, EXAMPLE, read
from schemas.vocabularies import Level
from tests.unit.deciding import CATALOGUE, Desk, Document, component, death, harm, report, strip
from tocsin.simulation import Simulation

SHIPPED = EUROPEAN.read_text(encoding="utf-8")


def tablet(mg: float) -> Document:
    made = component("MDMA", amount={"value": mg, "unit": "mg", "basis": "base", "per": "unit"})
    return report("t", made, sample={"physical_form": "tablet", "sold_as": "MDMA", "distribution": ["street"]})


def seized(grams: float, name: str = "metonitazene") -> Document:
    sample: Document = {
        "physical_form": "powder",
        "quantity": {"value": grams, "unit": "g"},
        "distribution": ["street"],
    }
    return report("s", name, sample=sample) | {"report_type": "seizure"}


def at(*days: int, name: str = "3-MMC") -> list[Document]:
    return [report(f"d{day}", name, day=day, sample={"distribution": ["street"]}) for day in days]


def in_countries(*countries: str, days: int = 10, **more: JsonValue) -> list[Document]:
    labs = [(country, f"{country.lower()}-example", place * days) for place, country in enumerate(countries)]
    return [
        report(f"c{place}", "metonitazene", lab=lab, country=country, day=place) | more for country, lab, place in labs
    ]


def unanalysed(deaths: int) -> Document:
    made = report("u", report_type="adverse_event", sample={"sold_as": "ecstasy"})
    return made | {"harm": death(case_count=deaths)}


def two_bodies(days: int) -> list[Document]:
    """One seizure as two bodies describe it, dated so many days apart."""
    seen: dict[str, JsonValue] = {
        "physical_form": "tablet", "n_units": 300, "distribution": ["street"],
        "appearance": {"colour": "pink", "shape": "skull"},
    }  # fmt: skip
    return [
        report(f"b{day}", "3-MMC", day=day, lab=lab, sample=seen) | {"region": "SI04"}
        for day, lab in ((0, "si-example"), (days, "fi-example"))
    ]


HISTORY = [report(f"m{n}", "3-MMC", day=30 * n, status="archival") for n in range(14)]
LONG_AGO = [
    report("o1", "metonitazene", day=-300, status="archival"),
    report("o2", "metonitazene", day=-300, status="archival", lab="fi-example", country="FI"),
]
CLUSTER = [report(f"k{n}", "3-MMC", day=9 * n, harm=harm("life_threatening"), region="SI041") for n in range(3)]

CHANGES: dict[str, tuple[str, str, list[Document]]] = {
    "window events": ("events: {days: 28", "events: {days: 5", at(0, 10, 20)),
    "window harm": ("harm: {days: 90", "harm: {days: 5", [report("h", "3-MMC", harm=harm("hospitalised")), *at(40)]),
    "window cluster": ("cluster: {days: 14", "cluster: {days: 30", CLUSTER),
    "window new country": ("new_country: {days: 90", "new_country: {days: 5", in_countries("SI", "FI", "DE")),
    "window history": ("history: {days: 365", "history: {days: 90", [*LONG_AGO, *in_countries("SI", "FI")]),
    "window baseline age": ("baseline_age: {days: 60", "baseline_age: {days: 900", [*HISTORY, *at(420)]),
    "window twins": ("twins: {days: 3", "twins: {days: 20", two_bodies(10)),
    "dose high": ("high: 120, extreme: 200", "high: 100, extreme: 200", [tablet(110)]),
    "dose extreme": ("high: 120, extreme: 200", "high: 120, extreme: 130", [tablet(140)]),
    "bulk of a class": ("{class: nitazene, at_least: 10", "{class: nitazene, at_least: 100", [seized(20)]),
    "bulk of any other": (
        "{class: any, at_least: 1, unit: kg", "{class: any, at_least: 1, unit: g", [seized(20, "3-MMC")]),
    "user level": ("name: user_level_units, value: 10", "name: user_level_units, value: 1", [
        report("n", "metonitazene", sample={"physical_form": "tablet", "n_units": 5, "distribution": ["street"]})]),
    "cluster of people": ("name: cluster_people, value: 3", "name: cluster_people, value: 2", CLUSTER[:2]),
    "many countries": (
        "name: countries_many, value: 3", "name: countries_many, value: 9", in_countries("SI", "FI", "DE")),
    "some countries": ("name: countries_some, value: 2", "name: countries_some, value: 3", in_countries("SI", "FI")),
    "countries with harm": ("name: countries_harmed, value: 2", "name: countries_harmed, value: 9",
        in_countries("SI", "FI", harm=harm("hospitalised"))),
    "events of growth": (
        "name: growth_events, value: 5", "name: growth_events, value: 9", [*HISTORY, *at(*range(400, 406))]),
    "factor of growth": ("name: growth_factor, value: 3.0", "name: growth_factor, value: 99.0",
        [*HISTORY, *at(*range(400, 406))]),
    "many events": ("name: events_many, value: 3.0", "name: events_many, value: 9.0", at(0, 1, 2)),
    "some events": ("name: events_some, value: 2.0", "name: events_some, value: 9.0", at(0, 1)),
    "families of techniques": ("name: families, value: 2", "name: families, value: 3", [
        report("f", component("metonitazene", methods=["gc_ms", "nmr"], standard="yes"))]),
    "deaths without analysis": ("unanalysed_deaths, value: 2", "unanalysed_deaths, value: 3", [unanalysed(2)]),
    "table of levels": ("  - [0, 2, 3, 3, 4]", "  - [0, 1, 1, 1, 1]", at(0, name="metonitazene")),
}  # fmt: skip


def decided(grading: Grading, documents: list[Document]) -> object:
    """Levels, scores, confidence and rules of every case at every anchor."""
    desk = Desk()
    desk.simulation = Simulation(Setting(catalogue=CATALOGUE, grading=grading))
    desk.tell(*documents)
    return [
        (case.key, day, grade.level, grade.impact, grade.spread, grade.confidence, {rule.id for rule in grade.fired})
        for file in desk.files()
        for case in file.cases()
        for day, grade in sorted(case.grades.items())
    ]


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_each_number_of_the_file_changed_changes_what_is_decided(what: str, tmp_path: Path) -> None:
    old, new, documents = CHANGES[what]
    assert SHIPPED.count(old) == 1, old
    file = tmp_path / "theirs.yaml"
    file.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    assert decided(Grading(read(EUROPEAN)), documents) != decided(Grading(read(file)), documents)


TERMS: dict[str, tuple[str, str, *tuple[Document, ...]]] = {
    "validity": ("validity: {days: 90", "validity: {days: 5", report("a", "metonitazene")),
    "provisional": ("provisional: {days: 3", "provisional: {days: 9", report("a", strip())),
    "review at L3": ("review_l3: {days: 30", "review_l3: {days: 5", report("a", "metonitazene")),
    "review at L4": ("review_l4: {days: 7", "review_l4: {days: 5", *in_countries("SI", "FI", "DE", harm=death())),
}


@pytest.mark.parametrize("what", sorted(TERMS))
def test_each_term_of_the_file_changed_changes_when_an_alert_ends_or_is_looked_at(what: str, tmp_path: Path) -> None:
    old, new, *documents = TERMS[what]
    assert SHIPPED.count(old) == 1, old
    file = tmp_path / "theirs.yaml"
    file.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    assert dated(Grading(read(EUROPEAN)), documents) != dated(Grading(read(file)), documents)


def dated(grading: Grading, documents: list[Document]) -> list[object]:
    desk = Desk()
    desk.simulation = Simulation(Setting(catalogue=CATALOGUE, grading=grading))
    desk.tell(*documents)
    assert desk.messages, "else there is nothing to end"
    return [(message.valid_until, message.review_at) for message in desk.messages]


def test_another_authority_grades_by_its_own_rules_alone() -> None:
    theirs = Grading(read(EXAMPLE))
    desk = Desk()
    desk.simulation = Simulation(Setting(catalogue=CATALOGUE, grading=theirs))
    desk.tell(report("a", "metonitazene", sample={"distribution": ["street"]}))
    grade = desk.case().grade
    assert grade is not None and grade.level is Level.L4
    assert {rule.id for rule in grade.fired} == {"S4-OPIOID", "S2-ANY", "S2-REST", "S-B"}
    assert grade.rule_set.startswith("example-stricter 0.1-example ")
    message = desk.messages[-1]
    assert message.rule_set.name == "example-stricter" and message.rule_set.digest == theirs.book.digest
    assert "by the rules example-stricter" in message.explanation


def test_every_problem_of_a_file_is_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    bent = SHIPPED
    for old, new in (
        ("when: mis_sold\n", "when: mis_soled\n"),
        ("when: dose_extreme\n", "when: max_dose_mg\n"),
        ('says: "a bulk quantity of {max_grams} g"', 'says: "a bulk quantity of {grams} g"'),
    ):
        assert bent.count(old) == 1
        bent = bent.replace(old, new)
    file = tmp_path / "theirs.yaml"
    file.write_text(bent, encoding="utf-8")
    found = problems(file)
    lines = bent.splitlines()
    assert len(found) == 3
    for said, rule in zip(found, ("I3-DOSE", "I2-MIS-SOLD", "P3-BULK"), strict=True):
        line = next(number for number, text in enumerate(lines, 1) if f"id: {rule}" in text)
        assert said.startswith(f"theirs.yaml:{line}: ") and rule in said


def test_unknown_thresholds_sources_and_repeated_keys_are_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "theirs.yaml"
    file.write_text(SHIPPED.replace("threshold.families &&", "threshold.familys &&"), encoding="utf-8")
    (said,) = problems(file)
    assert "unknown threshold familys" in said and "families" in said
    file.write_text(SHIPPED.replace("unit: mg, source: infodrog", "unit: mg, source: hearsay"), encoding="utf-8")
    (said,) = problems(file)
    assert "unknown source hearsay" in said and "ecdc" in said
    file.write_text(SHIPPED + '\nversion: "2"\n', encoding="utf-8")
    (said,) = problems(file)
    assert "'version' stands here twice" in said


def test_the_shipped_files_have_no_problem() -> None:
    assert problems(EUROPEAN) == () and problems(EXAMPLE) == ()


def test_replacing_the_rules_replaces_the_label_of_every_grade() -> None:
    assert replace(read(EUROPEAN)).label != read(EXAMPLE).label
