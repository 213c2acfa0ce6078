"""Revisions that wait for their event; dead letters of those that waited in vain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "waiting_revisions",
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("laboratory", "event_id", "revision", name="pk_waiting_revisions"),
    )
    op.create_index("ix_waiting_revisions_event_id", "waiting_revisions", ["event_id"])
    op.create_index("ix_waiting_revisions_expires_at", "waiting_revisions", ["expires_at"])
    op.add_column("dead_letters", sa.Column("waited", sa.Boolean, nullable=False, server_default=sa.text("false")))


def downgrade() -> None:
    op.drop_column("dead_letters", "waited")
    op.drop_table("waiting_revisions")
