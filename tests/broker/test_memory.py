"""Recalling and recording a batch: few statements whatever it holds, the same rows however it is cut."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Connection, Engine, event, text

from alerts.catalogue import load
from alerts.grading import european_grading
from alerts.pipeline import Setting
from schemas.records import Record
from schemas.vocabularies import ReporterRole
from storage import dead_letters
from storage.laboratories import Laboratory
from streams.assess import Assess
from streams.stage import Applied, Dead, Duplicate, Fate
from streams.timers import Timers

LABORATORIES = {
    name: Laboratory(
        id=name,
        display_name="Example laboratory",
        country=name[:2].upper(),
        roles=frozenset(ReporterRole),
        topic=f"detections-{name}",
    )
    for name in ("si-example", "fi-example", "de-example")
}
SETTING = Setting(catalogue=load(), grading=european_grading())
SPACE = UUID("7c1f3a50-5f5c-4f8b-8a58-1d4a2c1f0a11")
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
DECIDED = (
    "SELECT case_id, day, level, impact, spread, confidence, body FROM case_grades ORDER BY case_id, day",
    "SELECT * FROM case_days ORDER BY case_id, day, country, region",
    "SELECT id, ledger, case_key, ordinal, state, level, number, subject, summary, thread FROM cases ORDER BY id",
    "SELECT * FROM alerts ORDER BY alert_id, revision",
    "SELECT event_id, key, body FROM outbox ORDER BY id",
    "SELECT * FROM case_reports ORDER BY ledger, case_key, laboratory, event_id",
    "SELECT * FROM occurrence_links ORDER BY ledger, case_key, link, laboratory, event_id",
    "SELECT * FROM first_sightings ORDER BY ledger, case_key, country",
    "SELECT * FROM timers ORDER BY key",
    "SELECT case_id, at, action, reason, level_before, level_after, rules FROM case_log ORDER BY case_id, at, id",
)


def assess() -> Assess:
    """A process that starts: it remembers no case."""
    return Assess(SETTING, LABORATORIES)


def report(number: int, name: str, *, laboratory: str = "si-example", **changes: object) -> dict[str, object]:
    """A valid report; `number` gives id, case reference and time."""
    at = BEGIN + timedelta(hours=number)
    return {
        "schema_version": "1.0",
        "event_id": str(uuid5(SPACE, f"{laboratory} {number}")),
        "revision": 1,
        "action": "new",
        "status": "actual",
        "report_type": "collected_sample",
        "reporter": {"lab": laboratory, "role": "forensic_lab", "case_ref": f"EX-{number}"},
        "reported_at": at.isoformat(),
        "event_date": {"value": at.date().isoformat(), "precision": "day"},
        "country": laboratory[:2].upper(),
        "components": [
            {
                "name_reported": name,
                "role": "main_active",
                "methods": ["gc_ms"],
                "reference_standard": "yes",
                "identification": "identified",
            }
        ],
        "sample": {"physical_form": "powder", "sold_as": "heroin", "distribution": ["street"]},
        "handling": "AMBER",
        "public_consent": {"given": False},
    } | changes


def records(reports: Sequence[dict[str, object]]) -> list[Record]:
    """One record each, at the time it was reported, in the topic of its laboratory."""
    offsets = {name: count() for name in LABORATORIES}
    made = []
    for one in reports:
        reporter = one["reporter"]
        assert isinstance(reporter, dict)
        name = str(reporter["lab"])
        made.append(
            Record(
                topic=f"detections-{name}",
                partition=0,
                offset=next(offsets[name]),
                timestamp=datetime.fromisoformat(str(one["reported_at"])),
                value=json.dumps(one).encode(),
            )
        )
    return made


def varied(number: int) -> list[dict[str, object]]:
    """Reports of every kind: new, linked, amended, retracted, unidentified, classic, refused, known."""
    made: list[dict[str, object]] = []
    names = ("metonitazene", "protonitazene", "unknown nitazene", "MDMA", "N,N-dimethyletonitazene", "bromazolam")
    for place in range(number):
        laboratory = tuple(LABORATORIES)[place % 3]
        made.append(report(place, names[place % len(names)], laboratory=laboratory))
        if place % 11 == 3:
            made[-1]["linked_refs"] = [{"org": "si-example", "ref": "EX-0"}]
        if place % 13 == 5:
            made[-1]["harm"] = {"outcome": "death", "severity": "life_threatening", "exposure": "confirmed"}
        if place % 17 == 6:
            made.append(made[-1] | {"revision": 2, "action": "retract"})
        if place % 19 == 7:
            other = report(place, "isotonitazene", laboratory=laboratory, revision=2, action="amend")
            made.append(other)
        if place % 23 == 8:
            made.append(dict(made[-1]))
        if place % 29 == 9:
            made.append(report(10_000 + place, "heroin", laboratory=laboratory, revision=2, action="amend"))
        if place % 31 == 10:
            made.append(report(place, "another name", laboratory=laboratory))
    return made


def run(engine: Engine, reports: Sequence[dict[str, object]], *, size: int, forgetful: bool = False) -> list[Fate]:
    """Apply in batches; a forgetful process starts anew for each."""
    process, fates, all_records = assess(), list[Fate](), records(reports)
    for begin in range(0, len(all_records), size):
        process = assess() if forgetful else process
        with engine.begin() as connection:
            fates += process.apply(connection, process.prepare(all_records[begin : begin + size]))
    return fates


def decided(connection: Connection) -> list[list[tuple[object, ...]]]:
    """Everything that was decided, without times of writing."""
    return [[tuple(row) for row in connection.execute(text(query))] for query in DECIDED]


def forget(connection: Connection) -> None:
    """As if nothing had ever been decided."""
    connection.execute(text("TRUNCATE detections, findings, cases, case_days, case_grades, case_reports"))
    connection.execute(text("TRUNCATE occurrence_links, first_sightings, alerts, case_log, timers, outbox"))
    connection.execute(text("TRUNCATE waiting_revisions"))
    connection.execute(text("ALTER SEQUENCE alert_number_actual RESTART"))


def test_a_batch_of_500_needs_at_most_19_statements_whatever_it_holds(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *passed: statements.append(str(passed[2])))
    process, batch = assess(), records(varied(470))[:500]
    assert len(batch) == 500
    for _ in range(2):
        prepared = process.prepare(batch)
        statements.clear()
        with engine.begin() as connection:
            process.apply(connection, prepared)
        assert 0 < len(statements) <= 19, statements


def test_every_kind_of_report_has_its_fate(engine: Engine) -> None:
    fates = run(engine, varied(60), size=500)
    kinds = {type(fate) for fate in fates}
    assert kinds == {Applied, Duplicate, Dead}
    assert {fate.rejection.reason.value for fate in fates if isinstance(fate, Dead)} == {"conflicting_revision"}


@pytest.mark.parametrize(("size", "forgetful"), [(1, True), (7, False), (7, True)])
def test_however_a_stream_is_cut_it_writes_the_same_rows(engine: Engine, size: int, forgetful: bool) -> None:
    reports = varied(90)
    run(engine, reports, size=500)
    with engine.begin() as connection:
        whole = decided(connection)
        forget(connection)
    run(engine, reports, size=size, forgetful=forgetful)
    with engine.begin() as connection:
        for query, one, other in zip(DECIDED, whole, decided(connection), strict=True):
            assert one == other, query
    assert any(whole)


def test_known_reports_again_change_nothing(engine: Engine) -> None:
    reports = [one for one in varied(60) if one["action"] == "new" and "another name" not in str(one["components"])]
    run(engine, reports, size=50)
    with engine.begin() as connection:
        before = decided(connection)
    fates = run(engine, reports, size=50)
    assert {type(fate) for fate in fates} == {Duplicate}
    with engine.begin() as connection:
        assert decided(connection) == before


def test_a_rolled_back_batch_leaves_nothing_behind_in_the_process(engine: Engine) -> None:
    reports, process = varied(40), assess()
    first, second = records(reports)[:30], records(reports)[30:]
    with engine.begin() as connection:
        process.apply(connection, process.prepare(first))
    with pytest.raises(RuntimeError, match="pulled"), engine.begin() as connection:
        process.apply(connection, process.prepare(second))
        raise RuntimeError("the plug was pulled")
    with engine.begin() as connection:
        process.apply(connection, process.prepare(second))
        twice = decided(connection)
        forget(connection)
    run(engine, reports, size=500)
    with engine.begin() as connection:
        levels = "SELECT id, state, level, summary, subject FROM cases ORDER BY id"
        once = [tuple(row) for row in connection.execute(text(levels))]
    assert [(row[0], row[4], row[5], row[8], row[7]) for row in twice[2]] == once


def test_an_unknown_laboratory_and_a_role_it_has_not_are_refused(engine: Engine) -> None:
    stranger = records([report(1, "metonitazene")])[0]
    elsewhere = Record(
        topic="detections-nobody", partition=0, offset=0, timestamp=stranger.timestamp, value=stranger.value
    )
    one_role = {"si-example": LABORATORIES["si-example"]}
    narrow = Laboratory(
        id="si-example",
        display_name="Example",
        country="SI",
        roles=frozenset({ReporterRole.HOSPITAL}),
        topic="detections-si-example",
    )
    process = assess()
    picky = Assess(process.setting, one_role | {"si-example": narrow})
    with engine.begin() as connection:
        (unknown,) = process.apply(connection, process.prepare([elsewhere]))
        (role,) = picky.apply(connection, picky.prepare([stranger]))
    assert isinstance(unknown, Dead)
    assert unknown.rejection.reason == "unknown_reporter"
    assert isinstance(role, Dead)
    assert role.rejection.problems[0].pointer == "/reporter/role"


def test_a_revision_waits_for_its_event_and_then_counts_as_if_it_had_come_after_it(engine: Engine) -> None:
    event_, amended = report(1, "protonitazene"), report(1, "isotonitazene", revision=2, action="amend")
    retracted = report(1, "isotonitazene", revision=3, action="retract")
    later = {"reported_at": (BEGIN + timedelta(hours=2)).isoformat()}
    for order in ([event_, amended, retracted], [retracted, amended, event_], [amended, event_, retracted]):
        fates = run(engine, [one | later for one in order], size=1, forgetful=True)
        assert {type(fate) for fate in fates} == {Applied}
        with engine.begin() as connection:
            states = [tuple(row) for row in connection.execute(text("SELECT case_key, state, level FROM cases"))]
            kinds = [row[0] for row in connection.execute(text("SELECT kind FROM alerts"))]
            waits = connection.execute(text("SELECT count(*) FROM waiting_revisions")).scalar_one()
            forget(connection)
        assert {row[2] for row in states} == {0}, order
        assert kinds.count("cancelled") == kinds.count("raised") >= 1
        assert waits == 0


def test_a_waiting_revision_is_known_when_it_comes_again_and_refused_with_other_content(engine: Engine) -> None:
    amended = report(1, "isotonitazene", revision=2, action="amend")
    fates = run(engine, [amended, amended, report(1, "metonitazene", revision=2, action="amend")], size=1)
    assert [type(fate) for fate in fates] == [Applied, Duplicate, Dead]


def test_nobody_waits_to_change_what_another_laboratory_reported(engine: Engine) -> None:
    theirs = report(1, "metonitazene", laboratory="fi-example")
    ours = report(1, "metonitazene", revision=2, action="retract") | {"event_id": theirs["event_id"]}
    (_, fate) = run(engine, [theirs, ours], size=2)
    assert isinstance(fate, Dead)
    assert fate.rejection.reason == "not_the_owner"


def test_after_30_days_a_waiting_revision_is_a_dead_letter_with_its_bytes(engine: Engine) -> None:
    amended = report(1, "isotonitazene", revision=2, action="amend")
    run(engine, [amended], size=1)
    tick, came = Timers(engine, SETTING), BEGIN + timedelta(hours=1)
    assert tick(came + timedelta(days=29, hours=23)) == 0
    assert tick(came + timedelta(days=30)) == 1
    assert tick(came + timedelta(days=31)) == 0
    with engine.begin() as connection:
        (letter,) = dead_letters.latest(connection, 10)
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE topic = 'dead-letters'")).scalar_one() == 1
    assert letter.waited
    assert letter.rejection.reason == "orphan_revision"
    assert json.loads(letter.record.value or b"")["event_id"] == amended["event_id"]
    fates = run(engine, [report(1, "isotonitazene"), amended], size=1)
    assert {type(fate) for fate in fates} == {Applied}
