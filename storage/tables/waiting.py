"""Revisions that came before the event they speak of: kept until it comes, for 30 days at most."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import Index

from storage.tables.base import metadata

waiting_revisions: Final = Table(
    "waiting_revisions",
    metadata,
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Index("ix_waiting_revisions_event_id", "event_id"),
    Index("ix_waiting_revisions_expires_at", "expires_at"),
)
"""The record as it came. By event: what an arriving event finds; by expiry: what becomes a dead letter."""
