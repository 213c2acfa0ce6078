"""Cases that a person joins or parts, and takes back, on a real database with reports before and after."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from schemas.vocabularies import AlertKind, Change
from storage import browsing
from streams.stage import Again
from tests.broker.people import WHY, say, told
from tests.broker.test_memory import assess, records, report
from tocsin.errors import Refusal

START = datetime.now(UTC) - timedelta(days=2)
BY = ("--by", "example-desk", *WHY)
SAYING = BY[:-1]
"""Without --yes: nobody is told."""


def run(engine: Engine, reports: list[dict[str, object]]) -> None:
    """As a worker that starts: what was decided meanwhile is seen in the transaction, and the reports read again."""
    process = assess()
    for _ in range(2):
        try:
            with engine.begin() as connection:
                process.apply(connection, process.prepare(records(reports)))
        except Again:
            continue
        return
    raise AssertionError("reports were read again and again")


def tablet(number: int, colour: str, *, laboratory: str = "si-example", **changes: object) -> dict[str, object]:
    """An MDMA tablet of 216 mg; the colour makes another product of it."""
    at = START + timedelta(hours=number)
    component = {
        "name_reported": "MDMA",
        "role": "main_active",
        "methods": ["gc_ms"],
        "reference_standard": "yes",
        "identification": "identified",
        "amount": {"value": 216, "unit": "mg", "per": "unit"},
    }
    seen = {"physical_form": "tablet", "appearance": {"colour": colour, "shape": "skull"}}
    dated = {
        "reported_at": at.isoformat(),
        "event_date": {"value": at.date().isoformat(), "precision": "day"},
    }
    return report(number, "MDMA", laboratory=laboratory) | dated | {"components": [component], "sample": seen} | changes


def cases(engine: Engine) -> list[tuple[str, str, str | None, int]]:
    """Substance key's last part, state, alert and number of reports of each case, by key."""
    query = """
        SELECT c.case_key, c.state, c.number, count(r.*) FROM cases c
        LEFT JOIN case_reports r ON r.case_id = c.id GROUP BY c.id ORDER BY c.case_key
    """
    with engine.begin() as connection:
        return [(row[0].partition("|")[2], *row[1:]) for row in connection.execute(text(query))]


def numbers(engine: Engine) -> list[str]:
    return list(dict.fromkeys(event.number for event in told(engine)))


def everything(engine: Engine) -> list[list[tuple[object, ...]]]:
    """What a merge and its undoing must leave as it was: days, grades, filed reports, links, first sightings."""
    queries = (
        "SELECT case_id, day, country, region, body FROM case_days ORDER BY case_id, day, country, region",
        "SELECT case_id, day, body FROM case_grades ORDER BY case_id, day",
        "SELECT ledger, case_key, laboratory, event_id, case_id, body FROM case_reports ORDER BY 1, 2, 3, 4",
        "SELECT ledger, case_key, link, laboratory, event_id FROM occurrence_links ORDER BY 1, 2, 3, 4, 5",
        "SELECT id, state, level, subject, summary FROM cases ORDER BY id",
    )
    with engine.begin() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in queries]


def test_merged_cases_count_as_one_and_later_reports_follow(engine: Engine, url: str) -> None:
    run(engine, [tablet(1, "pink"), tablet(2, "salmon")])
    pink, salmon = numbers(engine)
    say(url, "case", "merge", salmon, "--into", pink, *BY)
    assert cases(engine) == [
        ("tablet|pink|skull|-|-", "open", pink, 2),
        ("tablet|salmon|skull|-|-", "moved", salmon, 0),
    ]
    last = told(engine)[-1]
    assert (last.number, last.changes, last.references) == (salmon, (Change.GOES_ON_ELSEWHERE,), (pink,))
    run(engine, [tablet(3, "salmon", laboratory="fi-example")])
    assert cases(engine)[0][3] == 3
    assert (told(engine)[-1].number, sorted(told(engine)[-1].affected)) == (pink, ["FI", "SI"])


def test_a_merge_is_taken_back_with_what_came_since(engine: Engine, url: str) -> None:
    first, second = tablet(1, "pink"), tablet(2, "salmon")
    run(engine, [first, second])
    before = everything(engine)
    pink, salmon = numbers(engine)
    say(url, "case", "merge", salmon, "--into", pink, *BY)
    assert everything(engine) != before
    say(url, "case", "undo", salmon, *BY)
    assert everything(engine) == before
    assert [event.number for event in told(engine)][-1] == salmon and Change.UNDONE in told(engine)[-1].changes
    run(engine, [tablet(3, "salmon")])
    assert [reports for *_, reports in cases(engine)] == [1, 2]


