"""The gates of planning: each looks at one event and one recipient and says, with its reason, go on or stop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from alerts.disclosure import shown_to
from notifiers.filters import FilterFailed, matches
from notifiers.purposes import mail_content, webhook_content
from notifiers.quiet import quiet_until
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryReason, Gate, Ground, Role
from schemas.plans import Disclosure, GateNote
from schemas.subscribers import Recipient, Subscription, selects
from schemas.vocabularies import AlertKind, Audience, Handling, Level, Tense


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Shall this recipient hear of this event? `member`: an earlier revision was planned for them."""

    event: AlertEvent
    recipient: Recipient
    member: bool
    now: datetime
    disclosure: Disclosure = Disclosure.OPEN

    @property
    def cancels(self) -> bool:
        return self.event.kind is AlertKind.CANCELLED


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """What the gates have said so far. `wanting`: the subscriptions that want it; `stopped`: nothing more is asked;
    `not_before`: the end of quiet hours."""

    notes: tuple[GateNote, ...] = ()
    content: Content = Content.BARE
    wanting: tuple[str, ...] = ()
    stopped: bool = False
    not_before: datetime | None = None

    def says(self, gate: Gate, reason: DeliveryReason, *, subscription: str | None = None) -> "Passage":
        return replace(self, notes=(*self.notes, _note(gate, reason, subscription)))

    def stops(self, gate: Gate, reason: DeliveryReason) -> "Passage":
        return replace(self.says(gate, reason), stopped=True)


@lru_cache(maxsize=1024)
def _note(gate: Gate, reason: DeliveryReason, subscription: str | None) -> GateNote:
    """Thousands of readers are told the same eight things: each value is made once."""
    return GateNote(gate=gate, reason=reason, subscription=subscription)


def destination(question: Question, passage: Passage) -> Passage:
    """Is there anybody to tell? A cancellation goes out whatever became of the destination since (P9)."""
    target = question.recipient.destination
    if question.cancels:
        return passage.says(Gate.DESTINATION, DeliveryReason.RETRACTION)
    if not target.active:
        return passage.stops(Gate.DESTINATION, DeliveryReason.DESTINATION_INACTIVE)
    if target.suppressed is not None:
        return passage.stops(Gate.DESTINATION, DeliveryReason.ADDRESS_SUPPRESSED)
    if not target.confirmed:
        return passage.stops(Gate.DESTINATION, DeliveryReason.NOT_CONFIRMED)
    if not question.recipient.subscriptions:
        return passage.stops(Gate.DESTINATION, DeliveryReason.UNSUBSCRIBED)
    return passage.says(Gate.DESTINATION, DeliveryReason.REACHABLE)


def tense(question: Question, passage: Passage) -> Passage:
    """Real alerts to real readers, exercises to who opted in, tests to recording destinations; nothing crosses (P6)."""
    target = question.recipient.destination
    match question.event.tense:
        case Tense.ACTUAL:
            reason, passes = _either(not target.recording, DeliveryReason.REAL_TO_ALL, DeliveryReason.RECORDING_ONLY)
        case Tense.EXERCISE:
            opted_in = not target.recording and (target.accepts_exercises or question.cancels)
            reason, passes = _either(opted_in, DeliveryReason.EXERCISE_OPTED_IN, DeliveryReason.EXERCISE_NOT_OPTED_IN)
        case Tense.TEST:
            reason, passes = _either(target.recording, DeliveryReason.TEST_RECORDING, DeliveryReason.TEST_NOT_RECORDING)
        case Tense.ARCHIVAL:
            reason, passes = DeliveryReason.ARCHIVAL, False
    return passage.says(Gate.TENSE, reason) if passes else passage.stops(Gate.TENSE, reason)


