"""The catalogue as versioned rows, what names were settled as, and the work that follows from it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0010"

STANDS = sa.text("until IS NULL")

HOLD = """
    CREATE FUNCTION hold_catalogue(lock bigint) RETURNS SETOF catalogue_versions LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(lock);
        RETURN QUERY SELECT * FROM catalogue_versions ORDER BY number DESC LIMIT 1;
    END $$
"""
"""Two statements of which the second sees what was committed while the first waited, in one round trip."""


def upgrade() -> None:
    _catalogue()
    op.execute(HOLD)
    _names()
    op.add_column("detections", sa.Column("catalogue", sa.Text))
    op.add_column("findings", sa.Column("review_key", sa.Text))
    op.execute("UPDATE findings SET review_key = substance WHERE rung = 'R6' AND substance NOT LIKE 'U:%'")
    op.create_index(
        "ix_findings_review_key", "findings", ["review_key"], postgresql_where=sa.text("review_key IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_findings_review_key", "findings")
    op.drop_column("findings", "review_key")
    op.drop_column("detections", "catalogue")
    op.execute("DROP FUNCTION hold_catalogue(bigint)")
    for table in ("identity_jobs", "substance_names", "catalogue_lists", "substances", "catalogue_versions"):
        op.drop_table(table)


def _catalogue() -> None:
    op.create_table(
        "catalogue_versions",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_catalogue_versions"),
    )
    op.create_table(
        "substances",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer),
        sa.Column("shipped", sa.Boolean, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("key", "since", name="pk_substances"),
    )
    op.create_index("uq_substances_stands", "substances", ["key"], unique=True, postgresql_where=STANDS)
    op.create_table(
        "catalogue_lists",
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer),
        sa.Column("shipped", sa.Boolean, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("list", "key", "since", name="pk_catalogue_lists"),
    )
    op.create_index(
        "uq_catalogue_lists_stands", "catalogue_lists", ["list", "key"], unique=True, postgresql_where=STANDS
    )


def _names() -> None:
    op.create_table(
        "substance_names",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("review_key", sa.Text, nullable=False),
        sa.Column("substance", sa.Text, nullable=False),
        sa.Column("inchikey", sa.Text),
        sa.Column("smiles", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reporter", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer),
        sa.Column("undone_by", sa.Text),
        sa.Column("undone_reason", sa.Text),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_substance_names"),
    )
    op.create_index(
        "uq_substance_names_stands",
        "substance_names",
        ["laboratory", "review_key"],
        unique=True,
        postgresql_where=STANDS,
    )
    op.create_table(
        "identity_jobs",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("review_key", sa.Text, nullable=False),
        sa.Column("assertion", sa.BigInteger),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_identity_jobs"),
    )
    op.create_index(
        "uq_identity_jobs_queued",
        "identity_jobs",
        ["kind", "review_key"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
