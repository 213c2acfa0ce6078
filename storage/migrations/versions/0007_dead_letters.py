"""What became of a dead letter and who decided it; dispatch looks at alert events only, whatever else is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

DECIDED = ("decided_by", "decided_because", "fate")


def upgrade() -> None:
    for name in DECIDED:
        op.add_column("dead_letters", sa.Column(name, sa.Text))
    op.add_column("dead_letters", sa.Column("decided_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_dead_letters_open", "dead_letters", ["reason", "id"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "dead_letter_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("dead_letter", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("fate", sa.Text, nullable=False),
        sa.Column("reason_before", sa.Text, nullable=False),
        sa.Column("problems_before", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter_log"),
    )
    op.create_index("ix_dead_letter_log_dead_letter", "dead_letter_log", ["dead_letter", "id"])
    op.drop_index("ix_outbox_unplanned", "outbox")
    op.create_index(
        "ix_outbox_unplanned",
        "outbox",
        ["id"],
        postgresql_where=sa.text("planned_at IS NULL AND topic = 'alert-events'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_unplanned", "outbox")
    op.create_index("ix_outbox_unplanned", "outbox", ["id"], postgresql_where=sa.text("planned_at IS NULL"))
    op.drop_table("dead_letter_log")
    op.drop_index("ix_dead_letters_open", "dead_letters")
    for name in ("decided_at", *DECIDED):
        op.drop_column("dead_letters", name)
