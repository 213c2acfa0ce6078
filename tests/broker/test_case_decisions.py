"""What people decide, on a real database: who may, what is told and kept, and what the clock takes back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Engine, text

from notifiers.dispatch import dispatch
from notifiers.planning import Policy
from schemas.vocabularies import AlertKind, Change, Level
from storage import browsing
from streams.timers import Timers
from tests.broker.people import WHY, register, say, told
from tests.broker.telling import authority, mail_to, site
from tests.broker.test_memory import SETTING, report, run
from tests.receivers import Mailbox
from tocsin.errors import Refusal

PEOPLE: Final = {
    "si-example-reviewer": ("SI", "reviewer"),
    "fi-example-reviewer": ("FI", "reviewer"),
    "si-example-officer": ("SI", "duty_officer"),
    "example-desk": (None, "central_desk"),
    "example-desk-2": (None, "central_desk"),
}


@pytest.fixture
def url(database: str) -> str:
    for identifier, (country, role) in PEOPLE.items():
        register(database, identifier, role, country=country)
    return database


def _component(name: str) -> dict[str, object]:
    return {"name_reported": name, "role": "main_active"}


def raised(engine: Engine, *, consent: bool = False) -> str:
    """One alert about a nitazene in Slovenia, of today; its number."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    one = report(1, "protonitazene", sample={"physical_form": "powder"}, public_consent={"given": consent})
    today = {"reported_at": now.isoformat(), "event_date": {"value": now.date().isoformat(), "precision": "day"}}
    run(engine, [one | today], size=1)
    return told(engine)[-1].number


@pytest.mark.parametrize(
    ("by", "command", "says"),
    [
        ("nobody", ("close",), "not registered"),
        ("fi-example-reviewer", ("close",), "ask the central desk"),
        ("si-example-officer", ("close",), "may not close"),
        ("si-example-officer", ("downgrade", "--level", "L1"), "may not downgrade"),
        ("si-example-officer", ("override", "--level", "L1", "--until", "2999-01-01"), "may not override downwards"),
        (" ", ("close",), "must say who decides and why"),
        ("nobody", ("cancel",), "not registered"),
        ("fi-example-reviewer", ("cancel",), "ask the central desk"),
        ("si-example-officer", ("cancel",), "may not cancel"),
        ("", ("cancel",), "must say who decides and why"),
    ],
)
def test_whoever_is_not_entitled_is_refused_and_nothing_changes(
    engine: Engine, url: str, by: str, command: tuple[str, ...], says: str
) -> None:
    number = raised(engine)
    with pytest.raises(Refusal, match=says):
        say(url, "alert" if command == ("cancel",) else "case", command[0], number, *command[1:], "--by", by, *WHY)
    assert [event.kind for event in told(engine)] == [AlertKind.RAISED]


def test_without_a_reason_nothing_is_decided(engine: Engine, url: str) -> None:
    with pytest.raises(Refusal, match="must say who decides and why"):
        say(url, "case", "close", raised(engine), "--by", "example-desk", "--reason", " ", "--yes")


def test_a_reviewer_of_its_country_cancels_an_alert_and_with_a_yes_only(engine: Engine, url: str) -> None:
    number, by = raised(engine), ("--by", "si-example-reviewer", "--reason", "wrong sample")
    with pytest.raises(Refusal, match="add --yes"):
        say(url, "alert", "cancel", number, *by)
    assert f"{number} cancelled as revision 2" in say(url, "alert", "cancel", number, *by, "--yes")
    with pytest.raises(Refusal, match="has ended already"):
        say(url, "alert", "cancel", number, *by, "--yes")
    last = told(engine)[-1]
    assert (last.kind, last.reason) == (AlertKind.CANCELLED, "wrong sample")


def test_a_life_of_decisions_is_told_and_logged(engine: Engine, url: str) -> None:
    number = raised(engine)
    by = ("--by", "si-example-reviewer", *WHY)
    assert "downgraded as revision 2, L1" in say(url, "case", "downgrade", number, "--level", "L1", *by)
    assert "updated as revision 3, L1" in say(url, "case", "renew", number, *by)
    assert "closed as revision 4" in say(url, "case", "close", number, *by)
    assert "closed" in say(url, "case", "list", "--level", "0")
    assert "updated as revision 5" in say(url, "case", "reopen", number, *by)
    with engine.begin() as connection:
        found = browsing.case(connection, number)
    assert found is not None
    decided = [(line.actor, line.action, line.reason) for line in found.log if line.actor != "tocsin"]
    assert decided == [
        ("si-example-reviewer", action, "an example") for action in ("reopened", "closed", "renewed", "downgraded")
    ]


