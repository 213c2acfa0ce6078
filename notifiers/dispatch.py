"""From outbox to ledger: plans each alert event once, in id order, rows and `planned_at` in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from notifiers.escalation import awaited
from notifiers.planning import Policy, plan
from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryReason, DeliveryState, HoldReason
from schemas.plans import Hold, Plan
from schemas.subscribers import Recipient
from storage import escalation, outbox, releasing, subscribers, threads

BATCH: Final = 50
"""Events planned in one transaction, and rows after which it ends early: short enough for its time-outs."""

ROWS: Final = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatched:
    """What one round did: events by fate, rows by state and reason, and how many may be sent now."""

    planned: int = 0
    outdated: int = 0
    held: tuple[Hold, ...] = ()
    to_send: int = 0
    superseded: int = 0
    rows: Mapping[tuple[DeliveryState, DeliveryReason], int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return self.planned + self.outdated + len(self.held)


def dispatch(engine: Engine, *, policy: Policy, limit: int = BATCH) -> Dispatched:
    """Plan the next events. No input or output with the outside: whoever sends finds committed rows. Nothing when
    another process is at it."""
    with engine.begin() as connection:
        if not threads.only_dispatcher(connection):
            return Dispatched()
        waiting = outbox.unplanned(connection, limit)
        if not waiting:
            return Dispatched()
        audience, now = subscribers.recipients(connection), threads.now(connection)
        plans: list[Plan] = []
        for stored in waiting:
            plans.append(_one(connection, stored, audience, policy=policy, now=now))
            if sum(len(made.deliveries) for made in plans) >= ROWS:
                break
        outbox.mark_planned(connection, [stored.id for stored in waiting[: len(plans)]])
    return _summary(plans)


def _one(
    connection: Connection,
    stored: outbox.Stored,
    audience: Sequence[Recipient],
    *,
    policy: Policy,
    now: datetime,
) -> Plan:
    event = _read(stored)
    if isinstance(event, Hold):
        threads.hold(connection, None, event, event_id=stored.event_id, outbox_id=stored.id)
        return Plan(hold=event)
    threads.lock(connection, event.alert_id)
    thread = threads.load(connection, event.alert_id)
    made = plan(event, audience, thread=thread, policy=policy, now=now)
    if _too_many(made) and releasing.is_released(connection, event.event_id):
        unlimited = policy.model_copy(update={"blast_limit": len(audience)})
        made = plan(event, audience, thread=thread, policy=unlimited, now=now)
    threads.seen(connection, event)
    if made.hold is not None:
        threads.hold(connection, event, made.hold, event_id=stored.event_id, outbox_id=stored.id)
    elif not made.outdated:
        threads.record(connection, event, deliveries=made.deliveries, superseded=made.superseded)
        escalation.begin(connection, event, subscribers=sorted(awaited(event, made, audience)))
    return made


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


def _summary(plans: Sequence[Plan]) -> Dispatched:
    holds = tuple(made.hold for made in plans if made.hold is not None)
    outdated = sum(made.outdated for made in plans)
    rows = Counter((each.state, each.reason) for made in plans for each in made.deliveries)
    rows.update((DeliveryState.SUPERSEDED, each.reason) for made in plans for each in made.superseded)
    return Dispatched(
        planned=len(plans) - outdated - len(holds),
        outdated=outdated,
        held=holds,
        to_send=sum(len(made.to_send) for made in plans),
        superseded=sum(len(made.superseded) for made in plans),
        rows=rows,
    )
