"""What reconciliation has found and paged already, so that a courier that starts does not page it again."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "reconciliation_findings",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("gap", sa.Text, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("alert_id", "revision", "destination_id", "gap", name="pk_reconciliation_findings"),
    )


def downgrade() -> None:
    op.drop_table("reconciliation_findings")
