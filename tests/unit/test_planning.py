"""Planning: each gate with its reason, the thread that carries on, and the retraction that reaches all."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifiers.coverage import unreached
from notifiers.planning import Policy, delivery_id, plan
from schemas.alert_events import AlertEvent
from schemas.deliveries import (
    Channel,
    Content,
    DeliveryReason,
    DeliveryState,
    Gate,
    Ground,
    HoldReason,
    Purpose,
    Role,
)
from schemas.plans import Plan, PlannedDelivery, Thread, ThreadDelivery
from schemas.subscribers import Recipient, Subscription
from schemas.vocabularies import AlertKind, Audience, Handling, Level, Tense
from tests.telling import NOON, STATUTORY, alert_event, recipient, subscription

ONE = alert_event()


def planned(
    event: AlertEvent, *recipients: Recipient, thread: Thread | None = None, policy: Policy | None = None
) -> Plan:
    return plan(
        event,
        recipients,
        thread=thread or Thread(alert_id=event.alert_id),
        policy=policy or Policy(),
        now=NOON,
    )


def only(made: Plan) -> PlannedDelivery:
    (delivery,) = made.deliveries
    return delivery


def thread_after(*plans: Plan, attempts: int = 0, state: DeliveryState | None = None) -> Thread:
    """The thread as the ledger would hold it: sent rows get `attempts` and `state`."""
    rows = [row for made in plans for row in made.deliveries]
    ended = {each.delivery_id for made in plans for each in made.superseded}

    def where(row: PlannedDelivery) -> DeliveryState:
        if row.delivery_id in ended:
            return DeliveryState.SUPERSEDED
        return state if state is not None and row.state is DeliveryState.PLANNED else row.state

    return Thread(
        alert_id=ONE.alert_id,
        tense=rows[0].tense if rows else None,
        planned_revision=max((row.revision for row in rows), default=0),
        deliveries=tuple(
            ThreadDelivery(
                delivery_id=row.delivery_id,
                destination=row.destination,
                revision=row.revision,
                purpose=row.purpose,
                state=where(row),
                attempts=attempts if row.in_thread and row.delivery_id not in ended else 0,
                priority=row.priority,
                due_at=row.due_at,
                in_thread=row.in_thread,
            )
            for row in rows
        ),
    )


def test_a_statutory_destination_gets_every_l3_whatever_the_country() -> None:
    delivery = only(planned(alert_event(level=Level.L3, countries=("FI",)), recipient(STATUTORY, country="SI")))
    assert (delivery.state, delivery.reason) == (DeliveryState.PLANNED, DeliveryReason.STATUTORY_LEVEL)
    assert delivery.due_at == NOON


@pytest.mark.parametrize(
    ("countries", "subscribed", "reason"),
    [
        (("SI",), frozenset[str](), DeliveryReason.STATUTORY_COUNTRY),
        (("FI", "HR"), frozenset({"HR"}), DeliveryReason.STATUTORY_COUNTRY),
        (("FI",), frozenset({"HR"}), DeliveryReason.STATUTORY_NOT_CONCERNED),
    ],
)
def test_a_statutory_destination_gets_l2_where_its_country_is_affected_or_subscribed(
    countries: tuple[str, ...], subscribed: frozenset[str], reason: DeliveryReason
) -> None:
    duty = subscription("duty", ground=Ground.STATUTORY, countries=subscribed)
    delivery = only(planned(alert_event(level=Level.L2, countries=countries), recipient(duty)))
    assert delivery.reason is reason
    assert (delivery.state is DeliveryState.PLANNED) == (reason is DeliveryReason.STATUTORY_COUNTRY)


def test_l1_waits_for_the_digest() -> None:
    delivery = only(planned(alert_event(level=Level.L1), recipient(STATUTORY)))
    assert (delivery.state, delivery.reason) == (DeliveryState.SUPPRESSED, DeliveryReason.DIGEST)
    assert not delivery.in_thread


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        (subscription(), DeliveryReason.FILTER_MATCHES),
        (subscription(countries=frozenset({"SI"}), classes=frozenset({"nitazene"})), DeliveryReason.FILTER_MATCHES),
        (subscription(substances=frozenset({"Protonitazene"})), DeliveryReason.FILTER_MATCHES),
        (subscription(min_level=Level.L4), DeliveryReason.FILTER_LEVEL),
        (subscription(countries=frozenset({"FI"})), DeliveryReason.FILTER_COUNTRY),
        (subscription(classes=frozenset({"cathinone"})), DeliveryReason.FILTER_CLASS),
        (subscription(substances=frozenset({"MDMA"})), DeliveryReason.FILTER_SUBSTANCE),
        (subscription(countries=frozenset()), DeliveryReason.FILTER_COUNTRY),
        (subscription(classes=frozenset()), DeliveryReason.FILTER_CLASS),
        (subscription(substances=frozenset()), DeliveryReason.FILTER_SUBSTANCE),
    ],
)
def test_a_voluntary_subscription_goes_strictly_by_its_filter_and_an_empty_choice_is_nobody(
    chosen: Subscription, reason: DeliveryReason
) -> None:
    delivery = only(planned(ONE, recipient(chosen)))
    assert delivery.reason is reason
    assert (delivery.state is DeliveryState.PLANNED) == (reason is DeliveryReason.FILTER_MATCHES)


@pytest.mark.parametrize(
    ("event", "reader", "reason"),
    [
        (alert_event(), recipient(subscription(), clearance=Handling.GREEN), DeliveryReason.HANDLING),
        (alert_event(handling=Handling.RED), recipient(subscription()), DeliveryReason.HANDLING),
        (alert_event(), recipient(STATUTORY, clearance=Handling.GREEN), DeliveryReason.HANDLING),
        (alert_event(handling=Handling.CLEAR), recipient(STATUTORY, clearance=None), DeliveryReason.AUDIENCE_BROKEN),
        (alert_event(audience=Audience.PRECURSOR), recipient(STATUTORY), DeliveryReason.NOT_PRECURSOR_AUDIENCE),
        (
            alert_event(use_conditions=("Not for publication.",)),
            recipient(subscription(), accepts_conditions=False),
            DeliveryReason.USE_CONDITIONS,
        ),
    ],
)
def test_what_may_not_be_shared_is_not_planned(event: AlertEvent, reader: Recipient, reason: DeliveryReason) -> None:
    delivery = only(planned(event, reader))
    assert (delivery.state, delivery.reason) == (DeliveryState.SUPPRESSED, reason)
    assert delivery.content is Content.BARE
    assert delivery.gates[-1].gate is Gate.HANDLING


def test_nobody_subscribed_is_nobody_told() -> None:
    assert planned(ONE, recipient()) == Plan()


def test_red_goes_to_a_statutory_destination_as_a_bare_notice() -> None:
    delivery = only(planned(alert_event(handling=Handling.RED), recipient(STATUTORY)))
    assert (delivery.state, delivery.content) == (DeliveryState.PLANNED, Content.BARE)
    assert DeliveryReason.BARE_FOR_RED in {note.reason for note in delivery.gates}


def test_red_is_bare_by_mail_even_to_who_is_cleared_for_it() -> None:
    delivery = only(planned(alert_event(handling=Handling.RED), recipient(STATUTORY, clearance=Handling.RED)))
    assert delivery.content is Content.BARE


@pytest.mark.parametrize(
    ("tense", "reader", "reason"),
    [
        (Tense.ACTUAL, recipient(STATUTORY), DeliveryReason.STATUTORY_LEVEL),
        (Tense.ACTUAL, recipient(STATUTORY, recording=True), DeliveryReason.RECORDING_ONLY),
        (Tense.EXERCISE, recipient(STATUTORY), DeliveryReason.EXERCISE_NOT_OPTED_IN),
        (Tense.EXERCISE, recipient(STATUTORY, accepts_exercises=True), DeliveryReason.STATUTORY_LEVEL),
        (
            Tense.EXERCISE,
            recipient(STATUTORY, accepts_exercises=True, recording=True),
            DeliveryReason.EXERCISE_NOT_OPTED_IN,
        ),
        (Tense.TEST, recipient(STATUTORY, accepts_exercises=True), DeliveryReason.TEST_NOT_RECORDING),
        (Tense.TEST, recipient(STATUTORY, recording=True), DeliveryReason.STATUTORY_LEVEL),
        (Tense.ARCHIVAL, recipient(STATUTORY, recording=True), DeliveryReason.ARCHIVAL),
    ],
)
def test_exercises_and_tests_never_cross(tense: Tense, reader: Recipient, reason: DeliveryReason) -> None:
    delivery = only(planned(alert_event(tense=tense), reader))
    assert delivery.reason is reason
    assert (delivery.state is DeliveryState.PLANNED) == (reason is DeliveryReason.STATUTORY_LEVEL)


def test_a_thread_that_changes_its_tense_is_held() -> None:
    before = thread_after(planned(ONE, recipient(STATUTORY)))
    made = planned(alert_event(revision=2, tense=Tense.EXERCISE), recipient(STATUTORY), thread=before)
    assert made.hold is not None
    assert made.hold.reason is HoldReason.TENSE_CROSSED
    assert made.deliveries == ()


def test_several_subscriptions_of_one_destination_make_one_delivery_that_names_them_all() -> None:
    reader = recipient(STATUTORY, subscription("a"), subscription("b", min_level=Level.L4), subscription("c"))
    delivery = only(planned(ONE, reader))
    assert delivery.subscriptions == ("statutory", "a", "c")
    assert delivery.gates[-1].reason is DeliveryReason.MERGED


def test_every_row_keeps_the_gates_in_their_order() -> None:
    delivery = only(planned(ONE, recipient(STATUTORY)))
    assert [note.gate for note in delivery.gates] == [
        Gate.DESTINATION, Gate.TENSE, Gate.HANDLING, Gate.OBLIGATION, Gate.QUIET_HOURS, Gate.DIGEST, Gate.MERGE,
    ]  # fmt: skip


def test_who_was_planned_gets_later_revisions_past_filters_and_digest() -> None:
    reader = recipient(subscription(countries=frozenset({"SI"})))
    before = thread_after(planned(ONE, reader), attempts=1, state=DeliveryState.ACCEPTED)
    later = alert_event(revision=2, kind=AlertKind.UPDATED, level=Level.L1, countries=("FI",))
    delivery = only(planned(later, reader, thread=before))
    assert (delivery.state, delivery.reason) == (DeliveryState.PLANNED, DeliveryReason.IN_THREAD)


def test_who_was_only_noted_for_the_digest_is_not_in_the_thread() -> None:
    before = thread_after(planned(alert_event(level=Level.L1), recipient(subscription(min_level=Level.L1))))
    later = alert_event(revision=2, kind=AlertKind.UPDATED, level=Level.L1)
    delivery = only(planned(later, recipient(subscription(min_level=Level.L1)), thread=before))
    assert delivery.reason is DeliveryReason.DIGEST


def test_a_thread_whose_handling_tightens_goes_on_as_a_bare_notice() -> None:
    reader = recipient(subscription(), clearance=Handling.GREEN)
    before = thread_after(
        planned(alert_event(handling=Handling.GREEN), reader), attempts=1, state=DeliveryState.ACCEPTED
    )
    later = alert_event(revision=2, kind=AlertKind.UPDATED, handling=Handling.AMBER)
    delivery = only(planned(later, reader, thread=before))
    assert (delivery.state, delivery.content) == (DeliveryState.PLANNED, Content.BARE)
    assert {note.reason for note in delivery.gates} >= {DeliveryReason.HANDLING, DeliveryReason.BARE_FOR_THREAD}


def test_a_newer_revision_supersedes_one_never_tried_and_keeps_its_urgency_and_due_time() -> None:
    first = planned(alert_event(level=Level.L4), recipient(STATUTORY))
    before = thread_after(first)
    later = alert_event(revision=2, kind=AlertKind.DOWNGRADED, level=Level.L2)
    made = plan(later, [recipient(STATUTORY)], thread=before, policy=Policy(), now=NOON + timedelta(hours=1))
    delivery = only(made)
    assert (delivery.priority, delivery.due_at) == (0, NOON)
    (ended,) = made.superseded
    assert (ended.delivery_id, ended.reason) == (only(first).delivery_id, DeliveryReason.NEWER_REVISION)


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.DEFERRED, DeliveryState.UNKNOWN])
def test_a_newer_revision_never_supersedes_one_that_was_tried(state: DeliveryState) -> None:
    before = thread_after(planned(ONE, recipient(STATUTORY)), attempts=1, state=state)
    made = planned(alert_event(revision=2, kind=AlertKind.UPDATED), recipient(STATUTORY), thread=before)
    assert made.superseded == ()
    assert len(made.to_send) == 1


@pytest.mark.parametrize("revision", [1, 2])
def test_a_revision_below_the_highest_planned_changes_nothing(revision: int) -> None:
    before = thread_after(planned(alert_event(revision=2), recipient(STATUTORY)))
    assert planned(alert_event(revision=revision), recipient(STATUTORY), thread=before) == Plan(outdated=True)


def test_too_many_recipients_hold_the_event_and_tell_nobody() -> None:
    readers = [recipient(STATUTORY, name=f"reader-{number}") for number in range(4)]
    made = planned(ONE, *readers, policy=Policy(blast_limit=3))
    assert made.hold is not None
    assert (made.hold.reason, made.hold.planned) == (HoldReason.BLAST_LIMIT, 4)
    assert made.deliveries == ()
    assert planned(ONE, *readers, policy=Policy(blast_limit=4)).hold is None


def test_a_cancellation_of_what_was_never_tried_ends_it_silently() -> None:
    first = planned(ONE, recipient(STATUTORY))
    made = planned(alert_event(revision=2, kind=AlertKind.CANCELLED), recipient(STATUTORY), thread=thread_after(first))
    assert made.deliveries == ()
    assert [each.delivery_id for each in made.superseded] == [only(first).delivery_id]


@pytest.mark.parametrize(
    "state",
    [
        DeliveryState.SENDING, DeliveryState.DEFERRED, DeliveryState.UNKNOWN,
        DeliveryState.ACCEPTED, DeliveryState.FAILED,
    ],
)  # fmt: skip
@pytest.mark.parametrize("gone", [recipient(), recipient(STATUTORY, active=False), recipient(suppressed="gone")])
def test_a_cancellation_reaches_every_destination_tried_whatever_became_of_it(
    state: DeliveryState, gone: Recipient
) -> None:
    before = thread_after(planned(ONE, recipient(STATUTORY)), attempts=1, state=state)
    made = planned(alert_event(revision=2, kind=AlertKind.CANCELLED, level=Level.L0), gone, thread=before)
    delivery = only(made)
    assert (delivery.state, delivery.purpose, delivery.channel) == (
        DeliveryState.PLANNED,
        Purpose.CANCEL,
        Channel.EMAIL,
    )
    assert delivery.priority == 1
    stops_retries = state in (DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
    assert [each.reason for each in made.superseded] == [DeliveryReason.RETRACTION] * stops_retries


def test_a_cancellation_goes_once() -> None:
    first = planned(ONE, recipient(STATUTORY))
    told = thread_after(first, attempts=1, state=DeliveryState.ACCEPTED)
    cancel = planned(alert_event(revision=2, kind=AlertKind.CANCELLED), recipient(STATUTORY), thread=told)
    after = thread_after(first, cancel, attempts=1, state=DeliveryState.ACCEPTED)
    again = planned(alert_event(revision=3, kind=AlertKind.CANCELLED), recipient(STATUTORY), thread=after)
    assert again.to_send == ()


def test_a_cancellation_above_the_clearance_is_bare() -> None:
    before = thread_after(planned(ONE, recipient(STATUTORY)), attempts=1, state=DeliveryState.ACCEPTED)
    later = alert_event(revision=2, kind=AlertKind.CANCELLED, handling=Handling.RED)
    assert only(planned(later, recipient(), thread=before)).content is Content.BARE


def test_who_was_never_told_does_not_hear_that_it_is_over() -> None:
    delivery = only(planned(alert_event(revision=3, kind=AlertKind.EXPIRED), recipient(STATUTORY)))
    assert delivery.reason is DeliveryReason.NOT_IN_THREAD


readers = st.builds(
    recipient,
    *[st.sampled_from([STATUTORY, subscription("x"), subscription("y", countries=frozenset({"FI"}))])],
    name=st.sampled_from(["a", "b", "c", "d"]),
    clearance=st.sampled_from([None, *Handling]),
    accepts_conditions=st.booleans(),
    accepts_exercises=st.booleans(),
    precursors=st.booleans(),
    recording=st.booleans(),
    active=st.booleans(),
)
events = st.builds(
    alert_event,
    kind=st.sampled_from([AlertKind.RAISED, AlertKind.ESCALATED, AlertKind.UPDATED]),
    tense=st.sampled_from(list(Tense)),
    level=st.sampled_from(list(Level)),
    countries=st.sampled_from([("SI",), ("FI", "SI"), ("FI",)]),
    handling=st.sampled_from(list(Handling)),
    use_conditions=st.sampled_from([(), ("Authorities only.",)]),
    audience=st.sampled_from(list(Audience)),
)


@settings(max_examples=300, deadline=None)
@given(event=events, audience=st.lists(readers, max_size=4, unique_by=lambda each: each.destination.id))
def test_no_plan_ever_tells_someone_more_than_they_may_read_or_in_another_tense(
    event: AlertEvent, audience: Sequence[Recipient]
) -> None:
    made = planned(event, *audience)
    targets = {each.destination.id: each.destination for each in audience}
    for delivery in made.to_send:
        target = targets[delivery.destination]
        assert target.active and target.clearance is not None
        assert (event.tense is Tense.TEST) == target.recording
        assert event.tense is not Tense.EXERCISE or target.accepts_exercises
        if delivery.content is not Content.BARE:
            assert event.handling.within(target.clearance)
        assert not event.use_conditions or target.accepts_conditions
        assert event.audience is Audience.GENERAL or target.precursors


@settings(max_examples=100, deadline=None)
@given(event=events, audience=st.lists(readers, max_size=4, unique_by=lambda each: each.destination.id))
def test_the_same_event_plans_the_same_rows_in_any_order_of_recipients(
    event: AlertEvent, audience: list[Recipient]
) -> None:
    forwards, backwards = planned(event, *audience), planned(event, *reversed(audience))
    assert sorted(forwards.deliveries, key=lambda row: row.delivery_id) == sorted(
        backwards.deliveries, key=lambda row: row.delivery_id
    )
    for row in forwards.deliveries:
        assert row.delivery_id == delivery_id(
            row.alert_id, revision=row.revision, destination=row.destination, purpose=row.purpose
        )


def test_a_country_is_reached_by_an_authority_that_could_be_told() -> None:
    assert "SI" not in unreached([recipient(STATUTORY)])
    for reader in (
        recipient(subscription()),
        recipient(STATUTORY, active=False),
        recipient(STATUTORY, suppressed="gone"),
        recipient(STATUTORY, clearance=None),
        recipient(STATUTORY, recording=True),
        *(recipient(STATUTORY, role=role) for role in Role if role is not Role.CONTACT),
    ):
        assert "SI" in unreached([reader])
