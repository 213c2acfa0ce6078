"""What voluntary subscribers may wish for: quiet hours that delay, a filter of their own; what must come, comes."""

from datetime import UTC, datetime, time, timedelta

import pytest

from notifiers.filters import FilterRefused, PublicFacts, check, facts_of
from notifiers.planning import Policy, plan
from schemas.deliveries import DeliveryReason, DeliveryState
from schemas.plans import PlannedDelivery, Thread
from schemas.quiet_hours import QuietHours
from schemas.subscribers import Recipient, SubscriptionEntry
from schemas.vocabularies import AlertKind, Level
from tests.speaking import URGENT
from tests.telling import STATUTORY, alert_event, recipient, subscription
from tocsin.commands.subscriber import read_text
from tocsin.errors import Refusal

NIGHT = QuietHours(zone="Europe/Ljubljana", start=time(22), end=time(7))
MIDNIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 6, tzinfo=UTC)


def planned(reader: Recipient, *, level: Level = Level.L3, now: datetime = MIDNIGHT) -> PlannedDelivery:
    event = alert_event(level=level)
    made = plan(event, [reader], thread=Thread(alert_id=event.alert_id), policy=Policy(), now=now)
    (found,) = made.deliveries
    return found


def wishing(**wish: object) -> Recipient:
    return recipient(subscription().model_copy(update=wish))


def test_at_night_a_volunteer_hears_of_it_in_the_morning() -> None:
    found = planned(wishing(quiet_hours=NIGHT))
    assert (found.state, found.due_at) == (DeliveryState.PLANNED, MORNING)
    assert planned(wishing(quiet_hours=NIGHT), now=MORNING).due_at == MORNING


def test_an_urgent_alert_wakes_everybody() -> None:
    assert planned(wishing(quiet_hours=NIGHT), level=Level.L4).due_at == MIDNIGHT


def test_who_has_another_subscription_that_wants_it_now_gets_it_now() -> None:
    quiet = subscription("a").model_copy(update={"quiet_hours": NIGHT})
    assert planned(recipient(quiet, subscription("b"))).due_at == MIDNIGHT
    assert planned(recipient(quiet, STATUTORY)).due_at == MIDNIGHT


def test_a_newer_revision_of_what_waits_keeps_its_time_unless_it_is_urgent() -> None:
    reader = wishing(quiet_hours=NIGHT)
    first = planned(reader)
    for level, due in ((Level.L3, MIDNIGHT), (Level.L4, MIDNIGHT)):
        event = alert_event(revision=2, kind=AlertKind.UPDATED, level=level)
        waiting = {
            name: getattr(first, name) for name in ("delivery_id", "destination", "revision", "purpose", "priority")
        }
        thread = Thread(
            alert_id=event.alert_id,
            tense=event.tense,
            planned_revision=1,
            deliveries=({**waiting, "state": first.state, "attempts": 0, "due_at": first.due_at, "in_thread": True},),
        )
        made = plan(event, [reader], thread=thread, policy=Policy(), now=MIDNIGHT)
        assert [one.due_at for one in made.deliveries] == [due]
        assert [one.delivery_id for one in made.superseded] == [first.delivery_id]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ('countries.contains("SI") && level >= 3', DeliveryReason.FILTER_MATCHES),
        ('subgroup == "nitazene"', DeliveryReason.FILTER_MATCHES),
        ("deaths > 0", DeliveryReason.FILTER_EXPRESSION),
        ("1 / events_28d == 1", DeliveryReason.FILTER_MATCHES),
        ("1 / deaths == 1", DeliveryReason.FILTER_FAILED),
        ("no_such_fact", DeliveryReason.FILTER_FAILED),
    ],
)
def test_a_filter_decides_and_one_that_fails_delivers_nothing(question: str, reason: DeliveryReason) -> None:
    found = planned(wishing(filter=question))
    assert reason in {note.reason for note in found.gates}
    assert (found.state is DeliveryState.PLANNED) == (reason is DeliveryReason.FILTER_MATCHES)


def test_a_filter_that_fails_harms_nobody_else() -> None:
    event = alert_event()
    readers = [wishing(filter="1 / deaths == 1"), recipient(subscription(), name="other")]
    made = plan(event, readers, thread=Thread(alert_id=event.alert_id), policy=Policy(), now=MIDNIGHT)
    assert [one.state for one in made.deliveries] == [DeliveryState.SUPPRESSED, DeliveryState.PLANNED]


@pytest.mark.parametrize("question", ["", "level", "level >", "nosuch == 1", "level > 'a'", "x" * 400])
def test_a_filter_is_checked_when_it_is_saved(question: str) -> None:
    with pytest.raises(FilterRefused):
        check(question)


def test_every_fact_is_there_for_every_event() -> None:
    facts = facts_of(URGENT)
    assert facts.countries == "AT,DE,EE,SI"
    assert all(getattr(facts, name) is not None for name in PublicFacts.__dataclass_fields__)


FILE = """
subscribers:
  - id: body
    name: Example body
    kind: voluntary
    destinations: [{{name: desk, channel: email, address: desk@body.example.org}}]
    subscriptions: [{{name: wish, ground: voluntary, {wish}}}]
"""


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("filter: 'nosuch == 1'", "subscription wish of body.*nosuch.*Known facts"),
        ("filter: 'level'", "yes-or-no"),
        ("quiet_hours: {zone: Mars/Base, start: '22:00', end: '07:00'}", "IANA"),
    ],
)
def test_a_file_with_a_wrong_wish_is_refused_in_a_sentence(wish: str, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        read_text(FILE.format(wish=wish), name="file")


def test_a_file_with_wishes_is_read() -> None:
    wish = "filter: 'level >= 3', quiet_hours: {zone: Europe/Ljubljana, start: '22:00', end: '07:00'}"
    found = read_text(FILE.format(wish=wish), name="file").subscribers[0].subscriptions[0]
    assert (found.quiet_hours, found.filter) == (NIGHT, "level >= 3")


@pytest.mark.parametrize("wish", [{"quiet_hours": NIGHT}, {"filter": "level > 3"}])
def test_an_authority_cannot_be_delayed_or_filtered(wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot be filtered or delayed"):
        SubscriptionEntry.model_validate({"name": "duty", "ground": "statutory", **wish})


def test_nothing_waits_longer_than_two_weeks() -> None:
    always = QuietHours(zone="UTC", start=time(0), end=time(23, 59))
    due = planned(wishing(quiet_hours=always)).due_at
    assert due is not None
    assert due - MIDNIGHT <= timedelta(days=14)
