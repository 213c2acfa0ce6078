"""Ways to destinations: protection, confirmation, rotation, failing; what came back of mails.

Webhooks that were there before count as confirmed: they get alerts already.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0020"


def _moment(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True))


def _now() -> "sa.Column[object]":
    return sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("destination_id", sa.Text, nullable=False),
        sa.Column("security", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("previous_secret", sa.Text),
        _moment("previous_until"),
        _moment("confirmed_at"),
        sa.Column("confirmed_by", sa.Text),
        _moment("failing_since"),
        _moment("noticed_at"),
        sa.PrimaryKeyConstraint("destination_id", name="pk_endpoints"),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_endpoints_destination_id_destinations"
        ),
    )
    op.execute(
        "INSERT INTO endpoints (destination_id, confirmed_at, confirmed_by, noticed_at) "
        "SELECT id, now(), 'migration', CASE WHEN suppressed IS NOT NULL THEN now() END "
        "FROM destinations WHERE channel = 'webhook'"
    )
    op.create_table(
        "destination_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("destination_id", sa.Text, nullable=False),
        _now(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("action", "by", "reason")),
        sa.PrimaryKeyConstraint("id", name="pk_destination_log"),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_destination_log_destination_id_destinations"
        ),
    )
    op.create_index("ix_destination_log_destination_id", "destination_log", ["destination_id"])
    op.create_table(
        "bounces",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("delivery_id", "digest")),
        _now(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("came", "status", "said")),
        sa.PrimaryKeyConstraint("delivery_id", "digest", name="pk_bounces"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.delivery_id"], name="fk_bounces_delivery_id_deliveries"),
    )


def downgrade() -> None:
    op.drop_table("bounces")
    op.drop_index("ix_destination_log_destination_id", "destination_log")
    op.drop_table("destination_log")
    op.drop_table("endpoints")
