"""Who is told of an alert event: a pure function of event, recipients, the thread so far, policy and now."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from notifiers.gates import Passage, Question, pass_through
from notifiers.purposes import purpose_of
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.deliveries import DeliveryReason, DeliveryState, HoldReason, Purpose
from schemas.plans import Hold, Plan, PlannedDelivery, Superseded, Thread, ThreadDelivery
from schemas.subscribers import Recipient
from schemas.vocabularies import AlertKind, Level

STOPPABLE: Final = frozenset({DeliveryState.DEFERRED, DeliveryState.UNKNOWN})
"""Tried and to be tried again: a cancellation ends that. A delivery in flight runs to its outcome first."""


class Policy(Frozen):
    """`blast_limit`: more recipients than this for one event need a second person's word."""

    blast_limit: int = 20_000


def delivery_id(alert_id: str, *, revision: int, destination: str, purpose: Purpose) -> str:
    """32 hexadecimal digits: planned twice, it is the same row (P2)."""
    return sha256("\x1f".join((alert_id, str(revision), destination, purpose)).encode()).hexdigest()[:32]


def priority_of(level: Level) -> int:
    """The lane: 0 for L4, 1 for L3, 2 for the rest."""
    return {Level.L4: 0, Level.L3: 1}.get(level, 2)


def plan(event: AlertEvent, recipients: Sequence[Recipient], *, thread: Thread, policy: Policy, now: datetime) -> Plan:
    """The deliveries of one event. Total: every recipient gets a row with a reason, or the whole event is held."""
    if (refused := refusal(event, thread)) is not None:
        return refused
    made = portion(event, recipients, thread=thread, now=now)
    if event.kind is not AlertKind.CANCELLED and len(made.to_send) > policy.blast_limit:
        return Plan(hold=_too_many(event, len(made.to_send), policy.blast_limit))
    return made


def refusal(event: AlertEvent, thread: Thread) -> Plan | None:
    """Why the event tells nobody, whoever the recipients are; None: it is to be told."""
    if event.revision <= thread.planned_revision:
        return Plan(outdated=True)
    if thread.tense is not None and thread.tense is not event.tense:
        return Plan(hold=_crossed(event, thread))
    return None


def portion(event: AlertEvent, recipients: Sequence[Recipient], *, thread: Thread, now: datetime) -> Plan:
    """The deliveries to some of the recipients of an event that is to be told. What each gets depends on nobody else,
    so that all portions together are the plan. The thread must have what was planned for these."""
    if event.kind is AlertKind.CANCELLED:
        return _cancel(event, recipients, _by_destination(thread), now)
    return _announce(event, recipients, thread, now)


def divisible(event: AlertEvent) -> bool:
    """Whether the first may be told while the others are planned. What is withdrawn, or told to fewer than before,
    is decided for all at one moment: nobody may get the old word meanwhile, and a reviewer decides once."""
    return event.kind is not AlertKind.CANCELLED and not event.more_restricted


def _announce(event: AlertEvent, recipients: Sequence[Recipient], thread: Thread, now: datetime) -> Plan:
    past = _by_destination(thread)
    deliveries, superseded = [], []
    for recipient in recipients:
        earlier = [each for each in past[recipient.destination.id] if each.revision < event.revision]
        member = any(delivery.in_thread for delivery in earlier)
        if not (recipient.subscriptions or member):
            continue
        asked = Question(event=event, recipient=recipient, member=member, now=now, disclosure=thread.disclosure)
        passage = pass_through(asked)
        replaced = [] if passage.stopped else [each for each in earlier if _never_tried(each)]
        deliveries.append(_delivery(event, recipient, passage, replaced, now))
        superseded += [_ended(each, DeliveryReason.NEWER_REVISION) for each in replaced]
    return Plan(deliveries=tuple(deliveries), superseded=tuple(superseded))


