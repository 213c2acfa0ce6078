"""What a finding rests on: the rungs that answered, the class rules that matched, the most alike listed substance."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("findings", sa.Column("rungs", sa.Text, nullable=False, server_default=""))
    op.add_column("findings", sa.Column("class_rules", sa.Text, nullable=False, server_default=""))
    op.add_column("findings", sa.Column("nearest", sa.Text))
    op.add_column("findings", sa.Column("likeness", sa.Double))


def downgrade() -> None:
    for column in ("likeness", "nearest", "class_rules", "rungs"):
        op.drop_column("findings", column)