def handling(question: Question, passage: Passage) -> Passage:
    """What may they read (P5)? RED goes to statutory destinations as a bare notice, and whoever is in the thread
    already hears at least that something waits."""
    barrier = _barrier(question)
    if barrier is None:
        content = _content(question)
        red = content is Content.BARE
        return replace(
            passage.says(Gate.HANDLING, DeliveryReason.BARE_FOR_RED if red else DeliveryReason.CLEARED),
            content=content,
        )
    if barrier is DeliveryReason.AUDIENCE_BROKEN and not question.cancels:
        return passage.stops(Gate.HANDLING, barrier)
    if (silence := _silence(question)) is not None:
        return passage.says(Gate.HANDLING, barrier).stops(Gate.HANDLING, silence)
    if question.member:
        noted = passage.says(Gate.HANDLING, barrier)
        return replace(noted.says(Gate.HANDLING, DeliveryReason.BARE_FOR_THREAD), content=Content.BARE)
    red = question.event.handling is Handling.RED and question.recipient.statutory
    if barrier is DeliveryReason.HANDLING and red:
        return replace(passage.says(Gate.HANDLING, DeliveryReason.BARE_FOR_RED), content=Content.BARE)
    return passage.stops(Gate.HANDLING, barrier)


def _silence(question: Question) -> DeliveryReason | None:
    """Whoever lost sight of a thread hears nothing until a reviewer decides, then as decided. Statutory readers always
    hear that something waits, and a cancellation reaches everyone."""
    if not question.member or question.recipient.statutory or question.cancels:
        return None
    if question.event.more_restricted or question.disclosure is Disclosure.UNDECIDED:
        return DeliveryReason.MORE_RESTRICTED
    return DeliveryReason.WITHHELD if question.disclosure is Disclosure.WITHHELD else None


def obligation(question: Question, passage: Passage) -> Passage:
    """Who must be told: statutory destinations at L3 and L4 whatever the country, below where theirs is concerned."""
    if question.member:
        named = tuple(each.id for each in question.recipient.subscriptions)
        return replace(passage.says(Gate.OBLIGATION, DeliveryReason.IN_THREAD), wanting=named)
    if question.event.kind in (AlertKind.CLOSED, AlertKind.EXPIRED):
        return passage.stops(Gate.OBLIGATION, DeliveryReason.NOT_IN_THREAD)
    if question.recipient.destination.role is not Role.CONTACT:
        return passage.stops(Gate.OBLIGATION, DeliveryReason.FOR_ESCALATION)
    statutory = [each for each in question.recipient.subscriptions if each.ground is Ground.STATUTORY]
    if not statutory:
        return passage.says(Gate.OBLIGATION, DeliveryReason.NO_OBLIGATION)
    for subscription in statutory:
        reason = _duty(question, subscription)
        passage = passage.says(Gate.OBLIGATION, reason, subscription=subscription.id)
        if reason is not DeliveryReason.STATUTORY_NOT_CONCERNED:
            passage = replace(passage, wanting=(*passage.wanting, subscription.id))
    return passage


def filtered(question: Question, passage: Passage) -> Passage:
    """Voluntary subscriptions go strictly by what they chose. Nobody who wants it: stop, with the last reason."""
    if question.member:
        return passage.says(Gate.FILTER, DeliveryReason.NOT_FILTERED)
    for subscription in question.recipient.subscriptions:
        if subscription.ground is Ground.VOLUNTARY:
            reason = _match(question.event, subscription)
            passage = passage.says(Gate.FILTER, reason, subscription=subscription.id)
            if reason is DeliveryReason.FILTER_MATCHES:
                passage = replace(passage, wanting=(*passage.wanting, subscription.id))
    return passage if passage.wanting else replace(passage, stopped=True)


def quiet_hours(question: Question, passage: Passage) -> Passage:
    """A voluntary reader's quiet hours delay; L4, a retraction, a thread and whatever is owed pass (delivery 1)."""
    event = question.event
    wanting = [each for each in question.recipient.subscriptions if each.id in passage.wanting]
    if question.member or question.cancels or event.level is Level.L4:
        return passage.says(Gate.QUIET_HOURS, DeliveryReason.QUIET_HOURS_PASSED)
    ends = [quiet_until(each.quiet_hours, question.now) if each.quiet_hours else None for each in wanting]
    waits = [end for end in ends if end is not None]
    if len(waits) < len(ends) or not waits:
        return passage.says(Gate.QUIET_HOURS, DeliveryReason.NOT_QUIET)
    return replace(passage.says(Gate.QUIET_HOURS, DeliveryReason.QUIET_HOURS), not_before=min(waits))