def _cancel(
    event: AlertEvent, recipients: Sequence[Recipient], past: dict[str, list[ThreadDelivery]], now: datetime
) -> Plan:
    """P9: never tried → it never goes out; tried in any way → a cancellation on the same channel. No blast limit:
    who got an alert must get its retraction."""
    deliveries, superseded = [], []
    for recipient in recipients:
        earlier = [each for each in past[recipient.destination.id] if each.in_thread]
        told = [each for each in earlier if each.attempts > 0]
        superseded += [_ended(each, DeliveryReason.NEVER_SENT) for each in earlier if _never_tried(each)]
        if not told or any(each.purpose is Purpose.CANCEL for each in told):
            continue
        superseded += [_ended(each, DeliveryReason.RETRACTION) for each in told if each.state in STOPPABLE]
        passage = pass_through(Question(event=event, recipient=recipient, member=True, now=now))
        deliveries.append(_delivery(event, recipient, passage, told, now))
    return Plan(deliveries=tuple(deliveries), superseded=tuple(superseded))


def _delivery(
    event: AlertEvent, recipient: Recipient, passage: Passage, replaced: list[ThreadDelivery], now: datetime
) -> PlannedDelivery:
    purpose = purpose_of(event.kind)
    target = recipient.destination
    dues = [each.due_at for each in replaced if each.due_at is not None]
    return PlannedDelivery(
        delivery_id=delivery_id(event.alert_id, revision=event.revision, destination=target.id, purpose=purpose),
        event_id=event.event_id,
        alert_id=event.alert_id,
        number=event.number,
        revision=event.revision,
        kind=event.kind,
        purpose=purpose,
        destination=target.id,
        channel=target.channel,
        content=passage.content,
        tense=event.tense,
        level=event.level,
        priority=min([priority_of(event.level), *(each.priority for each in replaced)]),
        statutory=recipient.statutory,
        in_thread=not passage.stopped,
        state=DeliveryState.SUPPRESSED if passage.stopped else DeliveryState.PLANNED,
        reason=passage.notes[-1].reason if passage.stopped else _why(passage),
        gates=passage.notes,
        subscriptions=passage.wanting,
        due_at=None if passage.stopped else min([passage.not_before or now, *dues]),
        decided_at=event.decided_at,
    )


def _why(passage: Passage) -> DeliveryReason:
    """The reason that speaks for sending: the first that wanted it."""
    for_it = (
        DeliveryReason.RETRACTION, DeliveryReason.IN_THREAD, DeliveryReason.STATUTORY_LEVEL,
        DeliveryReason.STATUTORY_COUNTRY, DeliveryReason.FILTER_MATCHES,
    )  # fmt: skip
    return next(note.reason for note in passage.notes if note.reason in for_it)


def _by_destination(thread: Thread) -> dict[str, list[ThreadDelivery]]:
    found: dict[str, list[ThreadDelivery]] = defaultdict(list)
    for delivery in thread.deliveries:
        found[delivery.destination].append(delivery)
    return found


def _never_tried(delivery: ThreadDelivery) -> bool:
    return delivery.state is DeliveryState.PLANNED and delivery.attempts == 0


def _ended(delivery: ThreadDelivery, reason: DeliveryReason) -> Superseded:
    return Superseded(delivery_id=delivery.delivery_id, reason=reason)


def _crossed(event: AlertEvent, thread: Thread) -> Hold:
    sentence = f"{event.number} was {thread.tense} and revision {event.revision} says {event.tense}: nobody was told"
    return Hold(reason=HoldReason.TENSE_CROSSED, sentence=sentence)


def _too_many(event: AlertEvent, planned: int, limit: int) -> Hold:
    sentence = (
        f"{event.number} revision {event.revision} would reach {planned} destinations, more than {limit}: "
        "a second person must release it"
    )
    return Hold(reason=HoldReason.BLAST_LIMIT, sentence=sentence, planned=planned)
