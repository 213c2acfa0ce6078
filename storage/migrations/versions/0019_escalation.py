"""Escalation: policies and steps as rows, roles of destinations, acknowledgements that outlive a send, redriving."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0019"
down_revision = "0016"

_LADDER = (
    (4, 1, 15 * 60, ["deputy", "second"]),
    (4, 2, 30 * 60, ["contact", "duty"]),
    (4, 3, 60 * 60, ["desk"]),
    (3, 1, 24 * 3600, ["contact"]),
)


def upgrade() -> None:
    op.add_column("destinations", sa.Column("role", sa.Text, nullable=False, server_default="contact"))
    op.add_column("destinations", sa.Column("on_duty", JSONB(none_as_null=True)))
    op.add_column("deliveries", sa.Column("acknowledged_at", sa.DateTime(timezone=True)))
    op.add_column("deliveries", sa.Column("schedule_from", sa.Integer, nullable=False, server_default=sa.text("0")))
    policy = op.create_table(
        "escalation_policy",
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("step", sa.SmallInteger, nullable=False),
        sa.Column("after_seconds", sa.Integer, nullable=False),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("level", "step", name="pk_escalation_policy"),
    )
    columns = ("level", "step", "after_seconds", "roles")
    op.bulk_insert(policy, [dict(zip(columns, row, strict=True)) for row in _LADDER])
    op.create_table(
        "escalation_changes",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_escalation_changes"),
    )
    op.create_table(
        "escalation_steps",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("step", sa.SmallInteger, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("reason", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("told", sa.Integer),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("alert_id", "subscriber_id", "revision", "step", name="pk_escalation_steps"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_escalation_steps_subscriber_id_subscribers"
        ),
        sa.CheckConstraint("state IN ('waiting', 'fired', 'ended')", name="ck_escalation_steps_state"),
    )
    op.create_index(
        "ix_escalation_steps_waiting", "escalation_steps", ["due_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "redrives",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_redrives"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.delivery_id"], name="fk_redrives_delivery_id_deliveries"),
    )
    op.create_index("ix_redrives_delivery_id", "redrives", ["delivery_id"])


def downgrade() -> None:
    for table in ("redrives", "escalation_steps", "escalation_changes", "escalation_policy"):
        op.drop_table(table)
    for table, columns in (("deliveries", ("schedule_from", "acknowledged_at")), ("destinations", ("on_duty", "role"))):
        for column in columns:
            op.drop_column(table, column)
