"""Tables of recovery: what was told before the database was restored, and who brought it up to date."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import metadata

told_before: Final = Table(
    "told_before",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("body", JSONB, nullable=False),
)
"""Alerts that were told beyond what the restored database knew; what is decided again about them is told to nobody."""

recoveries: Final = Table(
    "recoveries",
    metadata,
    Column("epoch", BigInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", JSONB, nullable=False),
)
"""Each `tocsin recover`: the epoch it began, who and why, and what it found."""
