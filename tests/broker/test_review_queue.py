"""What nobody could identify: the queue, what a reviewer says it is, what follows for cases and alerts, and back."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from streams.identifying import Identifying
from streams.stage import Again
from tests.broker.test_memory import BEGIN, SETTING, assess, records, report
from tests.unit.deciding import UNLISTED, death
from tocsin.commands import catalogue, identity

NOBODY_KNOWS = "Examplenitazepyne"
ISOTONITAZENE = "S:OIOQREYBGDAYGT"


@pytest.fixture
def process(engine: Engine) -> "Process":
    return Process(engine)


class Process:
    """A worker's stage, batch by batch, as the guard runs it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.stage, self.sent = engine, assess(), list[dict[str, object]]()

    def tell(self, *reports: dict[str, object]) -> None:
        self.sent += reports
        batch = records(self.sent)[-len(reports) :]
        while True:
            try:
                with self.engine.begin() as connection:
                    self.stage.apply(connection, self.stage.prepare(batch))
                return
            except Again:
                continue

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def story(self) -> list[tuple[object, ...]]:
        """Every message: number, kind, what it is about, what changed."""
        query = "SELECT number, kind, body -> 'substance' ->> 'key', body -> 'changes' FROM alerts"
        return [
            (number, kind, key, changes if isinstance(changes, list) else [])
            for number, kind, key, changes in self.rows(f"{query} ORDER BY decided_at, number, revision")
        ]

    def cases(self) -> dict[object, tuple[object, ...]]:
        query = "SELECT case_key, state, level > 0, number FROM cases WHERE listed"
        return {row[0]: row[1:] for row in self.rows(query)}

    def run(self, app: str, *words: str) -> str:
        """What a command prints, run in this process."""
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        command = {"identity": identity.app, "catalogue": catalogue.app}[app]
        done = CliRunner().invoke(command, list(words), env={"TOCSIN_DATABASE__URL": url})
        assert done.exit_code == 0, (done.stdout, done.stderr, done.exception)
        return done.stdout

    def resolve(self, key: str, *more: str, to: str = "isotonitazene") -> int:
        said = ("--by", "Example chemist", "--reason", "reference standard", "--yes", "--json")
        return int(json.loads(self.run("identity", "resolve", key, "--as", to, *said, *more))["id"])

    def undo(self, number: int) -> None:
        self.run("identity", "undo", str(number), "--by", "Example chemist", "--reason", "wrong sample", "--yes")

    def waits(self) -> dict[str, Any]:
        return {one["key"]: one for one in json.loads(self.run("identity", "queue", "--json"))}


def grave(number: int, name: str, *, laboratory: str = "si-example") -> dict[str, object]:
    return report(number, name, laboratory=laboratory, harm=death())


def test_the_queue_says_what_is_open_how_often_it_came_and_what_it_may_be(process: Process) -> None:
    process.tell(report(1, "Isotonitarene"), report(2, "isotonitarene", laboratory="fi-example"))
    conflict = report(3, "isotonitazene")
    components = conflict["components"]
    assert isinstance(components, list)
    components[0]["smiles"] = "CC(Cc1ccccc1)NC"
    process.tell(conflict, report(4, "2-, 3- or 4-fluorofentanyl"), report(5, "metonitazene"))
    found = process.waits()
    unknown = next(key for key in found if key.startswith("N:"))
    assert found[unknown]["reports"] == 2 and found[unknown]["laboratories"] == ["fi-example", "si-example"]
    assert found[unknown]["first"] == (BEGIN + timedelta(hours=1)).isoformat()
    assert {one["key"] for one in found[unknown]["candidates"]} == {ISOTONITAZENE}
    assert {key[:2] for key in found} == {"N:", "G:", "C:"}
    (disagree,) = (one for key, one in found.items() if key.startswith("C:"))
    assert {one["why"].rpartition(": ")[2] for one in disagree["candidates"]} == {
        "the structure says so",
        "the name says so",
    }


def test_a_resolution_moves_reports_and_alert_to_the_substance_and_an_undo_moves_them_back(process: Process) -> None:
    process.tell(grave(1, NOBODY_KNOWS), grave(2, NOBODY_KNOWS, laboratory="fi-example"))
    (key,) = process.waits()
    ((number, _, _, _), *_) = process.story()
    said = process.story()
    settled = process.resolve(key)
    assert process.story()[len(said) :] == [(number, "updated", ISOTONITAZENE, ["identity_settled"])]
    assert process.cases() == {key: ("moved", False, None), ISOTONITAZENE: ("open", True, number)}
    assert process.waits() == {}
    process.tell(report(9, NOBODY_KNOWS))
    assert process.rows("SELECT DISTINCT substance FROM findings") == [(ISOTONITAZENE,)]

    process.undo(settled)
    assert process.cases()[key] == ("open", True, number)
    assert process.cases()[ISOTONITAZENE][0] == "moved"
    assert process.story()[-1] == (number, "updated", key, ["identity_reopened"])
    assert process.waits()[key]["reports"] == 3

    process.resolve(key)
    assert process.cases()[ISOTONITAZENE] == ("open", True, number)
    assert process.story()[-1] == (number, "updated", ISOTONITAZENE, ["identity_settled"])


