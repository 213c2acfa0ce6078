"""Alerts that become more restricted, on a real database: the reviewers' queue, and what a claim lets whom see."""

import json

import pytest
from sqlalchemy import Engine

from alerts.disclosure import shown_to
from notifiers.dispatch import dispatch
from notifiers.planning import Policy
from schemas.alert_events import AlertEvent, View
from schemas.deliveries import DeliveryReason
from schemas.vocabularies import Handling, Level
from storage import claiming, leases, ledger
from storage.ledger import Claimed, Refused
from tests.broker.people import WHY, register, say
from tests.broker.telling import Site, authority, mail_to, volunteer
from tests.broker.test_memory import report
from tests.broker.test_merging import run
from tests.receivers import Mailbox
from tests.telling import alert_event
from tocsin.errors import Refusal

DESK = ("--by", "example-desk", *WHY)
REVIEWER = ("--by", "si-example-reviewer", *WHY)


@pytest.fixture
def here(engine: Engine, database: str) -> Site:
    register(database, "example-desk", "central_desk")
    register(database, "si-example-reviewer", "reviewer", country="SI")
    made = Site(engine, database, Mailbox())
    made.import_(volunteer("reader", mail_to("reader")), authority("authority", mail_to("authority")))
    return made


# The queue


def restricted(here: Site) -> str:
    """An alert told to a GREEN reader, whose only report then became RED; its number."""
    green = report(1, "protonitazene", handling="GREEN")
    run(here.engine, [green])
    dispatch(here.engine, policy=Policy())
    run(here.engine, [green | _revised(2) | {"handling": "RED", "harm": _death()}])
    dispatch(here.engine, policy=Policy())
    return here.sql_text("SELECT number FROM cases WHERE number IS NOT NULL")


def _revised(revision: int) -> dict[str, object]:
    return {"revision": revision, "action": "amend"}


def _death() -> dict[str, object]:
    return {"outcome": "death", "severity": "life_threatening", "exposure": "confirmed"}


def told(here: Site) -> list[tuple[int, str, str]]:
    """Revision, state and reason of what was meant for the voluntary reader."""
    return [(row.revision, row.state, row.reason) for row in here.rows() if row.subscriber == "reader"]


def again_restricted(here: Site) -> None:
    """A further revision, as restricted as the last one."""
    event = AlertEvent.model_validate_json(
        here.sql_text("SELECT CAST(body AS text) FROM alerts ORDER BY revision DESC LIMIT 1")
    )
    here.planned(event.model_copy(update=_next(event)))


def _next(event: AlertEvent) -> dict[str, object]:
    made = alert_event(thread=event.alert_id, revision=event.revision + 1)
    return {"event_id": made.event_id, "revision": event.revision + 1, "more_restricted": False}


def test_whoever_loses_sight_hears_nothing_and_a_reviewer_sees_that_they_wait(here: Site) -> None:
    number = restricted(here)
    again_restricted(here)
    assert [row[1:] for row in told(here)] == [
        ("planned", "filter_matches"),
        ("suppressed", "more_restricted"),
        ("suppressed", "more_restricted"),
    ]
    assert {row.state for row in here.rows() if row.subscriber == "authority"} <= {"planned", "superseded"}
    (waiting,) = json.loads(say(here.url, "alert", "restricted", "--json"))
    assert (waiting["alert"], waiting["revision"], waiting["readers"], waiting["decision"]) == (number, 2, 1, None)
    assert "they hear nothing until it is decided" in say(here.url, "alert", "restricted")


def test_let_know_tells_the_last_revision_bare_and_the_next_ones_too(here: Site) -> None:
    number = restricted(here)
    again_restricted(here)
    assert "1 readers are told" in say(here.url, "alert", "let-know", number, *REVIEWER)
    assert told(here)[1:] == [(2, "suppressed", "more_restricted"), (3, "planned", "in_thread")]
    assert here.sql_one("SELECT count(*) FROM deliveries WHERE revision = 3 AND content = 'bare'") >= 1
    assert json.loads(say(here.url, "alert", "restricted", "--json")) == []
    (kept,) = json.loads(say(here.url, "alert", "restricted", "--all", "--json"))
    assert (kept["decision"], kept["by"], kept["reason"]) == ("released", "si-example-reviewer", "an example")
    assert here.sql_one("SELECT count(*) FROM case_log WHERE action = 'restricted_released'") == 1


