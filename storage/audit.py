"""Does everything add up (P1): counters against positions, against the rows they speak of, against the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from storage.positions import Partition, Position


class Finding(StrEnum):
    """What can be wrong with a partition."""

    COUNTERS = "counters"
    DEAD_ROWS = "dead_rows"
    BEYOND_END = "beyond_end"
    EXPIRED_UNREAD = "expired_unread"
    OTHER_CLUSTER = "other_cluster"
    UNKNOWN_LOG = "unknown_log"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEdges:
    """Where the log itself starts and ends."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One partition's books: what was found wrong, empty when it adds up. `unread` is what still waits."""

    position: Position
    log: LogEdges | None
    dead_rows: int
    findings: tuple[Finding, ...]

    @property
    def unread(self) -> int | None:
        """How many offsets of the log are still to be read; None when the log is not known."""
        return None if self.log is None else max(0, self.log.end - self.position.next_offset)


SENTENCES: Final[Mapping[Finding, str]] = {
    Finding.COUNTERS: "next − first is not applied + duplicates + dead + holes: records are missing or counted twice",
    Finding.DEAD_ROWS: "the dead letters kept are not as many as were counted",
    Finding.BEYOND_END: "the position lies beyond the end of the log: the topic was made anew or has lost its tail",
    Finding.EXPIRED_UNREAD: "the log starts after the position: records expired before they were read",
    Finding.OTHER_CLUSTER: "the position belongs to another Kafka cluster",
    Finding.UNKNOWN_LOG: "Kafka does not have this topic",
}

_DEAD_ROWS: Final = text("""
    SELECT letter.flow, letter.topic, letter.partition, count(*) AS rows
    FROM dead_letters AS letter JOIN stream_positions AS position
      ON (position.flow, position.topic, position.partition) = (letter.flow, letter.topic, letter.partition)
     AND letter."offset" >= position.first_offset AND letter."offset" < position.next_offset
    GROUP BY letter.flow, letter.topic, letter.partition
""")
"""Dead letters are kept without limit: their rows must be as many as were counted."""


def dead_rows(connection: Connection) -> dict[Partition, int]:
    """How many dead letters each partition's position speaks of."""
    return {
        Partition(flow=row.flow, topic=row.topic, partition=row.partition): row.rows
        for row in connection.execute(_DEAD_ROWS)
    }


def account(position: Position, *, log: LogEdges | None, dead: int, cluster_id: str | None) -> Account:
    """The books of one partition. Read the rows first and the log's edges after: the edges only grow."""
    strange = None not in (cluster_id, position.cluster_id) and cluster_id != position.cluster_id
    found = {
        Finding.COUNTERS: position.next_offset - position.first_offset != position.counters.accounted,
        Finding.DEAD_ROWS: dead != position.counters.dead,
        Finding.UNKNOWN_LOG: log is None,
        Finding.BEYOND_END: log is not None and position.next_offset > log.end,
        Finding.EXPIRED_UNREAD: log is not None and log.start > position.next_offset,
        Finding.OTHER_CLUSTER: strange,
    }
    return Account(
        position=position, log=log, dead_rows=dead, findings=tuple(one for one, wrong in found.items() if wrong)
    )
