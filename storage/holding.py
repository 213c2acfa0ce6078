"""Holds partitions, lets them go on, starts them anew: each step with who and why, kept for good.

A held partition's records pass unapplied and its position stays, so that nothing is lost by holding. The rows of a log
that was given up keep their source, told apart from the new log's by a negative offset: −1−n was offset n.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from storage import positions
from storage.positions import HoldCause, Partition, Position

PROGRAM: Final = "tocsin"
"""Who holds when no person does."""


class Action(StrEnum):
    HOLD = "hold"
    RELEASE = "release"
    RESET = "reset"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was done about a partition, by whom and why; `at` is the database's time of it."""

    action: Action
    by: str
    reason: str
    at: datetime | None = None


_HOLD: Final = text("""
    UPDATE stream_positions SET held = :reason, held_cause = :cause
    WHERE (flow, topic, partition) = (:flow, :topic, :partition) AND held IS NULL AND generation = :generation
""")

_LOG: Final = text("""
    INSERT INTO position_log (flow, topic, partition, action, actor, reason, first_offset, next_offset, applied,
                              duplicates, dead, holes, replayed, cluster_id)
    SELECT flow, topic, partition, :action, :by, :reason, first_offset, next_offset, applied, duplicates, dead, holes,
           replayed, cluster_id
    FROM stream_positions WHERE (flow, topic, partition) = (:flow, :topic, :partition)
""")

_RELEASE: Final = text("""
    UPDATE stream_positions SET held = NULL, held_cause = NULL, cluster_id = :cluster_id
    WHERE (flow, topic, partition) = (:flow, :topic, :partition)
""")

_RESET: Final = text("""
    UPDATE stream_positions SET held = NULL, held_cause = NULL, generation = generation + 1, cluster_id = :cluster_id,
        first_offset = :log_start, next_offset = :log_start, last_offset = NULL, last_sha256 = NULL,
        applied = 0, duplicates = 0, dead = 0, holes = 0, replayed = 0, updated_at = now()
    WHERE (flow, topic, partition) = (:flow, :topic, :partition)
""")

_GIVE_UP: Final = tuple(
    text(f"""
        UPDATE {table} SET "offset" = -1 - "offset"
        WHERE topic = :topic AND partition = :partition AND "offset" >= 0
    """)
    for table in ("detections", "waiting_revisions", "dead_letters")
)
"""Offsets begin again in the new log; so that audits count each log's rows for itself."""

_UNHURRIED: Final = text("SET LOCAL statement_timeout = 0")

_INTERNAL_ERRORS: Final = text("""
    SELECT count(*) FROM dead_letters
    WHERE (flow, topic, partition) = (:flow, :topic, :partition) AND reason = 'internal_error'
      AND created_at > now() - interval '1 minute'
""")

_HISTORY: Final = text("""
    SELECT action, actor, reason, at FROM position_log
    WHERE (flow, topic, partition) = (:flow, :topic, :partition) ORDER BY id
""")


def hold(connection: Connection, position: Position, *, cause: HoldCause, reason: str) -> bool:
    """Hold the partition whose position was seen as this; False when it is held already or was started anew since."""
    values = {**_named(position.partition), "reason": reason}
    positions.lock(connection, [position.partition])
    held = connection.execute(_HOLD, {**values, "cause": cause, "generation": position.generation}).rowcount
    if held:
        connection.execute(_LOG, {**values, "action": Action.HOLD, "by": PROGRAM})
    return bool(held)


def release(connection: Connection, partition: Partition, *, by: str, reason: str, cluster_id: str) -> None:
    """Go on from the position; what passed meanwhile is read again from the log."""
    values = {**_named(partition), "by": by, "reason": reason}
    positions.lock(connection, [partition])
    connection.execute(_LOG, {**values, "action": Action.RELEASE})
    connection.execute(_RELEASE, {**_named(partition), "cluster_id": cluster_id})


def reset(
    connection: Connection, partition: Partition, *, by: str, reason: str, log_start: int, cluster_id: str
) -> None:
    """Begin anew at the start of the log that is there now; the old book is kept, reports known are duplicates."""
    connection.execute(_UNHURRIED)
    positions.lock(connection, [partition])
    connection.execute(_LOG, {**_named(partition), "by": by, "reason": reason, "action": Action.RESET})
    for statement in _GIVE_UP:
        connection.execute(statement, {"topic": partition.topic, "partition": partition.partition})
    connection.execute(_RESET, {**_named(partition), "log_start": log_start, "cluster_id": cluster_id})


def recent_internal_errors(connection: Connection, partition: Partition) -> int:
    """How many records of this partition failed on a fault of ours within the last minute."""
    return int(connection.execute(_INTERNAL_ERRORS, _named(partition)).scalar_one())


def history(connection: Connection, partition: Partition) -> tuple[Decision, ...]:
    """Everything that was done about a partition, oldest first."""
    return tuple(
        Decision(action=Action(row.action), by=row.actor, reason=row.reason, at=row.at)
        for row in connection.execute(_HISTORY, _named(partition))
    )


def _named(partition: Partition) -> dict[str, str | int]:
    return {"flow": partition.flow, "topic": partition.topic, "partition": partition.partition}