def test_withheld_readers_hear_no_more_until_it_is_taken_back(here: Site) -> None:
    number = restricted(here)
    say(here.url, "alert", "withhold", number, *DESK)
    again_restricted(here)
    assert told(here)[-1] == (3, "suppressed", "withheld")
    with pytest.raises(Refusal, match="it is decided"):
        say(here.url, "alert", "let-know", number, *DESK)
    here.sql("UPDATE deliveries SET attempts = 1, state = 'accepted' WHERE revision = 1")
    say(here.url, "alert", "cancel", number, *DESK)
    here.sql("UPDATE alert_threads SET planned_revision = 2")
    dispatch(here.engine, policy=Policy())
    assert (3, "planned", "retraction") in told(here)


def test_who_is_not_entitled_decides_nothing(here: Site) -> None:
    number = restricted(here)
    with pytest.raises(Refusal, match="not registered"):
        say(here.url, "alert", "let-know", number, "--by", "nobody", *WHY)
    with pytest.raises(Refusal, match="must say who decides and why"):
        say(here.url, "alert", "withhold", number, "--by", "example-desk", "--reason", " ", "--yes")
    assert len(json.loads(say(here.url, "alert", "restricted", "--json"))) == 1


# The claim


def viewed(revision: int = 1, *, up_to: Handling = Handling.GREEN, conditions: bool = False) -> AlertEvent:
    """A RED alert with a part that was composed for readers cleared up to `up_to`."""
    event = alert_event(revision=revision, handling=Handling.RED)
    shown = {name: getattr(event, name) for name in View.SHOWN}
    view = View(up_to=up_to, conditions=conditions, rests_on_unseen=True, explanation="what may be shown", **shown)
    return event.model_copy(update={"views": (view,)})


def claimed(here: Site) -> Claimed | Refused | None:
    """What a courier gets for the reader's newest delivery."""
    query = "SELECT delivery_id FROM deliveries d JOIN destinations t ON t.id = destination_id"
    wanted = here.sql_text(f"{query} WHERE t.subscriber_id = 'reader' ORDER BY revision DESC LIMIT 1")
    with here.engine.begin() as connection:
        epochs = leases.acquire(connection, "one", limit=10)
        due = {each.delivery_id: each for each in ledger.due(connection, "one", per_destination=5, limit=10)}
        assert epochs and wanted in due, "else nothing is claimed and nothing shown"
        return claiming.claim(connection, [due[wanted]], "one").get(wanted)


def test_a_reader_of_a_part_claims_it_as_that_part_and_sees_no_more(here: Site) -> None:
    here.planned(viewed())
    found = claimed(here)
    assert isinstance(found, Claimed) and found.handling is Handling.GREEN and found.clearance is Handling.GREEN
    assert isinstance(found.event, AlertEvent)
    seen = shown_to(found.event, found.clearance, accepts_conditions=found.accepts_conditions)
    assert seen is not None and seen.handling is Handling.GREEN and seen.views == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE outbox SET body = jsonb_set(body, '{views}', '[]') WHERE topic = 'alert-events'", "handling"),
        ("UPDATE outbox SET body = jsonb_set(body, '{views,0,up_to}', '\"AMBER\"') WHERE topic = 'alert-events'",
         "handling"),
        ("UPDATE outbox SET body = jsonb_set(body, '{views,0,up_to}', '\"?\"') WHERE topic = 'alert-events'",
         "handling"),
        ("UPDATE destinations SET clearance = 'CLEAR' WHERE subscriber_id = 'reader'", "handling"),
        ("UPDATE alert_threads SET current_revision = 2, handling = 'RED'", "handling"),
        ("UPDATE destinations SET clearance = NULL WHERE subscriber_id = 'reader'", "audience_broken"),
    ],
)  # fmt: skip
def test_a_part_that_is_gone_too_high_unreadable_or_of_an_old_revision_is_not_claimed(
    here: Site, change: str, reason: str
) -> None:
    here.planned(viewed())
    here.sql(change)
    found = claimed(here)
    assert isinstance(found, Refused) and found.reason is DeliveryReason(reason)


def test_a_part_with_conditions_is_for_who_accepted_them(here: Site) -> None:
    here.planned(viewed())
    here.sql("UPDATE outbox SET body = jsonb_set(body, '{views,0,conditions}', 'true') WHERE topic = 'alert-events'")
    found = claimed(here)
    assert isinstance(found, Refused) and found.reason is DeliveryReason.HANDLING


def test_a_revision_that_is_not_yet_planned_closes_the_part_that_was(here: Site) -> None:
    """The newest word counts, also while nobody has planned it."""
    here.planned(viewed())
    here.told(alert_event(revision=2, handling=Handling.RED, level=Level.L4))
    found = claimed(here)
    assert isinstance(found, Refused) and found.reason is DeliveryReason.HANDLING
