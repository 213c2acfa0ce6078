"""What comes back: acknowledgements, measures, and the keys that links are signed with."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_acknowledgements"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.delivery_id"], name="fk_acknowledgements_delivery_id_deliveries"
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_acknowledgements_destination_id_destinations"
        ),
        sa.CheckConstraint("way IN ('link', 'webhook', 'command')", name="ck_acknowledgements_way"),
    )
    op.create_index("ix_acknowledgements_alert_id", "acknowledgements", ["alert_id"])
    op.create_table(
        "measures",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_measures"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.delivery_id"], name="fk_measures_delivery_id_deliveries"),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_measures_destination_id_destinations"
        ),
    )
    op.create_index("ix_measures_alert_id", "measures", ["alert_id"])
    op.create_table(
        "unsubscriptions",
        sa.Column("subscription_id", sa.Text, nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("subscription_id", "destination_id", name="pk_unsubscriptions"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_unsubscriptions_subscription_id_subscriptions"
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_unsubscriptions_destination_id_destinations"
        ),
    )
    op.create_table(
        "site_keys",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("name", name="pk_site_keys"),
    )


def downgrade() -> None:
    op.drop_table("site_keys")
    op.drop_table("unsubscriptions")
    op.drop_table("measures")
    op.drop_table("acknowledgements")
