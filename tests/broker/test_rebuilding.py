"""The case log tells all that happened: cases rebuilt from it alone are those in the database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from alerts.rebuilding import Rebuilt, rebuilt
from storage import case_history
from streams.timers import Timers
from tests.broker.people import WHY, say
from tests.broker.test_memory import SETTING, report, varied
from tests.broker.test_memory import run as run_batches
from tests.broker.test_merging import run, tablet
from tests.broker.test_review_queue import NOBODY_KNOWS, Process, grave

BY = ("--by", "example-desk", *WHY)


def check(engine: Engine) -> None:
    """Compare every case with what its log says of it."""
    with engine.begin() as connection:
        told = rebuilt(case_history.lines(connection))
        reports: dict[str, set[tuple[str, object]]] = {}
        for row in connection.execute(text("SELECT case_id, laboratory, event_id FROM case_reports")):
            reports.setdefault(row.case_id, set()).add((row.laboratory, row.event_id))
        cases = connection.execute(text("SELECT * FROM cases")).mappings().all()
    assert cases
    for case in cases:
        found = told.get(case["id"], Rebuilt())
        thread = case["thread"] or {}
        said = {
            name: found.stands.get(name) for name in ("ledger", "key", "state", "alert_id", "revision", "announced")
        }
        stored = {
            "ledger": case["ledger"],
            "key": case["case_key"],
            "state": case["state"],
            "alert_id": case["alert_id"],
            "revision": thread.get("revision"),
            "announced": thread.get("announced"),
        }
        assert (said, found.level, found.reports) == (stored, case["level"], reports.get(case["id"], set()))
        for name in ("override", "merged_into", "shut"):
            assert found.stands.get(name) == case["decisions"].get(name)
        for name in ("expires_at", "valid_until", "review_at"):
            assert found.stands.get(name) == thread.get(name)


def test_reports_of_every_kind_leave_a_log_that_cases_can_be_rebuilt_from(engine: Engine) -> None:
    run_batches(engine, varied(120), size=50)
    check(engine)


def test_unidentified_findings_that_are_chained_anew_are_found_where_they_went(engine: Engine) -> None:
    apart = [report(24 * day, "unknown nitazene") for day in (0, 40, 20)]
    run_batches(engine, apart, size=1)
    run_batches(engine, [apart[2] | {"revision": 2, "action": "retract"}], size=1)
    check(engine)


def test_what_people_and_the_clock_did_is_in_it_too(engine: Engine, url: str) -> None:
    run(engine, [tablet(1, "pink"), tablet(2, "salmon"), tablet(3, "pink", laboratory="fi-example")])
    with engine.begin() as connection:
        numbers = connection.execute(text("SELECT number FROM cases ORDER BY case_key")).scalars().all()
    pink, salmon = map(str, numbers)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    say(url, "case", "override", pink, "--level", "L4", "--until", until, *BY)
    check(engine)
    say(url, "case", "merge", salmon, "--into", pink, *BY)
    check(engine)
    say(url, "case", "undo", salmon, *BY)
    say(url, "case", "close", salmon, *BY)
    check(engine)
    parted = tablet(3, "pink", laboratory="fi-example")["event_id"]
    say(url, "case", "split", pink, "--report", f"fi-example/{parted}", *BY)
    check(engine)
    Timers(engine, SETTING)(datetime.now(UTC) + timedelta(days=200))
    check(engine)


def test_findings_identified_anew_and_back_again_are_found_where_they_went(engine: Engine) -> None:
    """A name that somebody settles, with and without another case of the substance, told and not, and the undoing."""
    process = Process(engine)
    process.tell(grave(1, NOBODY_KNOWS), grave(2, NOBODY_KNOWS, laboratory="fi-example"), grave(3, "metonitazene"))
    process.tell(report(4, "unknown nitazene"))
    key = next(key for key in process.waits() if key.startswith("N:"))
    check(engine)
    for to in ("isotonitazene", "metonitazene"):
        number = process.resolve(key, to=to)
        assert _refiled(engine) > 0, "else nothing moved and nothing is shown"
        check(engine)
        process.tell(grave(5 if to == "isotonitazene" else 6, NOBODY_KNOWS))
        check(engine)
        process.undo(number)
        check(engine)


def _refiled(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM case_log WHERE action = 'refiled'")).scalar_one())


def test_a_case_that_was_changed_without_a_line_is_seen(engine: Engine) -> None:
    run_batches(engine, varied(10), size=5)
    with engine.begin() as connection:
        connection.execute(text("UPDATE cases SET level = 4 WHERE ordinal = 0"))
    with pytest.raises(AssertionError):
        check(engine)
