"""Readers are told what the reports they may see say, and not a word of the others: checked with planted words."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from pydantic import JsonValue

from alerts.disclosure import RESTRICTED, becomes_more_restricted, hidden_words, shown_to
from notifiers.email.relay import MailRelay
from notifiers.gates import Question, pass_through
from notifiers.purposes import Content, Purpose
from notifiers.rendering import render_mail, render_webhook
from notifiers.sending import Withheld, check_hidden
from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryReason
from schemas.vocabularies import Handling, Level
from tests.telling import NOON, recipient, subscription
from tests.unit.deciding import Desk, Document, component, death, report

PLANTED = "Zanzibarquux"
RELAY = MailRelay(
    host="127.0.0.1",
    port=25,
    tls="none",
    from_address="alerts@tocsin.example",
    from_name="Tocsin",
    reply_to="alerts@tocsin.example",
    site="tocsin.example",
)


def mail(event: AlertEvent) -> str:
    """Every word of the mail about an event."""
    template = render_mail(event, purpose=Purpose.ALERT, content=Content.FULL, relay=RELAY)
    at = datetime(2026, 3, 2, tzinfo=UTC)
    message = message_from_bytes(template.fill(delivery_id="0" * 32, recipient="a@example.org", at=at), policy=default)
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return " ".join("\n".join([str(message["Subject"]), *parts]).split())


def webhook(event: AlertEvent) -> str:
    return render_webhook(event, content=Content.FULL).decode()


def told(*reports: Document) -> AlertEvent:
    """The last message about these reports."""
    return Desk().tell(*reports).messages[-1]


def open_report(**more: JsonValue) -> Document:
    made = report("open", component("metonitazene"), sample={"sold_as": "heroin", "distribution": ["street"]})
    return made | {"handling": "GREEN"} | more


def closed_report(**more: JsonValue) -> Document:
    made = report("closed", component("metonitazene"), day=1, lab="fi-example", country="FI")
    return made | {"handling": "RED"} | more


PLANTS: dict[str, Document] = {
    "sold as": {"sample": {"physical_form": "powder", "sold_as": PLANTED}},
    "colour": {"sample": {"physical_form": "powder", "appearance": {"colour": PLANTED}}},
    "logo": {"sample": {"physical_form": "powder", "appearance": {"logo": PLANTED}}},
    "imprint": {"sample": {"physical_form": "powder", "appearance": {"imprint": PLANTED}}},
    "other substance": {"components": [component("metonitazene"), component(PLANTED, role="adulterant")]},
    "conditions": {"use_conditions": PLANTED},
    "case reference": {"reporter": {"lab": "fi-example", "role": "forensic_lab", "case_ref": PLANTED}},
    "free text": {"free_text": {"en": PLANTED}},
    "measure": {"measures": [{"kind": "health", "code": "x", "status": "done", "text": PLANTED}]},
}


@pytest.mark.parametrize("where", sorted(PLANTS))
def test_nothing_planted_in_a_closed_report_reaches_a_reader_of_open_ones(where: str) -> None:
    event = told(open_report(), closed_report(**PLANTS[where]))
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert seen is not None and seen.handling is Handling.GREEN
    assert PLANTED.lower() not in seen.model_dump_json().lower()
    assert PLANTED.lower() not in mail(seen).lower() and PLANTED.lower() not in webhook(seen).lower()


@pytest.mark.parametrize("where", ["sold as", "colour", "logo", "imprint", "other substance", "conditions"])
def test_the_same_word_reaches_a_reader_of_everything_and_the_last_look_would_catch_it(where: str) -> None:
    event = told(open_report(), closed_report(**PLANTS[where]))
    whole = shown_to(event, Handling.RED, accepts_conditions=True)
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert whole is not None and seen is not None
    assert PLANTED.lower() in mail(whole).lower(), "else the test above proves nothing"
    assert any(PLANTED.lower() in word.lower() for word in hidden_words(event, seen))


def test_places_and_harm_of_closed_reports_are_not_counted_in_the_open_text() -> None:
    event = told(open_report(), closed_report(harm=death()))
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert seen is not None
    assert [count.country for count in seen.countries] == ["SI"] and seen.events_total == 1
    assert seen.harm.deaths == 0 and "FI" in event.affected
    assert "Finland" not in mail(seen) and "death" not in mail(seen).lower()


def test_where_the_level_rests_on_what_is_unseen_the_text_says_so_and_keeps_the_level() -> None:
    event = told(open_report(), closed_report(harm=death()))
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert seen is not None and event.level is Level.L4
    assert seen.level is Level.L4 and seen.restricted and seen.explanation.startswith(RESTRICTED)
    assert "estricted information exists" in mail(seen)
    at_l3: Document = {"physical_form": "powder", "sold_as": "heroin"}
    alone = told(open_report(sample=at_l3), report("b", component("metonitazene"), day=1) | {"handling": "RED"})
    same = shown_to(alone, Handling.GREEN, accepts_conditions=True)
    assert same is not None and not same.restricted and "estricted information" not in mail(same)


def test_conditions_of_use_go_with_every_text_made_of_the_report_and_with_no_other() -> None:
    event = told(open_report(), report("b", "metonitazene", day=1) | {"handling": "GREEN", "use_conditions": PLANTED})
    accepting = shown_to(event, Handling.GREEN, accepts_conditions=True)
    refusing = shown_to(event, Handling.GREEN, accepts_conditions=False)
    assert accepting is not None and PLANTED in mail(accepting)
    assert refusing is not None and refusing.use_conditions == () and PLANTED not in refusing.model_dump_json()
    assert refusing.events_total == 1


def test_nobody_without_a_clearance_or_below_every_report_sees_anything() -> None:
    event = told(open_report(), closed_report())
    assert shown_to(event, None, accepts_conditions=True) is None
    assert shown_to(event, Handling.CLEAR, accepts_conditions=True) is None


def test_reports_of_one_handling_make_no_views() -> None:
    assert told(open_report(), closed_report(handling="GREEN")).views == ()


def test_a_reader_of_the_open_part_is_told_of_the_open_countries_only() -> None:
    event = told(open_report(), closed_report())
    passage = pass_through(
        Question(event=event, recipient=recipient(subscription(), clearance=Handling.GREEN), member=False, now=NOON)
    )
    assert not passage.stopped and passage.content is Content.FULL
    only_red = told(closed_report())
    stopped = pass_through(
        Question(event=only_red, recipient=recipient(subscription(), clearance=Handling.GREEN), member=False, now=NOON)
    )
    assert stopped.stopped


def test_what_was_told_and_becomes_more_restricted_goes_to_a_reviewer() -> None:
    desk = Desk().tell(open_report())
    first = desk.messages[-1]
    desk.tell(open_report() | {"handling": "RED", "revision": 2, "action": "amend", "country": "DE", "harm": death()})
    second = desk.messages[-1]
    assert becomes_more_restricted(first, second) and second.more_restricted and not first.more_restricted
    reader = recipient(subscription(), clearance=Handling.GREEN)
    passage = pass_through(Question(event=second, recipient=reader, member=True, now=NOON))
    assert passage.stopped and passage.notes[-1].reason is DeliveryReason.MORE_RESTRICTED


def test_bytes_that_say_a_hidden_word_are_withheld() -> None:
    event = told(open_report(), closed_report(**PLANTS["sold as"]))
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert seen is not None
    check_hidden(mail(seen) + webhook(seen), event, seen)
    with pytest.raises(Withheld):
        check_hidden(f"sold as {PLANTED}", event, seen)
