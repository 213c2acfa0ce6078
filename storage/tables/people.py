"""Tables of what people decide: who may, what they released, approved, merged and split."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.base import metadata

people: Final = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("country", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
)
"""Who may decide what. No names: an id that the organisation can resolve is enough."""

people_log: Final = Table(
    "people_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("country", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_people_log_person_id", "person", "id"),
)
"""Append-only: what each person might decide from when on, and who said so. By person: its history."""

public_releases: Final = Table(
    "public_releases",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("country", Text, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""The revisions that a reviewer of a country released to its public."""

held_approvals: Final = Table(
    "held_approvals",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Who approved that a held alert event reaches more recipients than the limit; the second one releases it."""

case_routes: Final = Table(
    "case_routes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("ledger", Text, nullable=False),
    Column("from_key", Text, nullable=False),
    Column("to_key", Text, nullable=False),
    Column("laboratory", Text),
    Column("event_id", Uuid),
    Column("case_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("undone_at", DateTime(timezone=True)),
)
Index(
    "ix_case_routes_ledger_from_key",
    case_routes.c.ledger,
    case_routes.c.from_key,
    postgresql_where=case_routes.c.undone_at.is_(None),
)
"""Which key a person sent to which: a whole one (merged), or one report of it (split). By key: where reports go now."""