def test_an_override_is_shown_everywhere_and_the_clock_takes_it_back(engine: Engine, url: str) -> None:
    number = raised(engine)
    until = datetime.now(UTC) + timedelta(hours=2)
    by = ("--by", "si-example-officer", *WHY)
    say(url, "case", "override", number, "--level", "L4", "--until", until.isoformat(), *by)
    for seen in (say(url, "case", "list"), say(url, "case", "show", number), say(url, "alert", "show", number)):
        assert "set by si-example-officer until" in seen
    tick = Timers(engine, SETTING)
    assert tick(until - timedelta(seconds=1)) == 0
    assert tick(until + timedelta(days=3)) == 1
    last = told(engine)[-1]
    assert (last.kind, last.level, last.changes) == (AlertKind.DOWNGRADED, Level.L3, (Change.OVERRIDE_ENDED,))
    assert last.decided_at == until
    assert "set by" not in say(url, "case", "list")


def test_the_clock_catches_up_after_downtime_once_and_in_order(engine: Engine) -> None:
    unknown = {"sample": {"physical_form": "powder"}}
    strip = {"methods": ["strip"], "identification": "presumptive", "reference_standard": "unknown"}
    screened = report(1, "protonitazene") | unknown | {"components": [_component("protonitazene") | strip]}
    run(engine, [screened, report(2, "metonitazene", laboratory="fi-example") | unknown], size=9)
    tick, late = Timers(engine, SETTING), datetime(2026, 12, 24, tzinfo=UTC)
    assert tick(late) == 3
    assert tick(late) == 0
    ended = [(event.kind, event.decided_at.date().isoformat()) for event in told(engine)[2:]]
    assert ended == [(AlertKind.EXPIRED, "2026-03-04"), (AlertKind.EXPIRED, "2026-05-30")]
    with engine.begin() as connection:
        log = connection.execute(text("SELECT action FROM case_log WHERE laboratory IS NULL ORDER BY id"))
        assert [row[0] for row in log] == ["expired", "review_overdue", "expired"]
        assert connection.execute(text("SELECT count(*) FROM timers")).scalar_one() == 0


def test_only_a_reviewer_of_the_country_releases_to_its_public(engine: Engine, url: str) -> None:
    number = raised(engine, consent=True)
    for by in ("example-desk", "si-example-officer", "fi-example-reviewer"):
        with pytest.raises(Refusal):
            say(url, "alert", "release", number, "--country", "SI", "--by", by, *WHY)
    mine = ("--by", "si-example-reviewer", *WHY)
    assert "is released to the public of SI" in say(url, "alert", "release", number, "--country", "SI", *mine)
    with pytest.raises(Refusal, match="released in SI already"):
        say(url, "alert", "release", number, "--country", "SI", *mine)
    assert "released:SI:1" in say(url, "case", "show", number)


def test_without_the_consent_of_the_provider_nothing_is_released(engine: Engine, url: str) -> None:
    number = raised(engine)
    with pytest.raises(Refusal, match="consented"):
        say(url, "alert", "release", number, "--country", "SI", "--by", "si-example-reviewer", *WHY)


def test_a_held_alert_needs_two_different_people(engine: Engine, url: str) -> None:
    here = site(url, Mailbox())
    here.import_(authority("body", mail_to("body")), authority("other", mail_to("other")))
    number = raised(engine)
    few = Policy(blast_limit=1)
    assert [hold.planned for hold in dispatch(engine, policy=few).held] == [2]
    assert "waits for a second person" in say(url, "alert", "release-held", number, "--by", "example-desk", *WHY)
    assert dispatch(engine, policy=few).events == 0
    with pytest.raises(Refusal, match="a second person must"):
        say(url, "alert", "release-held", number, "--by", "example-desk", *WHY)
    with pytest.raises(Refusal, match="may not release what is held"):
        say(url, "alert", "release-held", number, "--by", "si-example-reviewer", *WHY)
    assert "goes out to 2" in say(url, "alert", "release-held", number, "--by", "example-desk-2", *WHY)
    assert dispatch(engine, policy=few).to_send == 2


def test_people_are_kept_with_who_registered_them_and_why(url: str) -> None:
    say(url, "person", "remove", "example-desk", "--by", "ops", "--reason", "left")
    (first, second) = json.loads(say(url, "person", "show", "example-desk", "--json"))
    assert (first["active"], second["active"], second["by"], second["why"]) == (True, False, "ops", "left")
    with pytest.raises(Refusal, match="only the central desk"):
        say(url, "person", "add", "--id", "x", "--role", "reviewer", "--by", "ops", "--reason", "example")
