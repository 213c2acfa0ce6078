"""The table of events that are planned in portions."""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.base import metadata

event_audiences: Final = Table(
    "event_audiences",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("destinations", ARRAY(Text), nullable=False),
    Column("done", Integer, nullable=False),
    Column("begun_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""From the first portion to the last: who is told, in order, and how many of them are planned."""
