"""From outbox to ledger: plans each alert event once, in id order; its last rows and `planned_at` commit together.

An event for many is planned in portions, each committed, so that the first are told while the last are still planned.
Who they are, and whether a second person must agree, is decided before the first portion.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from notifiers.escalation import awaited
from notifiers.planning import Policy, divisible, plan, portion, refusal
from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryReason, DeliveryState, HoldReason
from schemas.plans import Hold, Plan, Thread
from schemas.subscribers import Recipient
from storage import audiences, escalation, outbox, releasing, subscribers, threads
from storage.outbox import Stored

BATCH: Final = 50
"""Events planned in one transaction, and rows after which it ends early: what is planned waits for its commit."""

ROWS: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Portions:
    """How many recipients are planned at once: few at first, to whom the first mails go."""

    first: int = 24
    further: int = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatched:
    """What one round did: events by fate (`begun`: planned for some of their recipients), rows by state and reason, and
    how many may be sent now."""

    planned: int = 0
    begun: int = 0
    outdated: int = 0
    held: tuple[Hold, ...] = ()
    to_send: int = 0
    superseded: int = 0
    rows: Mapping[tuple[DeliveryState, DeliveryReason], int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return self.planned + self.begun + self.outdated + len(self.held)


def dispatch(engine: Engine, *, policy: Policy, limit: int = BATCH, portions: Portions = Portions()) -> Dispatched:
    """Plan the next events, or the next portion of one. No input or output with the outside: whoever sends finds
    committed rows. Nothing when another process is at it."""
    with engine.begin() as connection:
        if not threads.only_dispatcher(connection):
            return Dispatched()
        waiting = outbox.unplanned(connection, limit)
        if not waiting:
            return Dispatched()
        this = _Round(connection, policy, portions, threads.now(connection))
        this.plan(waiting)
        outbox.mark_planned(connection, [each.id for each in this.finished])
        audiences.end(connection, [each.event_id for each in this.finished])
    return this.summary()


@dataclass
class _Round:
    """What is planned in one transaction."""

    connection: Connection
    policy: Policy
    portions: Portions
    now: datetime
    plans: list[Plan] = field(default_factory=list)
    finished: list[Stored] = field(default_factory=list)
    begun: bool = False
    """Whether the round ended with some of the recipients of an event."""

    def plan(self, waiting: Sequence[Stored]) -> None:
        """In order, until a portion ends the round or the rows are enough."""
        for stored in waiting:
            if self.begun or sum(len(made.deliveries) for made in self.plans) >= ROWS:
                return
            if stored not in self.finished:
                self._take(stored)

    def _take(self, stored: Stored) -> None:
        event = _read(stored)
        if isinstance(event, Hold):
            threads.hold(self.connection, None, event, event_id=stored.event_id, outbox_id=stored.id)
            self._finish(stored, Plan(hold=event))
            return
        threads.lock(self.connection, event.alert_id)
        everybody = self._audience(stored)
        size = self.portions.further if stored.event_id in self._in_portions else self.portions.first
        if len(everybody) <= size or not divisible(event):
            self._whole(stored, event)
        elif len(together := outbox.unplanned_of(self.connection, event.alert_id)) > 1:
            self._thread(together)
        else:
            self._portion(stored, event, everybody, size)

    def _thread(self, together: Sequence[Stored]) -> None:
        """A newer revision waits already: nobody is told the older one meanwhile."""
        for stored in together:
            event = _read(stored)
            if isinstance(event, Hold):
                return
            self._whole(stored, event)

    def _whole(self, stored: Stored, event: AlertEvent) -> None:
        """All that are left of its recipients."""
        resumed = stored.event_id in self._in_portions
        audience = self._recipients(self._audience(stored) if resumed else None)
        ids = [each.destination.id for each in audience] if resumed else None
        thread = threads.load(self.connection, event.alert_id, ids)
        if resumed:
            made = portion(event, audience, thread=thread, now=self.now)
        else:
            made = self._planned(event, audience, thread)
        self._write(stored, event, made, audience)
        self._finish(stored, made)

    def _portion(self, stored: Stored, event: AlertEvent, left: Sequence[str], size: int) -> None:
        resumed = stored.event_id in self._in_portions
        if not resumed and (refused := self._refused(event)) is not None:
            self._write(stored, event, refused, ())
            self._finish(stored, refused)
            return
        audience = self._recipients(left[:size])
        thread = threads.load(self.connection, event.alert_id, left[:size])
        made = portion(event, audience, thread=thread, now=self.now)
        self._write(stored, event, made, audience)
        if resumed:
            audiences.advance(self.connection, stored.event_id, size)
        else:
            audiences.begin(self.connection, stored.event_id, event.alert_id, left, done=size)
        self.plans.append(made)
        self.begun = True

    def _refused(self, event: AlertEvent) -> Plan | None:
        """Whether the event is told at all, looked at once for all of its recipients."""
        thread = threads.load(self.connection, event.alert_id, ())
        if (refused := refusal(event, thread)) is not None:
            return refused
        if len(self._everybody) <= self.policy.blast_limit:
            return None
        made = self._planned(event, self._recipients(), threads.load(self.connection, event.alert_id))
        return made if made.hold is not None else None

    def _planned(self, event: AlertEvent, audience: Sequence[Recipient], thread: Thread) -> Plan:
        made = plan(event, audience, thread=thread, policy=self.policy, now=self.now)
        if _too_many(made) and releasing.is_released(self.connection, event.event_id):
            unlimited = self.policy.model_copy(update={"blast_limit": len(audience)})
            made = plan(event, audience, thread=thread, policy=unlimited, now=self.now)
        return made

    def _write(self, stored: Stored, event: AlertEvent, made: Plan, audience: Sequence[Recipient]) -> None:
        threads.seen(self.connection, event)
        if made.hold is not None:
            threads.hold(self.connection, event, made.hold, event_id=stored.event_id, outbox_id=stored.id)
        elif not made.outdated:
            threads.record(self.connection, event, deliveries=made.deliveries, superseded=made.superseded)
            escalation.begin(self.connection, event, subscribers=sorted(awaited(event, made, audience)))

    def _finish(self, stored: Stored, made: Plan) -> None:
        self.plans.append(made)
        self.finished.append(stored)

    def _audience(self, stored: Stored) -> tuple[str, ...]:
        """Who is left of an event that was begun, else everybody."""
        if stored.event_id in self._in_portions:
            return audiences.left(self.connection, stored.event_id)
        return self._everybody

    def _recipients(self, ids: Sequence[str] | None = None) -> Sequence[Recipient]:
        return self._all if ids is None else subscribers.recipients(self.connection, ids)

    @cached_property
    def _all(self) -> tuple[Recipient, ...]:
        return subscribers.recipients(self.connection)

    @cached_property
    def _everybody(self) -> tuple[str, ...]:
        return audiences.everybody(self.connection)

    @cached_property
    def _in_portions(self) -> frozenset[UUID]:
        return audiences.begun(self.connection)

    def summary(self) -> Dispatched:
        """The figures of the round."""
        holds = tuple(made.hold for made in self.plans if made.hold is not None)
        outdated = sum(made.outdated for made in self.plans)
        rows = Counter((each.state, each.reason) for made in self.plans for each in made.deliveries)
        rows.update((DeliveryState.SUPERSEDED, each.reason) for made in self.plans for each in made.superseded)
        return Dispatched(
            planned=len(self.finished) - outdated - len(holds),
            begun=int(self.begun),
            outdated=outdated,
            held=holds,
            to_send=sum(len(made.to_send) for made in self.plans),
            superseded=sum(len(made.superseded) for made in self.plans),
            rows=rows,
        )


def _too_many(made: Plan) -> bool:
    return made.hold is not None and made.hold.reason is HoldReason.BLAST_LIMIT


def _read(stored: outbox.Stored) -> AlertEvent | Hold:
    """An event that cannot be read has a broken audience: it is held, and nobody is told (P5)."""
    try:
        return AlertEvent.model_validate_json(stored.body)
    except ValidationError as error:
        fields = ", ".join(sorted({"/" + "/".join(map(str, each["loc"])) for each in error.errors()}))
        sentence = f"alert event {stored.event_id} (outbox {stored.id}) cannot be read at {fields}: nobody was told"
        return Hold(reason=HoldReason.UNREADABLE, sentence=sentence)
