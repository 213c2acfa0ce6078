"""Who is told of an event that is planned in portions, and how far that is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0024"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "event_audiences",
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("destinations", ARRAY(sa.Text), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("event_id", name="pk_event_audiences"),
    )


def downgrade() -> None:
    op.drop_table("event_audiences")