def digest(question: Question, passage: Passage) -> Passage:
    """L1 waits for the digest, L0 is a record; a thread that was told at once stays told at once."""
    if not question.member and question.event.level is Level.L0:
        return passage.stops(Gate.DIGEST, DeliveryReason.RECORD_ONLY)
    if not question.member and question.event.level is Level.L1:
        return passage.stops(Gate.DIGEST, DeliveryReason.DIGEST)
    return passage.says(Gate.DIGEST, DeliveryReason.AT_ONCE)


def merge(question: Question, passage: Passage) -> Passage:
    """Several subscriptions of one destination make one delivery that names them all."""
    return passage.says(Gate.MERGE, DeliveryReason.MERGED if len(passage.wanting) > 1 else DeliveryReason.ALONE)


ORDER: Final[tuple[Callable[[Question, Passage], Passage], ...]] = (
    destination, tense, handling, obligation, filtered, quiet_hours, digest, merge,
)  # fmt: skip


def pass_through(question: Question) -> Passage:
    """All gates in their order, up to the first that stops. They look at the event as this reader may see it; where
    that is nothing, at the whole of it."""
    target = question.recipient.destination
    visible = shown_to(question.event, target.clearance, accepts_conditions=target.accepts_conditions)
    question = question if visible is None else replace(question, event=visible)
    passage = Passage()
    for gate in ORDER:
        passage = gate(question, passage)
        if passage.stopped:
            break
    return passage


def _either(passes: bool, yes: DeliveryReason, no: DeliveryReason) -> tuple[DeliveryReason, bool]:
    return (yes if passes else no), passes


def _barrier(question: Question) -> DeliveryReason | None:
    event, target = question.event, question.recipient.destination
    if target.clearance is None:
        return DeliveryReason.AUDIENCE_BROKEN
    if event.audience is Audience.PRECURSOR and not target.precursors:
        return DeliveryReason.NOT_PRECURSOR_AUDIENCE
    if event.use_conditions and not target.accepts_conditions:
        return DeliveryReason.USE_CONDITIONS
    return None if event.handling.within(target.clearance) else DeliveryReason.HANDLING


def _content(question: Question) -> Content:
    target = question.recipient.destination
    choose = mail_content if target.channel is Channel.EMAIL else webhook_content
    return choose(question.event.handling, clearance=target.clearance or Handling.CLEAR)


def _duty(question: Question, subscription: Subscription) -> DeliveryReason:
    if question.event.level >= Level.L3:
        return DeliveryReason.STATUTORY_LEVEL
    country = question.recipient.country
    affected = question.event.affected
    if country in affected or selects(subscription.countries, affected):
        return DeliveryReason.STATUTORY_COUNTRY
    return DeliveryReason.STATUTORY_NOT_CONCERNED


def _match(event: AlertEvent, subscription: Subscription) -> DeliveryReason:
    if event.level < subscription.min_level:
        return DeliveryReason.FILTER_LEVEL
    if not selects(subscription.countries, event.affected):
        return DeliveryReason.FILTER_COUNTRY
    if not selects(subscription.classes, _words(event.substance.category, event.substance.subgroup)):
        return DeliveryReason.FILTER_CLASS
    if not selects(_words(*subscription.substances), _words(event.substance.key, event.substance.name)):
        return DeliveryReason.FILTER_SUBSTANCE
    return DeliveryReason.FILTER_MATCHES if subscription.filter is None else _asked(event, subscription.filter)


def _asked(event: AlertEvent, question: str) -> DeliveryReason:
    """A filter that cannot be answered delivers nothing, says so in its row, and harms nobody else."""
    try:
        wanted = matches(question, event)
    except FilterFailed:
        return DeliveryReason.FILTER_FAILED
    return DeliveryReason.FILTER_MATCHES if wanted else DeliveryReason.FILTER_EXPRESSION


def _words(*words: str | None) -> frozenset[str]:
    return frozenset(word.casefold() for word in words if word is not None)
