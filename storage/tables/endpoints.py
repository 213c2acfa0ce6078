"""Tables of the ways to destinations: how each is protected, whether it was confirmed, and what came back of mails."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import metadata


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


endpoints: Final = Table(
    "endpoints",
    metadata,
    Column("destination_id", Text, ForeignKey("destinations.id"), primary_key=True),
    Column("security", JSONB, nullable=False, server_default=text("'{}'")),
    Column("previous_secret", Text),
    _moment("previous_until"),
    _moment("confirmed_at"),
    Column("confirmed_by", Text),
    _moment("failing_since"),
    _moment("noticed_at"),
)
"""Beside `destinations`, one row each. `previous_secret` signs too until `previous_until`; a webhook without
`confirmed_at` gets no alert; `failing_since` is the first failure after the last success; `noticed_at` is when its
owner was told that it was switched off."""

destination_log: Final = Table(
    "destination_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("action", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Who confirmed, rotated, switched off or on again, and why. Append-only."""

bounces: Final = Table(
    "bounces",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("came", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("said", Text, nullable=False),
)
"""Each mail that came back about a delivery, once. `digest` is of its bytes, so that a repeat changes nothing."""
