"""What a voluntary subscriber may wish for: quiet hours, and a filter in CEL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("quiet_hours", JSONB))
    op.add_column("subscriptions", sa.Column("filter", sa.Text))


def downgrade() -> None:
    op.drop_column("subscriptions", "filter")
    op.drop_column("subscriptions", "quiet_hours")
