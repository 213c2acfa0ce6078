"""What the audit asks: since when a destination hangs on a subscription, and the alert events of an alert."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    op.add_column(
        "subscription_destinations",
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index(
        "ix_outbox_alert_events",
        "outbox",
        [sa.text("(body ->> 'alert_id')")],
        postgresql_where=sa.text("topic = 'alert-events'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_alert_events", "outbox")
    op.drop_column("subscription_destinations", "linked_at")
