"""Tables of digests: one row for each destination and window, sent or with nothing to say."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import metadata

digests: Final = Table(
    "digests",
    metadata,
    Column("digest_id", Text, primary_key=True),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False),
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("window_end", DateTime(timezone=True), nullable=False),
    Column("body", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),
    Column("answer", Text),
    Column("planned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("sent_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('empty', 'planned', 'sending', 'accepted', 'unknown', 'failed')", name="state"),
)
"""Unique by destination and end of window through the id, which is a hash of both: never a second one."""
Index("ix_digests_due_at", digests.c.due_at, postgresql_where=text("state = 'planned'"))
"""The courier's look for what is due; small, because rows leave it when they are sent."""