def test_a_revision_of_a_merged_report_is_found_where_it_went(engine: Engine, url: str) -> None:
    second = tablet(2, "salmon")
    run(engine, [tablet(1, "pink"), second])
    pink, salmon = numbers(engine)
    say(url, "case", "merge", salmon, "--into", pink, *BY)
    run(engine, [second | {"revision": 2, "action": "retract"}])
    assert [reports for *_, reports in cases(engine)] == [1, 0]


def test_what_nobody_was_told_takes_over_the_thread(engine: Engine, url: str) -> None:
    quiet = tablet(2, "white", sample={"physical_form": "powder", "distribution": ["street"]})
    (component,) = _components(quiet)
    run(engine, [tablet(1, "pink"), quiet | {"components": [component | {"name_reported": "3-MMC", "amount": None}]}])
    (pink,) = numbers(engine)
    with engine.begin() as connection:
        silent = connection.execute(text("SELECT id FROM cases WHERE number IS NULL")).scalar_one()
    say(url, "case", "merge", pink, "--into", silent, *BY)
    assert {(state, number) for _, state, number, _ in cases(engine)} == {("moved", None), ("open", pink)}
    say(url, "case", "undo", _moved(engine), *BY)
    assert {(state, number) for _, state, number, _ in cases(engine)} == {("open", None), ("open", pink)}


def _components(one: dict[str, object]) -> list[dict[str, object]]:
    found = one["components"]
    assert isinstance(found, list)
    return found


def _moved(engine: Engine) -> str:
    with engine.begin() as connection:
        return str(connection.execute(text("SELECT id FROM cases WHERE state = 'moved'")).scalar_one())


def test_reports_that_are_parted_off_make_a_case_of_their_own_and_go_back(engine: Engine, url: str) -> None:
    first, second = tablet(1, "pink"), tablet(2, "pink", laboratory="fi-example")
    run(engine, [first, second])
    before = everything(engine)
    (number,) = numbers(engine)
    say(url, "case", "split", number, "--report", f"fi-example/{second['event_id']}", *BY)
    assert [(key, state, reports) for key, state, _, reports in cases(engine)] == [
        ("tablet|pink|skull|-|-", "open", 1),
        ("tablet|pink|skull|-|-~1", "open", 1),
    ]
    parted = told(engine)[-1]
    assert (parted.kind, parted.references) == (AlertKind.RAISED, (number,))
    assert any(one.was == "FI" for event in told(engine) for one in event.corrections)
    run(engine, [second | {"revision": 2, "action": "amend"}])
    assert [reports for *_, reports in cases(engine)] == [1, 1]
    say(url, "case", "undo", parted.number, *BY)
    assert [(state, reports) for _, state, _, reports in cases(engine)] == [("open", 2), ("moved", 0)]
    assert len(everything(engine)[2]) == len(before[2])


def test_cases_of_an_exercise_and_unidentified_ones_are_not_joined(engine: Engine, url: str) -> None:
    run(engine, [tablet(1, "pink"), tablet(2, "salmon", status="exercise"), report(3, "unknown nitazene")])
    real, exercise, unidentified = numbers(engine)
    for gone, stays in ((exercise, real), (real, real)):
        with pytest.raises(Refusal, match="one already, or"):
            say(url, "case", "merge", gone, "--into", stays, *BY)
    with pytest.raises(Refusal, match="joined by their dates"):
        say(url, "case", "merge", unidentified, "--into", real, *BY)


def test_a_case_cannot_be_parted_into_nothing(engine: Engine, url: str) -> None:
    first = tablet(1, "pink")
    run(engine, [first])
    with pytest.raises(Refusal, match="some must stay"):
        say(url, "case", "split", numbers(engine)[0], "--report", f"si-example/{first['event_id']}", *BY)
    with pytest.raises(Refusal, match="do not stand"):
        say(url, "case", "split", numbers(engine)[0], "--report", f"fi-example/{first['event_id']}", *BY)


def test_what_was_neither_joined_nor_parted_cannot_be_taken_back(engine: Engine, url: str) -> None:
    run(engine, [tablet(1, "pink")])
    with pytest.raises(Refusal, match="neither merged"):
        say(url, "case", "undo", numbers(engine)[0], *BY)