def test_a_substance_with_an_alert_of_its_own_keeps_it_and_the_other_says_where_to_read_on(process: Process) -> None:
    process.tell(grave(1, "isotonitazene"), grave(2, NOBODY_KNOWS))
    (key,) = process.waits()
    known, unknown = (row[0] for row in process.story())
    settled = process.resolve(key)
    assert (unknown, "updated", ISOTONITAZENE, ["identity_settled"]) in process.story()
    last = process.rows(f"SELECT body -> 'references' FROM alerts WHERE number = '{unknown}' ORDER BY revision DESC")
    assert last[0] == ([known],)
    process.undo(settled)
    assert process.cases()[key] == ("open", True, unknown)
    assert process.cases()[ISOTONITAZENE] == ("open", True, known)
    assert (
        process.story()[-1] == (unknown, "updated", key, ["identity_reopened"])
        or (
            unknown,
            "updated",
            key,
            ["identity_reopened"],
        )
        in process.story()
    )


def test_a_code_of_one_laboratory_says_nothing_at_another(process: Process) -> None:
    process.tell(report(1, "XK-17"), report(2, "XK-17", laboratory="fi-example"))
    (key,) = process.waits()
    process.resolve(key, "--lab", "si-example")
    process.tell(report(3, "XK-17"), report(4, "XK-17", laboratory="fi-example"))
    query = "SELECT DISTINCT laboratory, substance FROM findings ORDER BY laboratory"
    assert process.rows(query) == [("fi-example", key), ("si-example", ISOTONITAZENE)]
    assert process.waits()[key]["laboratories"] == ["fi-example"]


def test_a_conflict_that_is_resolved_is_graded_as_what_the_reviewer_says(process: Process) -> None:
    disagree = report(1, "isotonitazene")
    components = disagree["components"]
    assert isinstance(components, list)
    components[0]["smiles"] = UNLISTED
    process.tell(disagree)
    (key,) = process.waits()
    process.resolve(key)
    assert process.rows("SELECT substance, conflict FROM findings") == [(ISOTONITAZENE, False)]
    assert process.waits() == {}


def test_a_structure_that_comes_for_a_name_settles_it_for_all(process: Process, engine: Engine) -> None:
    process.tell(grave(1, NOBODY_KNOWS))
    (key,) = process.waits()
    stated = report(2, NOBODY_KNOWS, laboratory="fi-example")
    components = stated["components"]
    assert isinstance(components, list)
    components[0]["smiles"] = UNLISTED
    process.tell(stated)
    worker = Identifying(engine, SETTING)
    assert worker(BEGIN) == 1 and worker(BEGIN) == 0
    assert process.cases()[key][0] == "moved"
    assert len(process.rows("SELECT DISTINCT substance FROM findings")) == 1
    shown = json.loads(process.run("identity", "show", key, "--json"))
    assert [one["source"] for one in shown["decided"]] == ["structure"]
    process.undo(shown["decided"][0]["id"])
    assert process.cases()[key][0] == "open"
    assert worker(BEGIN + timedelta(hours=1)) == 0, "what a person took back is not settled again"


def test_a_substance_that_is_added_takes_what_waited_for_it(process: Process) -> None:
    process.tell(report(1, NOBODY_KNOWS))
    before = process.rows("SELECT catalogue FROM detections")
    said = ("--by", "Example curator", "--reason", "published", "--category", "opioid", "--subgroup", "nitazene")
    process.run("catalogue", "add", NOBODY_KNOWS, "--smiles", UNLISTED, *said)
    Identifying(process.engine, SETTING)(BEGIN)
    ((substance, version),) = process.rows("SELECT substance, catalogue FROM findings JOIN detections USING (event_id)")
    assert str(substance).startswith("S:") and (version,) not in before
    assert process.waits() == {}
    exported = process.run("catalogue", "export")
    assert f"{substance},{NOBODY_KNOWS}," in exported
    assert [one["by"] for one in json.loads(process.run("catalogue", "log", "--json"))] == ["Example curator", "tocsin"]


def test_a_job_that_was_cut_off_is_done_again_and_done_once(process: Process, engine: Engine) -> None:
    process.tell(grave(1, NOBODY_KNOWS))
    (key,) = process.waits()
    process.resolve(key)
    said = process.story()
    with engine.begin() as connection:
        connection.execute(text("UPDATE identity_jobs SET done_at = NULL"))
    assert Identifying(engine, SETTING)(BEGIN) == 1
    assert process.story() == said
