"""The stream tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    _positions()
    _dead_letters()
    _outbox()
    _laboratories()
    _system()


def downgrade() -> None:
    for table in ("system", "laboratories", "outbox", "dead_letters", "stream_positions"):
        op.drop_table(table)


def _counter(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def _moment(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _positions() -> None:
    op.create_table(
        "stream_positions",
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("first_offset", sa.BigInteger, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        *(_counter(name) for name in ("applied", "duplicates", "dead", "holes", "replayed")),
        sa.Column("last_offset", sa.BigInteger),
        sa.Column("last_sha256", sa.LargeBinary),
        sa.Column("cluster_id", sa.Text),
        sa.Column("held", sa.Text),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("flow", "topic", "partition", name="pk_stream_positions"),
    )


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("problems", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'open'")),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_topic_partition_offset", "dead_letters", ["topic", "partition", "offset"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("body", JSONB, nullable=False),
        _moment("created_at"),
        sa.Column("planned_at", sa.DateTime(timezone=True)),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
    )
    op.create_index("ix_outbox_unplanned", "outbox", ["id"], postgresql_where=sa.text("planned_at IS NULL"))
    op.create_index("ix_outbox_unpublished", "outbox", ["id"], postgresql_where=sa.text("published_at IS NULL"))


def _laboratories() -> None:
    op.create_table(
        "laboratories",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("canonical_id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'active'")),
        sa.Column("topic", sa.Text, nullable=False),
        _moment("registered_at"),
        sa.PrimaryKeyConstraint("id", name="pk_laboratories"),
        sa.UniqueConstraint("topic", name="uq_laboratories_topic"),
    )


def _system() -> None:
    table = op.create_table(
        "system",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_system"),
    )
    op.bulk_insert(table, [{"name": "registry_version", "number": 0}, {"name": "system_epoch", "number": 1}])
