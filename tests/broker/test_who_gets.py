"""`tocsin who-gets`: the plan of now, said beforehand, with the reason of everybody who would hear nothing."""

import json

import pytest

from schemas.vocabularies import Handling, Level
from tests.broker.telling import Site, authority, mail_to, site, volunteer
from tests.programs import run
from tests.receivers import Mailbox
from tests.telling import alert_event


@pytest.fixture
def here(database: str) -> Site:
    made = site(database, Mailbox())
    made.import_(
        authority("si", mail_to("si")),
        volunteer("open", mail_to("open")),
        volunteer("cleared", mail_to("cleared", clearance=Handling.AMBER)),
    )
    event = alert_event()
    with made.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO alerts (alert_id, revision, case_id, number, tense, kind, level, decided_at, body) "
            "VALUES (%s, 1, %s, %s, 'actual', 'raised', 3, now(), %s)",
            (event.alert_id, event.case_id, event.number, event.model_dump_json()),
        )
    return made


def asked(here: Site, *arguments: str) -> tuple[int, dict[str, object], str]:
    done = run("who-gets", *arguments, "--json", environment={"TOCSIN_DATABASE__URL": here.url})
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_it_says_what_planning_would_do_and_sends_nothing(here: Site) -> None:
    code, found, _ = asked(here, alert_event().number)
    told = {one["subscriber"]: (one["told"], one["reason"]) for one in found["destinations"]}  # type: ignore[attr-defined]
    assert told == {
        "si": (True, "statutory_level"),
        "cleared": (True, "filter_matches"),
        "open": (False, "handling"),
    }
    assert here.sql_one("SELECT count(*) FROM deliveries") == 0
    assert code == 1  # 28 reporting countries have no authority in this file
    assert "FI" in found["countries_that_hear_nothing"]  # type: ignore[operator]
    assert "SI" not in found["countries_without_a_statutory_destination"]  # type: ignore[operator]


def test_it_supposes_another_level_and_other_countries(here: Site) -> None:
    code, found, _ = asked(here, "case-one", "--level", "2", "--country", "FI")
    told = {one["subscriber"]: one["reason"] for one in found["destinations"]}  # type: ignore[attr-defined]
    assert (code, told["si"]) == (0, "statutory_not_concerned")


def test_an_event_is_planned_as_was_said(here: Site) -> None:
    here.planned(alert_event(level=Level.L3))
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'planned'") == 2


def test_what_is_unknown_is_a_sentence(here: Site) -> None:
    code, found, said = asked(here, "TOC-A-1999-0001")
    assert (code, found) == (1, {})
    assert "tocsin alert list" in said
    assert asked(here, alert_event().number, "--country", "XX")[0] == 2
