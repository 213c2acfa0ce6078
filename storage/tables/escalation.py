"""Tables of escalation: the policy of each level, the steps that wait for an acknowledgement, and what was redriven;
and the gaps that reconciliation knows of."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.tables.base import metadata

escalation_policy: Final = Table(
    "escalation_policy",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("after_seconds", Integer, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
)
"""Which roles are told how long after the alert was planned, when nobody acknowledges. Copied into the steps of an
alert when it is planned: a later change does not touch it."""

escalation_changes: Final = Table(
    "escalation_changes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("steps", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Who changed the policy of a level, to what, and why. Append-only."""

escalation_steps: Final = Table(
    "escalation_steps",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("subscriber_id", Text, ForeignKey("subscribers.id"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("level", SmallInteger, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("reason", Text),
    Column("by", Text),
    Column("told", Integer),
    Column("planned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('waiting', 'fired', 'ended')", name="state"),
)
"""One step of one authority about one alert. `revision` began it; `told` is how many deliveries it planned; `by` is who
acknowledged. Leaves `waiting` once."""
Index("ix_escalation_steps_waiting", escalation_steps.c.due_at, postgresql_where=text("state = 'waiting'"))
"""What is due, looked at every second."""

redrives: Final = Table(
    "redrives",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("delivery_id", Text, ForeignKey("deliveries.delivery_id"), nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Deliveries that a person had tried again, under their old ids. Index: the story of one delivery."""

reconciliation_findings: Final = Table(
    "reconciliation_findings",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("destination_id", Text, primary_key=True),
    Column("gap", Text, primary_key=True),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""What the last look found wanting and paged; a row goes when the gap is closed. `destination_id` is empty for an event
that was not planned."""
