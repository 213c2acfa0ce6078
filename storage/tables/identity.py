"""Tables of what is known of substances: the catalogue by versions, settled names, and the work they cause."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import metadata

catalogue_versions: Final = Table(
    "catalogue_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Each version in its order, with the digest of its content, and who made it and why."""

substances: Final = Table(
    "substances",
    metadata,
    Column("key", Text, primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer),
    Column("shipped", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("uq_substances_stands", "key", unique=True, postgresql_where=text("until IS NULL")),
)
"""One substance from one version until another. One row of a key stands; a release replaces shipped ones only."""

catalogue_lists: Final = Table(
    "catalogue_lists",
    metadata,
    Column("list", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer),
    Column("shipped", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("uq_catalogue_lists_stands", "list", "key", unique=True, postgresql_where=text("until IS NULL")),
)
"""The same for stereo variants and street names."""

substance_names: Final = Table(
    "substance_names",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("laboratory", Text, nullable=False),
    Column("review_key", Text, nullable=False),
    Column("substance", Text, nullable=False),
    Column("inchikey", Text),
    Column("smiles", Text),
    Column("source", Text, nullable=False),
    Column("reporter", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("since", Integer, nullable=False),
    Column("until", Integer),
    Column("undone_by", Text),
    Column("undone_reason", Text),
    Column("undone_at", DateTime(timezone=True)),
    Index(
        "uq_substance_names_stands",
        "laboratory",
        "review_key",
        unique=True,
        postgresql_where=text("until IS NULL"),
    ),
)
"""What a name was settled as, for one laboratory or (empty) for all: an assertion, ended when it is undone."""

identity_jobs: Final = Table(
    "identity_jobs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("review_key", Text, nullable=False),
    Column("assertion", BigInteger),
    Column("queued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("done_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Index(
        "uq_identity_jobs_queued",
        "kind",
        "review_key",
        unique=True,
        postgresql_where=text("done_at IS NULL"),
    ),
)
"""Findings to be identified anew; a job is done in the transaction of its effect. One of a kind waits at a time."""
