"""How far each partition was read, and what became of its records: rows locked and moved with what they caused."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Row, text

from storage.pipelining import send


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Partition:
    """One partition as one flow reads it. Their order is the order of locking."""

    flow: str
    topic: str
    partition: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEdges:
    """Where the log itself starts and ends; `end` comes next, as readers of committed records see it."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """What became of records. `replayed` stands outside the sum of P1."""

    applied: int = 0
    duplicates: int = 0
    dead: int = 0
    holes: int = 0
    replayed: int = 0

    @property
    def accounted(self) -> int:
        """The right-hand side of P1."""
        return self.applied + self.duplicates + self.dead + self.holes


class HoldCause(StrEnum):
    """Why a partition is held: its log is not the one we knew, or our own program fails on its records."""

    FOREIGN_LOG = "foreign_log"
    INTERNAL_ERRORS = "internal_errors"


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Everything below `next_offset` has ended as something; reading began at `first_offset`.

    While `held` says why, records pass unapplied. `generation` rises when a person starts the partition anew.
    `last_dead`, known under the lock only, is the highest offset that became a dead letter: a position that lies at or
    below it was pushed back.
    """

    partition: Partition
    first_offset: int
    next_offset: int
    counters: Counters
    last_offset: int | None
    last_sha256: bytes | None
    cluster_id: str | None
    held: str | None
    cause: HoldCause | None = None
    generation: int = 1
    last_dead: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """How one batch moves one partition: its counters are added to those of the row."""

    partition: Partition
    next_offset: int
    counters: Counters
    last_offset: int | None = None
    last_sha256: bytes | None = None


_COLUMNS: Final = """flow, topic, partition, first_offset, next_offset, applied, duplicates, dead, holes, replayed,
    last_offset, last_sha256, cluster_id, held, held_cause, generation"""

_LOCK: Final = text(f"""
    SELECT {_COLUMNS}, (
        SELECT max(d."offset") FROM dead_letters AS d
        WHERE (d.topic, d.partition) = (p.topic, p.partition) AND d.flow = p.flow
    ) AS last_dead
    FROM stream_positions AS p
    WHERE (flow, topic, partition) IN (
        SELECT * FROM unnest(CAST(:flows AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[])))
    ORDER BY flow, topic, partition FOR UPDATE
""")

_ADVANCE: Final = text("""
    UPDATE stream_positions AS position SET
        next_offset = move.next_offset,
        applied = position.applied + move.applied, duplicates = position.duplicates + move.duplicates,
        dead = position.dead + move.dead, holes = position.holes + move.holes,
        replayed = position.replayed + move.replayed,
        last_offset = coalesce(move.last_offset, position.last_offset),
        last_sha256 = coalesce(move.last_sha256, position.last_sha256),
        updated_at = now()
    FROM unnest(CAST(:flows AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[]),
                CAST(:next_offsets AS bigint[]), CAST(:applied AS bigint[]), CAST(:duplicates AS bigint[]),
                CAST(:dead AS bigint[]), CAST(:holes AS bigint[]), CAST(:replayed AS bigint[]),
                CAST(:last_offsets AS bigint[]), CAST(:last_sha256s AS bytea[]))
        AS move (flow, topic, partition, next_offset, applied, duplicates, dead, holes, replayed, last_offset,
                 last_sha256)
    WHERE (position.flow, position.topic, position.partition) = (move.flow, move.topic, move.partition)
""")

_REGISTER: Final = text("""
    INSERT INTO stream_positions (flow, topic, partition, first_offset, next_offset, cluster_id)
    VALUES (:flow, :topic, :partition, :log_start, :log_start, :cluster_id) ON CONFLICT DO NOTHING
""")

_ALL: Final = text(f"SELECT {_COLUMNS} FROM stream_positions ORDER BY flow, topic, partition")


def lock(connection: Connection, partitions: Sequence[Partition]) -> dict[Partition, Position]:
    """Lock the rows of these partitions in their one order; a partition without a row is absent from the answer."""
    wanted = sorted(set(partitions))
    rows = send(
        connection,
        _LOCK,
        {
            "flows": [one.flow for one in wanted],
            "topics": [one.topic for one in wanted],
            "partitions": [one.partition for one in wanted],
        },
    )
    return {position.partition: position for position in (_position(row, row.last_dead) for row in rows)}


def advance(connection: Connection, moves: Sequence[Move]) -> None:
    """Move locked positions, all in one statement."""
    if not moves:
        return
    send(
        connection,
        _ADVANCE,
        {
            "flows": [move.partition.flow for move in moves],
            "topics": [move.partition.topic for move in moves],
            "partitions": [move.partition.partition for move in moves],
            "next_offsets": [move.next_offset for move in moves],
            "applied": [move.counters.applied for move in moves],
            "duplicates": [move.counters.duplicates for move in moves],
            "dead": [move.counters.dead for move in moves],
            "holes": [move.counters.holes for move in moves],
            "replayed": [move.counters.replayed for move in moves],
            "last_offsets": [move.last_offset for move in moves],
            "last_sha256s": [move.last_sha256 for move in moves],
        },
    )


def register(connection: Connection, partition: Partition, *, log_start: int, cluster_id: str | None) -> None:
    """Begin a partition at the start of its log; one that has begun stays where it is."""
    connection.execute(
        _REGISTER,
        {
            "flow": partition.flow,
            "topic": partition.topic,
            "partition": partition.partition,
            "log_start": log_start,
            "cluster_id": cluster_id,
        },
    )


def all_positions(connection: Connection) -> tuple[Position, ...]:
    """Every position, in order."""
    return tuple(map(_position, connection.execute(_ALL)))


def _position(row: "Row[tuple[object, ...]]", last_dead: int | None = None) -> Position:
    return Position(
        partition=Partition(flow=row.flow, topic=row.topic, partition=row.partition),
        first_offset=row.first_offset,
        next_offset=row.next_offset,
        counters=Counters(
            applied=row.applied, duplicates=row.duplicates, dead=row.dead, holes=row.holes, replayed=row.replayed
        ),
        last_offset=row.last_offset,
        last_sha256=row.last_sha256,
        cluster_id=row.cluster_id,
        held=row.held,
        cause=None if row.held_cause is None else HoldCause(row.held_cause),
        generation=row.generation,
        last_dead=last_dead,
    )
