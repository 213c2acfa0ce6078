"""Other rules over the archive say what would have been, exactly as if they had graded it; explain says why."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine, text

from alerts.grading import Grading
from alerts.rulebook import EUROPEAN, EXAMPLE, read
from alerts.what_if import Course, Outcome
from schemas.vocabularies import Level
from streams.assess import Assess
from tests.broker.test_memory import LABORATORIES, SETTING, records, report, varied
from tests.programs import run
from tocsin.regrading import what_if

SINCE = date(2026, 3, 3)
COUNTED = ("detections", "findings", "cases", "case_days", "case_grades", "alerts", "outbox", "case_log", "timers")


def mdma(number: int, mg: float, laboratory: str = "si-example") -> dict[str, object]:
    """A tablet that is what it was sold as: it qualifies by its dose alone."""
    made = report(number, "MDMA", laboratory=laboratory)
    made["sample"] = {"physical_form": "tablet", "sold_as": "MDMA", "n_units": 5, "distribution": ["street"]}
    return _with_component(made, {"amount": {"value": mg, "unit": "mg", "basis": "base", "per": "unit"}})


def _with_component(made: dict[str, object], more: dict[str, object]) -> dict[str, object]:
    (component,) = cast("list[dict[str, object]]", made["components"])
    return made | {"components": [component | more]}


def many() -> list[dict[str, object]]:
    """Reports of every kind, doses between the thresholds of both rule sets among them."""
    screened = _with_component(report(700, "cathinone"), {"methods": ["strip"], "identification": "presumptive"})
    heavy = report(710, "metonitazene", report_type="seizure")
    heavy["sample"] = {"physical_form": "powder", "quantity": {"value": 2, "unit": "g"}}
    tablets = [*(mdma(500 + n, 70 + 15 * n) for n in range(10)), mdma(520, 95, "fi-example")]
    return [*varied(60), *tablets, screened, heavy]


def apply(engine: Engine, grading: Grading) -> None:
    """As a worker does that was started with these rules."""
    process = Assess(replace(SETTING, grading=grading), LABORATORIES)
    batch = records(many())
    with engine.begin() as connection:
        process.apply(connection, process.prepare(batch))


def courses(engine: Engine) -> Mapping[str, tuple[Level, dict[Level, date]]]:
    """How each case that people see went, by key and place among the cases of its key."""
    query = """
        SELECT c.case_key || '#' || c.ordinal AS key, g.day, g.level FROM cases c JOIN case_grades g ON g.case_id = c.id
        WHERE c.listed AND c.state IN ('open', 'closed') AND g.day >= :since ORDER BY g.day
    """
    found: dict[str, tuple[Level, dict[Level, date]]] = {}
    with engine.begin() as connection:
        for row in connection.execute(text(query), {"since": SINCE}):
            highest, since = found.get(row.key, (Level.L0, {}))
            since |= {level: row.day for level in Level if Level.L0 < level <= row.level and level not in since}
            found[row.key] = (max(highest, Level(row.level)), since)
    return found


def keyed(engine: Engine) -> Mapping[str, str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT id, case_key || '#' || ordinal AS key FROM cases"))
        return {row.id: row.key for row in rows}


def changed_file(folder: Path, old: str, new: str) -> Path:
    shipped = EUROPEAN.read_text(encoding="utf-8")
    assert shipped.count(old) == 1, old
    made = folder / "other.yaml"
    made.write_text(shipped.replace(old, new), encoding="utf-8")
    return made


CHANGES = (
    ("name: events_some, value: 2.0", "name: events_some, value: 9.0"),
    ("events: {days: 28", "events: {days: 7"),
    ("high: 120, extreme: 200, unit: mg", "high: 80, extreme: 100, unit: mg"),
    ("{class: nitazene, at_least: 10, unit: g", "{class: nitazene, at_least: 1, unit: g"),
    ("name: user_level_units, value: 10", "name: user_level_units, value: 3"),
    ("name: families, value: 2", "name: families, value: 1"),
)


@pytest.mark.parametrize("change", [*(pytest.param(change, marks=pytest.mark.long) for change in CHANGES), None])
def test_what_would_have_been_is_what_a_worker_with_these_rules_does(
    engine: Engine, tmp_path: Path, change: tuple[str, str] | None
) -> None:
    other = Grading(read(EXAMPLE if change is None else changed_file(tmp_path, *change)))
    apply(engine, other)
    really = courses(engine)
    with engine.begin() as connection:
        tables = "detections, findings, cases, case_days, case_grades, case_reports, occurrence_links"
        connection.execute(text(f"TRUNCATE {tables}, first_sightings, alerts, case_log, timers, outbox"))
    apply(engine, SETTING.grading)
    was, names = courses(engine), keyed(engine)
    found = what_if(engine, SETTING, other, SINCE)
    told = {names.get(one.case, f"{one.key}#0"): one for one in found.differences}
    alike = {key for key in was if was[key] == really.get(key)}
    unseen = {key for key, (highest, _) in really.items() if highest is Level.L0} - set(was)
    assert set(told) == (set(was) | set(really)) - alike - unseen
    for key, one in told.items():
        assert one.after == Course(highest=really[key][0], since=really[key][1], rules=one.after.rules), key
        assert (one.before.highest, dict(one.before.since)) == was.get(key, (Level.L0, {}))


def test_other_rules_would_have_changed_something_in_each_direction(engine: Engine) -> None:
    apply(engine, SETTING.grading)
    found = what_if(engine, SETTING, Grading(read(EXAMPLE)), SINCE)
    outcomes = {one.outcome for one in found.differences}
    assert {Outcome.RAISED, Outcome.HIGHER} <= outcomes and found.read_anew > 0


def test_the_same_rules_change_nothing_and_nothing_is_ever_written(engine: Engine, database: str) -> None:
    apply(engine, SETTING.grading)
    before = _everything(engine)
    assert what_if(engine, SETTING, SETTING.grading, SINCE).differences == ()
    environment = {"TOCSIN_DATABASE__URL": database}
    done = run("rules", "what-if", str(EXAMPLE), "--since", str(SINCE), "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["sent"] == 0 and said["differences"] and "nothing was sent" in done.stderr
    assert _everything(engine) == before


def test_explain_says_why_in_a_paragraph_and_with_every_answer(engine: Engine, database: str) -> None:
    apply(engine, SETTING.grading)
    with engine.begin() as connection:
        number = connection.execute(text("SELECT number FROM cases WHERE level = 3 ORDER BY id LIMIT 1")).scalar_one()
    environment = {"TOCSIN_DATABASE__URL": database}
    spoken = run("rules", "explain", str(number), environment=environment)
    assert spoken.returncode == 0, spoken.stderr
    assert "is graded L3, alert." in spoken.stdout and "makes it L4" in spoken.stdout
    said = json.loads(run("rules", "explain", str(number), "--json", environment=environment).stdout)
    assert said["says"] in spoken.stdout
    fired = {rule["id"] for rule in said["grade"]["fired"]}
    assert fired - {"C-A", "C-B", "C-C"} == {rule["id"] for rule in said["trace"] if rule["answer"] is True}
    assert said["grade"]["rule_set"] == SETTING.grading.book.label == said["asked"]
    assert run("rules", "explain", "TOC-A-1999-0001", environment=environment).returncode == 1


def test_a_draft_and_its_page_are_printed_and_what_may_not_be_published_is_refused(
    engine: Engine, database: str
) -> None:
    apply(engine, SETTING.grading)
    with engine.begin() as connection:
        number = connection.execute(text("SELECT number FROM cases WHERE level = 3 ORDER BY id LIMIT 1")).scalar_one()
    environment = {"TOCSIN_DATABASE__URL": database}
    said = json.loads(run("case", "notification", str(number), "--json", environment=environment).stdout)
    assert [item["letter"] for item in said["items"]] == list("abcdefghij") and len(said["clocks"]) == 4
    assert any("gc ms" in line for item in said["items"] for line in item["known"]), "the reports themselves were read"
    page = run("case", "notification", str(number), "--html", environment=environment)
    assert page.stdout.startswith("<!doctype html>") and page.returncode == 0
    refused = run("case", "public", str(number), environment=environment)
    assert refused.returncode == 1 and "a provider has not consented" in refused.stderr


def _everything(engine: Engine) -> list[object]:
    with engine.begin() as connection:
        return [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in COUNTED]
