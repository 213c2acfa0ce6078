"""What reviewers decide: threads that became more restricted, reports that are one event, steps of a notification."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "restricted_threads",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("decision", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("alert_id", "revision", name="pk_restricted_threads"),
    )
    op.create_index(
        "ix_restricted_threads_undecided",
        "restricted_threads",
        ["alert_id"],
        unique=True,
        postgresql_where=sa.text("decision IS NULL"),
    )
    op.create_table(
        "confirmed_twins",
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("other_laboratory", sa.Text, nullable=False),
        sa.Column("other_event_id", sa.Uuid, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "ledger", "laboratory", "event_id", "other_laboratory", "other_event_id", name="pk_confirmed_twins"
        ),
    )
    op.execute("CREATE SEQUENCE notification_numbers")
    op.create_table(
        "notifications",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_notifications"),
        sa.UniqueConstraint("number", name="uq_notifications_number"),
    )
    op.create_table(
        "notification_steps",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("done_on", sa.Date, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "step", name="pk_notification_steps"),
    )

    op.create_index(
        "ix_alerts_new_to_union",
        "alerts",
        ["case_id"],
        postgresql_where=sa.text("tense = 'actual' AND body->>'novelty' = 'new_to_union'"),
    )


def downgrade() -> None:
    op.drop_index("ix_alerts_new_to_union", "alerts")
    op.drop_table("notification_steps")
    op.drop_table("notifications")
    op.execute("DROP SEQUENCE notification_numbers")
    op.drop_table("confirmed_twins")
    op.drop_index("ix_restricted_threads_undecided", "restricted_threads")
    op.drop_table("restricted_threads")