def test_products_that_differ_in_one_word_are_suggested_for_a_person_to_join(engine: Engine, url: str) -> None:
    run(engine, [tablet(1, "pink"), tablet(2, "salmon"), tablet(3, "", sample=_plain("salmon")), tablet(4, "blue")])
    pairs = [one["of"] for one in json.loads(say(url, "case", "suggestions", "--json"))]
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT id, split_part(case_key, '|', 3) FROM cases")).all()
    colours = {row[0]: row[1] for row in rows}
    assert sorted(tuple(sorted(colours[one] for one in pair)) for pair in pairs) == [
        ("blue", "pink"), ("blue", "salmon"), ("pink", "salmon"),
    ]  # fmt: skip


def _two_bodies(engine: Engine) -> tuple[str, str, dict[str, object]]:
    """One seizure as two bodies describe it: the two reports by name, and the second."""
    seen = {"region": "SI03", "sample": {**_seen("pink"), "n_units": 300}}
    first, second = tablet(1, "pink") | seen, tablet(2, "pink", laboratory="fi-example") | seen | {"country": "SI"}
    run(engine, [first, second])
    assert _events(engine) == 1
    return f"si-example/{first['event_id']}", f"fi-example/{second['event_id']}", second


def _suggested(url: str, number: str) -> list[tuple[set[str], str, str | None]]:
    found = json.loads(say(url, "case", "suggestions", number, "--json"))
    return [(set(one["of"]), one["state"], one["by"]) for one in found]


def test_one_seizure_described_by_two_bodies_counts_once_until_a_person_tells_them_apart(
    engine: Engine, url: str
) -> None:
    one, other, second = _two_bodies(engine)
    (number,) = numbers(engine)
    assert _suggested(url, number) == [({one, other}, "suggested", None)]
    say(url, "case", "apart", number, "--report", other, *BY)
    assert _events(engine) == 2
    run(engine, [second | {"revision": 2, "action": "amend"}])
    assert _events(engine) == 2
    assert _suggested(url, number) == [({other}, "apart", "example-desk")]


def test_that_reports_are_apart_is_taken_back_and_holds_for_later_revisions(engine: Engine, url: str) -> None:
    one, other, second = _two_bodies(engine)
    (number,) = numbers(engine)
    with pytest.raises(Refusal, match="Nobody told this report"):
        say(url, "case", "apart", number, "--report", other, "--undo", *BY)
    say(url, "case", "apart", number, "--report", other, *BY)
    say(url, "case", "apart", number, "--report", other, "--undo", *BY)
    assert _events(engine) == 1
    assert _suggested(url, number) == [({one, other}, "suggested", None)]
    run(engine, [second | {"revision": 2, "action": "amend"}])
    assert _events(engine) == 1
    with engine.begin() as connection:
        found = browsing.case(connection, number)
    assert found is not None
    said = [line.action for line in found.log if line.actor == "example-desk"]
    assert said == ["apart undone", "told apart"]


def test_a_person_confirms_that_two_reports_are_one_event_and_telling_them_apart_ends_that(
    engine: Engine, url: str
) -> None:
    one, other, _ = _two_bodies(engine)
    (number,) = numbers(engine)
    pair = ("--report", one, "--report", other)
    say(url, "case", "same", number, *pair, *SAYING)
    assert _suggested(url, number) == [({one, other}, "confirmed", "example-desk")]
    assert _events(engine) == 1
    with pytest.raises(Refusal, match="confirmed already"):
        say(url, "case", "same", number, *pair, *SAYING)
    with pytest.raises(Refusal, match="no suggestion"):
        say(url, "case", "same", number, "--report", one, *SAYING)
    say(url, "case", "apart", number, "--report", other, *BY)
    say(url, "case", "apart", number, "--report", other, "--undo", *BY)
    assert _suggested(url, number) == [({one, other}, "suggested", None)]


def _seen(colour: str) -> dict[str, object]:
    return {"physical_form": "tablet", "appearance": {"colour": colour, "shape": "skull"}}


def _plain(colour: str) -> dict[str, object]:
    return {"physical_form": "tablet", "appearance": {"colour": colour}}


def _events(engine: Engine) -> int:
    with engine.begin() as connection:
        query = "SELECT sum(CAST(body->>'live' AS integer)) FROM case_days"
        return int(connection.execute(text(query)).scalar_one())
