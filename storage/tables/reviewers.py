"""Tables of what reviewers decide: restricted threads, reports that are one event, formal notifications."""

from typing import Final

from sqlalchemy import Column, Date, DateTime, Index, Integer, Sequence, Table, Text, UniqueConstraint, Uuid, func

from storage.tables.base import metadata

restricted_threads: Final = Table(
    "restricted_threads",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decision", Text),
    Column("actor", Text),
    Column("reason", Text),
    Column("at", DateTime(timezone=True)),
)
Index(
    "ix_restricted_threads_undecided",
    restricted_threads.c.alert_id,
    unique=True,
    postgresql_where=restricted_threads.c.decision.is_(None),
)
"""Revisions with which readers who had been told lost sight of an alert. At most one of a thread is undecided."""

confirmed_twins: Final = Table(
    "confirmed_twins",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("other_laboratory", Text, primary_key=True),
    Column("other_event_id", Uuid, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Reports of two bodies of which a person said that they are one event: they are suggested no more."""

notification_numbers: Final = Sequence("notification_numbers", metadata=metadata)
"""Numbers of formal notifications; gaps are allowed."""

notifications: Final = Table(
    "notifications",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("number"),
)
"""Drafts that were opened by themselves: the first alert that told of something new to the Union."""

notification_steps: Final = Table(
    "notification_steps",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("done_on", Date, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Which step of Art. 8 to 10 was taken when; the time limit of the next runs from it."""
