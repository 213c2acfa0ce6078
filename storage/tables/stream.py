"""Tables of the stream: how far each partition was read, what was refused, what is to go out, who may report."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.tables.base import metadata


def _counter(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


stream_positions: Final = Table(
    "stream_positions",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("first_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    _counter("applied"),
    _counter("duplicates"),
    _counter("dead"),
    _counter("holes"),
    _counter("replayed"),
    Column("last_offset", BigInteger),
    Column("last_sha256", LargeBinary),
    Column("cluster_id", Text),
    Column("held", Text),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("held_cause", Text),
    Column("generation", Integer, nullable=False, server_default=text("1")),
)
"""`next_offset − first_offset = applied + duplicates + dead + holes` (P1); `replayed` stands outside that sum.

`held` says why its records pass unapplied; `generation` counts the logs that this topic has had (`storage.holding`).
"""

position_log: Final = Table(
    "position_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("flow", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("applied", "duplicates", "dead", "holes", "replayed")),
    Column("cluster_id", Text),
    Index("ix_position_log_topic_partition", "topic", "partition"),
)
"""Append-only, by trigger: who held, released or reset a partition and why, with its book as it stood before."""

restarts: Final = Table(
    "restarts",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("away_until", DateTime(timezone=True), nullable=False),
)
"""A worker of this flow is away to start anew; until it is back, or this time has passed, the others stay."""

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("flow", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("problems", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("waited", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decided_by", Text),
    Column("decided_because", Text),
    Column("fate", Text),
    Column("decided_at", DateTime(timezone=True)),
    Index("ix_dead_letters_topic_partition_offset", "topic", "partition", "offset"),
    Index("ix_dead_letters_open", "reason", "id", postgresql_where=text("state = 'open'")),
)
"""`recorded_at` is the broker's time of the record; `headers` a list of [name, base64 of the value]. The last
decision of a person stands on it: `decided_by`, when and why, and the `fate` that a replay gave the record."""

dead_letter_log: Final = Table(
    "dead_letter_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("dead_letter", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("fate", Text, nullable=False),
    Column("reason_before", Text, nullable=False),
    Column("problems_before", JSONB, nullable=False),
    Index("ix_dead_letter_log_dead_letter", "dead_letter", "id"),
)
"""Append-only: each replay and discard, with the refusal as it stood before."""

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("key", Text),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("planned_at", DateTime(timezone=True)),
    Column("published_at", DateTime(timezone=True)),
    Column("parked", Text),
)
"""`parked` says why the relay leaves an event out: Kafka will never take it as things are."""
Index("ix_outbox_unplanned", outbox.c.id, postgresql_where=text("planned_at IS NULL AND topic = 'alert-events'"))
Index("ix_outbox_unpublished", outbox.c.id, postgresql_where=outbox.c.published_at.is_(None))

laboratories: Final = Table(
    "laboratories",
    metadata,
    Column("id", Text, primary_key=True),
    Column("canonical_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("topic", Text, nullable=False, unique=True),
    Column("registered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

laboratory_log: Final = Table(
    "laboratory_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("laboratory", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("state", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_laboratory_log_laboratory_id", "laboratory", "id"),
)
"""Append-only: into which state a person put a laboratory, and why."""

system: Final = Table(
    "system",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""Numbers of the site: `registry_version` rises with every change of laboratories, `system_epoch` with a restore."""
