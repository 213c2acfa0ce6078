"""A digest is a delivery: its row keeps the window alone, the ledger has what was said and what came of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0026"


def upgrade() -> None:
    op.execute("DELETE FROM digests WHERE state = 'planned'")  # the next look plans them anew
    op.add_column("digests", sa.Column("empty", sa.Boolean))
    op.execute("UPDATE digests SET empty = (state = 'empty')")
    op.alter_column("digests", "empty", nullable=False)
    for column in ("body", "state", "attempts", "due_at", "answer", "sent_at"):
        op.drop_column("digests", column)


def downgrade() -> None:
    op.add_column("digests", sa.Column("body", JSONB, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("digests", sa.Column("state", sa.Text, nullable=False, server_default="accepted"))
    op.add_column("digests", sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("digests", sa.Column("due_at", sa.DateTime(timezone=True)))
    op.add_column("digests", sa.Column("answer", sa.Text))
    op.add_column("digests", sa.Column("sent_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        "ck_digests_state",
        "digests",
        "state IN ('empty', 'planned', 'sending', 'accepted', 'unknown', 'failed')",
    )
    op.execute("UPDATE digests SET state = 'empty' WHERE empty")
    op.alter_column("digests", "body", server_default=None)
    op.alter_column("digests", "state", server_default=None)
    op.drop_column("digests", "empty")
    op.create_index("ix_digests_due_at", "digests", ["due_at"], postgresql_where=sa.text("state = 'planned'"))
