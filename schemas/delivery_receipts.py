"""What the topic `delivery-receipts` carries: the outcome of one delivery. Never an address."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Frozen
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, OutcomeReason, Purpose
from schemas.values import refusal

FINAL_STATES: tuple[DeliveryState, ...] = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.ACKNOWLEDGED,
    DeliveryState.UNKNOWN,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.EXPIRED,
    DeliveryState.SUPERSEDED,
)
"""What a receipt is written for: the outcome of an attempt, or that there will be none. `unknown` may be retried."""


class DeliveryReceipt(Frozen):
    """How a delivery came out. `destination_id` is an opaque id; `attempts` counts those made so far,
    `first_attempt_at` and `last_attempt_at` are when the first and the last of them began; `epoch` is that of the
    database that knew it."""

    schema_version: Literal["1.0"] = "1.0"
    delivery_id: str = Field(pattern="^[0-9a-f]{32}$")
    alert_id: str = Field(pattern="^[0-9a-f]{32}$")
    revision: int = Field(ge=1, strict=True)
    destination_id: str = Field(min_length=1, max_length=64)
    channel: Channel
    purpose: Purpose
    state: DeliveryState
    reason: DeliveryReason | OutcomeReason | None = None
    attempts: int = Field(ge=0, strict=True)
    first_attempt_at: AwareDatetime | None = None
    last_attempt_at: AwareDatetime | None = None
    planned_at: AwareDatetime
    changed_at: AwareDatetime
    epoch: int = Field(ge=1, strict=True)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.changed_at < self.planned_at:
            raise refusal("must not have changed before it was planned")
        return self
