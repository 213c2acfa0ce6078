"""Who suspended or resumed a laboratory, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "laboratory_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_laboratory_log"),
    )
    op.create_index("ix_laboratory_log_laboratory_id", "laboratory_log", ["laboratory", "id"])


def downgrade() -> None:
    op.drop_table("laboratory_log")
