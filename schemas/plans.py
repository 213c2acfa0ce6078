"""What planning reads (the thread so far) and what it decides (deliveries, each with its reasons)."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from schemas.base import Frozen
from schemas.deliveries import Channel, Content, DeliveryReason, DeliveryState, Gate, HoldReason, Purpose
from schemas.vocabularies import AlertKind, Level, Tense

OPEN_STATES = frozenset({DeliveryState.PLANNED, DeliveryState.SENDING, DeliveryState.DEFERRED, DeliveryState.UNKNOWN})
"""What may still move."""


class GateNote(Frozen):
    """What one gate said; with the subscription it said it of, where it looked at one."""

    gate: Gate
    reason: DeliveryReason
    subscription: str | None = None


class ThreadDelivery(Frozen):
    """One delivery of earlier revisions, as far as planning must know it."""

    delivery_id: str
    destination: str
    revision: int
    purpose: Purpose
    state: DeliveryState
    attempts: int
    priority: int
    due_at: AwareDatetime | None
    in_thread: bool

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES


class Disclosure(StrEnum):
    """What readers may hear who were told of an alert and lost sight of it when it became more restricted."""

    OPEN = "open"
    """Nobody lost sight of it."""
    UNDECIDED = "undecided"
    """Nothing, until a reviewer has decided."""
    RELEASED = "released"
    """That something waits for them, and no more."""
    WITHHELD = "withheld"
    """Nothing more; a cancellation still reaches them."""


class Thread(Frozen):
    """What has been planned for one alert. `tense` is None before its first revision."""

    alert_id: str
    tense: Tense | None = None
    planned_revision: int = 0
    disclosure: Disclosure = Disclosure.OPEN
    deliveries: tuple[ThreadDelivery, ...] = ()


class PlannedDelivery(Frozen):
    """One row for the ledger: `planned` with a due time, or `suppressed` with the reason of the gate that said so."""

    delivery_id: str
    event_id: UUID
    alert_id: str
    number: str
    revision: int
    kind: AlertKind
    purpose: Purpose
    destination: str
    channel: Channel
    content: Content
    tense: Tense
    level: Level
    priority: int
    statutory: bool
    in_thread: bool
    state: DeliveryState
    reason: DeliveryReason
    gates: tuple[GateNote, ...]
    subscriptions: tuple[str, ...]
    due_at: AwareDatetime | None
    decided_at: AwareDatetime


class Superseded(Frozen):
    """An earlier delivery that will not be tried any more, and why."""

    delivery_id: str
    reason: DeliveryReason


class Hold(Frozen):
    """Why an event was stopped before anybody was told; `planned` counts who would have been."""

    reason: HoldReason
    sentence: str
    planned: int = 0


class Plan(Frozen):
    """Everything one event changes in the ledger. `outdated`: a newer revision was planned already, nothing changes."""

    deliveries: tuple[PlannedDelivery, ...] = ()
    superseded: tuple[Superseded, ...] = ()
    hold: Hold | None = None
    outdated: bool = False

    @property
    def to_send(self) -> tuple[PlannedDelivery, ...]:
        return tuple(delivery for delivery in self.deliveries if delivery.state is DeliveryState.PLANNED)
