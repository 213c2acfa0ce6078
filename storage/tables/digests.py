"""Tables of digests: one row for each destination and window, in the ledger or with nothing to say."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Table, Text, func

from storage.tables.base import metadata

digests: Final = Table(
    "digests",
    metadata,
    Column("digest_id", Text, primary_key=True),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False),
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("window_end", DateTime(timezone=True), nullable=False),
    Column("planned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("empty", Boolean, nullable=False),
)
"""Unique by destination and end of window through the id, which is a hash of both: never a second one. What is not
empty is the delivery of the same id."""
