"""Does everything add up (P1): counters against positions, against the rows they speak of, against the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, text

from storage.engine import looking
from storage.laboratories import Laboratory, registered
from storage.positions import Counters, LogEdges, Partition, Position, all_positions


class Finding(StrEnum):
    """What can be wrong with a partition."""

    COUNTERS = "counters"
    APPLIED_ROWS = "applied_rows"
    DEAD_ROWS = "dead_rows"
    BEYOND_END = "beyond_end"
    EXPIRED_UNREAD = "expired_unread"
    OTHER_CLUSTER = "other_cluster"
    UNKNOWN_LOG = "unknown_log"
    HELD = "held"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The books at one moment: positions, how many rows of each kind are kept for them, whose reports may come."""

    positions: tuple[Position, ...]
    laboratories: tuple[Laboratory, ...]
    applied: Mapping[Partition, int]
    dead: Mapping[Partition, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One partition's books: what was found wrong, empty when it adds up. `unread` is what still waits."""

    position: Position
    log: LogEdges | None
    applied_rows: int
    dead_rows: int
    findings: tuple[Finding, ...]

    @property
    def unread(self) -> int | None:
        """How many offsets of the log are still to be read; None when the log is not known."""
        return None if self.log is None else max(0, self.log.end - self.position.next_offset)


SENTENCES: Final[Mapping[Finding, str]] = {
    Finding.COUNTERS: "next − first is not applied + duplicates + dead + holes: records are missing or counted twice",
    Finding.APPLIED_ROWS: "the reports kept are not as many as were counted as applied",
    Finding.DEAD_ROWS: "the dead letters kept are not as many as were counted",
    Finding.BEYOND_END: "the position lies beyond the end of the log: the topic was made anew or has lost its tail",
    Finding.EXPIRED_UNREAD: "the log starts after the position: records expired before they were read",
    Finding.OTHER_CLUSTER: "the position belongs to another Kafka cluster",
    Finding.UNKNOWN_LOG: "Kafka does not have this topic",
    Finding.HELD: "the partition is held and its records pass unapplied: tocsin positions list says why",
}

_APPLIED: Final = """(
        SELECT topic, partition, "offset" FROM (
            SELECT topic, partition, "offset" FROM detections
            UNION ALL SELECT topic, partition, "offset" FROM waiting_revisions
            UNION ALL SELECT topic, partition, "offset" FROM dead_letters
            WHERE waited AND NOT (state = 'replayed' AND coalesce(fate, 'duplicate') <> 'duplicate')
        ) AS here
        WHERE NOT EXISTS (
            SELECT FROM dead_letters AS letter
            WHERE (letter.topic, letter.partition, letter."offset") = (here.topic, here.partition, here."offset")
              AND NOT letter.waited
        )
    )"""
"""A revision that waits for its event counts as applied, also when it waited in vain and became a dead letter.

A replay moves no counter: what was counted as dead stays so counted, though its report is now here; what had waited
and was replayed is here once more, and counts once.
"""

_ROWS: Final = """
    SELECT position.flow, position.topic, position.partition, count(*) AS rows
    FROM {table} AS kept JOIN stream_positions AS position
      ON (position.topic, position.partition) = (kept.topic, kept.partition) {same}
     AND kept."offset" >= position.first_offset AND kept."offset" < position.next_offset
    GROUP BY position.flow, position.topic, position.partition
"""
_APPLIED_ROWS: Final = text(_ROWS.format(table=_APPLIED, same=""))
_DEAD_ROWS: Final = text(_ROWS.format(table="dead_letters", same="AND position.flow = kept.flow AND NOT kept.waited"))


def read(engine: Engine) -> Snapshot:
    """The books as they were at one moment, however busy the workers are."""
    with looking(engine) as connection:
        return Snapshot(
            positions=all_positions(connection),
            laboratories=registered(connection),
            applied=_counted(connection, _APPLIED_ROWS),
            dead=_counted(connection, _DEAD_ROWS),
        )


def accounts(
    snapshot: Snapshot,
    *,
    logs: Mapping[Partition, LogEdges],
    cluster_id: str | None,
    expected: Sequence[Partition] = (),
) -> tuple[Account, ...]:
    """The books of every partition; ask for the logs' edges after the snapshot, because ends only grow.

    A partition in `logs` that was never read has an empty book, and all that it holds is unread. One that is expected
    and has neither a position nor a log has an empty book too: its topic is not there.
    """
    begun = {one.partition: one for one in snapshot.positions}
    nothing = LogEdges(start=0, end=0)
    unbegun = {one: _unread(one, logs.get(one, nothing)) for one in (*logs, *expected) if one not in begun}
    return tuple(
        _account(position, logs.get(one), snapshot=snapshot, cluster_id=cluster_id)
        for one, position in sorted((begun | unbegun).items())
    )


def _unread(partition: Partition, edges: LogEdges) -> Position:
    return Position(
        partition=partition,
        first_offset=edges.start,
        next_offset=edges.start,
        counters=Counters(),
        last_offset=None,
        last_sha256=None,
        cluster_id=None,
        held=None,
    )


def _account(position: Position, log: LogEdges | None, *, snapshot: Snapshot, cluster_id: str | None) -> Account:
    applied = snapshot.applied.get(position.partition, 0)
    dead = snapshot.dead.get(position.partition, 0)
    found = {
        Finding.COUNTERS: position.next_offset - position.first_offset != position.counters.accounted,
        Finding.APPLIED_ROWS: applied != position.counters.applied,
        Finding.DEAD_ROWS: dead != position.counters.dead,
        Finding.UNKNOWN_LOG: log is None,
        Finding.HELD: position.held is not None,
        Finding.BEYOND_END: log is not None and position.next_offset > log.end,
        Finding.EXPIRED_UNREAD: log is not None and log.start > position.next_offset,
        Finding.OTHER_CLUSTER: None not in (cluster_id, position.cluster_id) and cluster_id != position.cluster_id,
    }
    return Account(
        position=position,
        log=log,
        applied_rows=applied,
        dead_rows=dead,
        findings=tuple(one for one, wrong in found.items() if wrong),
    )


def _counted(connection: Connection, query: TextClause) -> dict[Partition, int]:
    return {
        Partition(flow=row.flow, topic=row.topic, partition=row.partition): row.rows
        for row in connection.execute(query)
    }
