"""Digests: one row for each destination and window; what a subscriber wishes for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("digest", JSONB))
    op.create_table(
        "digests",
        sa.Column("digest_id", sa.Text, nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.Text),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("digest_id", name="pk_digests"),
        sa.ForeignKeyConstraint(["destination_id"], ["destinations.id"], name="fk_digests_destination_id_destinations"),
        sa.CheckConstraint(
            "state IN ('empty', 'planned', 'sending', 'accepted', 'unknown', 'failed')", name="ck_digests_state"
        ),
    )
    op.create_index("ix_digests_due_at", "digests", ["due_at"], postgresql_where=sa.text("state = 'planned'"))


def downgrade() -> None:
    op.drop_table("digests")
    op.drop_column("subscriptions", "digest")
