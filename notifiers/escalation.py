"""What follows when nobody acknowledges: each step that is due tells the next roles of the authority, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from alerts.disclosure import shown_to
from notifiers.gates import Passage, Question, handling, tense
from notifiers.planning import delivery_id, priority_of
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, Gate, Purpose, Role
from schemas.duty import on_duty
from schemas.plans import Plan, PlannedDelivery
from schemas.subscribers import Recipient
from schemas.vocabularies import Level, Tense
from storage import audiences, escalation, subscribers, threads
from storage.escalation import Step

BATCH: Final = 200
ESCALATED_TENSES: Final = frozenset({Tense.ACTUAL, Tense.EXERCISE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Fired:
    """What one round did. `silent`: steps that found nobody to tell; a person must look."""

    steps: int = 0
    to_send: int = 0
    silent: tuple[Step, ...] = ()


def awaited(event: AlertEvent, made: Plan, audience: Sequence[Recipient]) -> frozenset[str]:
    """The authorities that must acknowledge this revision: those told of an L3 or L4 by statute, and those whose
    contact can no longer be told at all."""
    if event.level < Level.L3 or event.tense not in ESCALATED_TENSES:
        return frozenset()
    owner = {each.destination.id: each.destination.subscriber for each in audience}
    owed = (each for each in made.deliveries if each.statutory and each.purpose is not Purpose.CANCEL)
    lost = DeliveryReason.ADDRESS_SUPPRESSED
    return frozenset(
        owner[each.destination] for each in owed if each.state is DeliveryState.PLANNED or each.reason is lost
    )


def escalate(engine: Engine, *, limit: int = BATCH) -> Fired:
    """Fire what is due, longest first, each step in a transaction of its own. Any number of couriers may do so."""
    with engine.begin() as connection:
        waiting = escalation.due(connection, limit=limit)
        audience = subscribers.recipients(connection) if waiting else ()
    fired, to_send, silent = 0, 0, []
    for step in waiting:
        with engine.begin() as connection:
            told = _fire(connection, step, audience)
        if told is not None:
            fired, to_send = fired + 1, to_send + told
            silent += [step] if told == 0 else []
    return Fired(steps=fired, to_send=to_send, silent=tuple(silent))


def _fire(connection: Connection, step: Step, audience: Sequence[Recipient]) -> int | None:
    """How many are told; None when the step was no longer waiting."""
    threads.lock(connection, step.alert_id)
    if not escalation.claim(connection, step):
        return None
    event = escalation.current(connection, step.alert_id)
    if event is None:
        return 0
    now = threads.now(connection)
    made = plan_step(event, _reached(step, audience, now), now=now)
    before = {each.delivery_id for each in threads.load(connection, step.alert_id).deliveries}
    new = [each for each in made if each.delivery_id not in before]
    threads.add(connection, new)
    told = sum(each.state is DeliveryState.PLANNED for each in new)
    escalation.told(connection, step, told)
    return told


def second_way(connection: Connection, alert_id: str, *, destination: str) -> int:
    """An L4 whose webhook failed twice goes to the mail addresses of the same subscriber that heard nothing yet. How
    many are told."""
    threads.lock(connection, alert_id)
    event = escalation.current(connection, alert_id)
    if event is None or event.level < Level.L4 or event.kind in escalation.ENDINGS:
        return 0
    told = {each.destination for each in threads.load(connection, alert_id).deliveries if each.in_thread}
    told |= audiences.waiting(connection, alert_id)
    audience = subscribers.recipients(connection)
    (owner,) = (each.destination.subscriber for each in audience if each.destination.id == destination)
    mails = [
        each
        for each in audience
        if each.destination.subscriber == owner
        and each.destination.active
        and each.destination.channel is Channel.EMAIL
        and each.destination.role in (Role.CONTACT, Role.SECOND)
        and each.destination.id not in told
    ]
    made = plan_step(event, mails, now=threads.now(connection), reason=DeliveryReason.SECOND_WAY)
    threads.add(connection, made)
    return sum(each.state is DeliveryState.PLANNED for each in made)


def plan_step(
    event: AlertEvent,
    recipients: Sequence[Recipient],
    *,
    now: datetime,
    reason: DeliveryReason = DeliveryReason.ESCALATED,
) -> tuple[PlannedDelivery, ...]:
    """A delivery for each, as far as tense and handling let it through. Pure."""
    return tuple(_delivery(event, each, _pass(event, each, now), now, reason) for each in recipients)


def _reached(step: Step, audience: Sequence[Recipient], now: datetime) -> tuple[Recipient, ...]:
    """Who a step tells: those of its roles who are on duty; where nobody of a role is, all of it."""
    found: list[Recipient] = []
    for role in step.roles:
        of_role = [
            each
            for each in audience
            if each.destination.role is role
            and (role is Role.DESK or each.destination.subscriber == step.subscriber)
            and each.destination.active
        ]
        found += [each for each in of_role if on_duty(each.destination.on_duty, now)] or of_role
    return tuple(found)


def _pass(event: AlertEvent, recipient: Recipient, now: datetime) -> Passage:
    target, passage = recipient.destination, Passage()
    seen = shown_to(event, target.clearance, accepts_conditions=target.accepts_conditions)
    question = Question(event=event if seen is None else seen, recipient=recipient, member=False, now=now)
    if target.suppressed is not None:
        return passage.stops(Gate.DESTINATION, DeliveryReason.ADDRESS_SUPPRESSED)
    passage = tense(question, passage.says(Gate.DESTINATION, DeliveryReason.REACHABLE))
    return passage if passage.stopped else handling(question, passage)


def _delivery(
    event: AlertEvent, recipient: Recipient, passage: Passage, now: datetime, reason: DeliveryReason
) -> PlannedDelivery:
    target = recipient.destination
    passage = passage if passage.stopped else passage.says(Gate.OBLIGATION, reason)
    return PlannedDelivery(
        delivery_id=delivery_id(
            event.alert_id, revision=event.revision, destination=target.id, purpose=Purpose.ESCALATION
        ),
        event_id=event.event_id,
        alert_id=event.alert_id,
        number=event.number,
        revision=event.revision,
        kind=event.kind,
        purpose=Purpose.ESCALATION,
        destination=target.id,
        channel=target.channel,
        content=passage.content,
        tense=event.tense,
        level=event.level,
        priority=priority_of(event.level),
        statutory=True,
        in_thread=not passage.stopped,
        state=DeliveryState.SUPPRESSED if passage.stopped else DeliveryState.PLANNED,
        reason=passage.notes[-1].reason,
        gates=passage.notes,
        subscriptions=(),
        due_at=None if passage.stopped else now,
        decided_at=event.decided_at,
    )
