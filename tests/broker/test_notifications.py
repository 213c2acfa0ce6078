"""Something new to the Union opens the draft of a notification by itself; its time limits stand on the case."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from storage.unattended import Waits
from streams.desk import LOOK_EVERY, Desk
from tests.broker.people import WHY, say
from tests.broker.test_memory import report
from tests.broker.test_merging import run
from tests.unit.deciding import UNLISTED, component
from tocsin.errors import Refusal

NOW = datetime.now(UTC)
BY = ("--by", "example-desk", *WHY[:-1])


def new_to_the_union(engine: Engine) -> None:
    """A substance that no catalogue knows, with its structure."""
    part = component("new cathinone", smiles=UNLISTED, methods=["gc_ms", "nmr"], standard="yes")
    today = {"event_date": {"value": NOW.date().isoformat(), "precision": "day"}}
    at = {"reported_at": (NOW - timedelta(minutes=5)).isoformat()}
    run(engine, [report(1, "new cathinone") | {"components": [part]} | today | at])


def waiting(what: Waits) -> float | None:
    return REGISTRY.get_sample_value("tocsin_waiting_for_people", {"what": what.value})


def opened(engine: Engine, days: int) -> None:
    """As if it had been opened so many days ago."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE notifications SET opened_at = now() - make_interval(days => :days)"), {"days": days}
        )


def test_a_first_finding_opens_one_draft_with_a_number_and_what_is_known_opens_none(engine: Engine, url: str) -> None:
    new_to_the_union(engine)
    run(engine, [report(2, "protonitazene")])
    assert Desk(engine)(NOW) == 1 and Desk(engine)(NOW) == 0
    rows = json.loads(say(url, "case", "list", "--level", "0", "--json"))
    assert len(rows) == 2
    (draft,) = [row["notification"] for row in rows if row["notification"]]
    assert draft["number"] == f"TOC-FN-{NOW.year}-0001"
    assert f"notification draft {draft['number']}" in say(url, "case", "list")


def test_a_time_limit_that_is_over_shows_on_the_case_in_the_list_and_in_the_figures(engine: Engine, url: str) -> None:
    new_to_the_union(engine)
    desk = Desk(engine)
    desk(NOW)
    assert waiting(Waits.TIME_LIMIT) == 0
    opened(engine, 3)
    desk(NOW + LOOK_EVERY)
    assert waiting(Waits.TIME_LIMIT) == 1
    (row,) = json.loads(say(url, "case", "list", "--json"))
    assert "information overdue since" in say(url, "case", "list")
    assert "Art. 8(1)" in say(url, "case", "show", row["alert"]) and "overdue" in say(url, "case", "show", row["alert"])


def test_a_step_ends_its_time_limit_and_starts_the_next_and_steps_keep_their_order(engine: Engine, url: str) -> None:
    new_to_the_union(engine)
    Desk(engine)(NOW)
    opened(engine, 50)
    (row,) = json.loads(say(url, "case", "list", "--json"))
    asked = row["alert"]
    with pytest.raises(Refusal, match="request comes first"):
        say(url, "case", "step", asked, "--done", "initial_report", "--on", str(NOW.date()), *BY)
    with pytest.raises(Refusal, match="is yet to come"):
        say(url, "case", "step", asked, "--done", "information", "--on", "2999-01-01", *BY)
    early = str((NOW - timedelta(days=40)).date())
    say(url, "case", "step", asked, "--done", "information", "--on", early, *BY)
    say(url, "case", "step", asked, "--done", "request", "--on", early, *BY)
    (row,) = json.loads(say(url, "case", "list", "--json"))
    limits = {one["step"]: one for one in row["notification"]["limits"]}
    assert limits["information"]["done"] == early and not limits["information"]["overdue"]
    assert limits["initial_report"]["overdue"] and limits["initial_report"]["since"] == early
    assert not limits["assessment"]["runs"]
    with engine.begin() as connection:
        query = "SELECT count(*) FROM case_log WHERE actor = 'example-desk' AND action LIKE 'step:%'"
        assert connection.execute(text(query)).scalar_one() == 2


def test_without_a_draft_there_are_no_steps(engine: Engine, url: str) -> None:
    run(engine, [report(2, "protonitazene")])
    (row,) = json.loads(say(url, "case", "list", "--json"))
    with pytest.raises(Refusal, match="no notification draft"):
        say(url, "case", "step", row["alert"], "--done", "information", "--on", str(NOW.date()), *BY)


def test_the_log_shows_what_level_was_told(engine: Engine, url: str) -> None:
    run(engine, [report(2, "protonitazene")])
    (row,) = json.loads(say(url, "case", "list", "--json"))
    assert f"told {row['announced']}" in say(url, "case", "show", row["alert"])
