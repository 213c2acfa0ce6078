"""Partitions that are held and who decided about them, events that are parked, whose turn it is to start anew."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("stream_positions", sa.Column("held_cause", sa.Text))
    op.add_column("stream_positions", sa.Column("generation", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.add_column("outbox", sa.Column("parked", sa.Text))
    _position_log()
    _restarts()


def downgrade() -> None:
    op.drop_table("restarts")
    op.drop_table("position_log")
    op.execute("DROP FUNCTION position_log_refuses()")
    op.drop_column("outbox", "parked")
    op.drop_column("stream_positions", "generation")
    op.drop_column("stream_positions", "held_cause")


def _position_log() -> None:
    op.create_table(
        "position_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("first_offset", "next_offset")),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("applied", "duplicates", "dead", "holes", "replayed")
        ),
        sa.Column("cluster_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_position_log"),
    )
    op.create_index("ix_position_log_topic_partition", "position_log", ["topic", "partition"])
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER position_log_is_append_only BEFORE UPDATE OR DELETE ON position_log "
        "FOR EACH ROW EXECUTE FUNCTION position_log_refuses()"
    )


def _restarts() -> None:
    op.create_table(
        "restarts",
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("away_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("flow", name="pk_restarts"),
    )


_REFUSE = """
    CREATE FUNCTION position_log_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'position_log is append-only'; END $$
"""
