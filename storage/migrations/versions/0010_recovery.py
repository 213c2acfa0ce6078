"""What was told before the database was restored, and who recovered it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "told_before",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_told_before"),
    )
    op.create_table(
        "recoveries",
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name="pk_recoveries"),
    )


def downgrade() -> None:
    op.drop_table("recoveries")
    op.drop_table("told_before")
