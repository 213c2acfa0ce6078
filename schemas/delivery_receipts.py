"""What the topic `delivery-receipts` carries: one change of state of one delivery. Never an address."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Frozen
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, OutcomeReason, Purpose
from schemas.values import refusal


class DeliveryReceipt(Frozen):
    """Where a delivery stands. `destination_id` is an opaque id; `attempts` counts those made so far."""

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
    planned_at: AwareDatetime
    changed_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.changed_at < self.planned_at:
            raise refusal("must not have changed before it was planned")
        return self
