"""Is this the log that we knew? What tells a topic made anew, a lost tail or another cluster from it (design 3.4)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from storage.positions import LogEdges, Partition, Position
from streams.accounts import logs_of
from streams.continuity import Log
from streams.transaction import fingerprint

CERTAIN_AFTER: Final = 1.0
"""A difference counts when it is still there after so many seconds: a broker that begins may not know its end yet."""


class Difference(StrEnum):
    """In what a log differs from the one that was read."""

    CLUSTER = "cluster"
    SHORTER = "shorter"
    RECORD = "record"


SAYS: Final[Mapping[Difference, str]] = {
    Difference.CLUSTER: "it belongs to another Kafka cluster than the one that was read",
    Difference.SHORTER: "it ends before the position: the topic was made anew, or has lost its tail",
    Difference.RECORD: "the record that was applied last is not in its place: the topic was made anew",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A look at logs: whose they are, their edges, and the SHA-256 of what lies where each position read last.

    None: nothing lies there any more. A partition that is absent was not seen, which proves nothing.
    """

    cluster: str
    edges: Mapping[Partition, LogEdges]
    last: Mapping[Partition, bytes | None]


async def see(logs: Log, known: Sequence[Position]) -> Seen:
    """Look at the logs of these positions, which must have been read before: ends only grow."""
    cluster, edges = await logs_of(logs.kafka, [one.partition for one in known])
    places = {
        one.partition: one.last_offset
        for one in known
        if one.last_offset is not None
        and one.partition in edges
        and edges[one.partition].start <= one.last_offset < edges[one.partition].end
    }
    found = await logs.records_at(places) if places else {}
    last = {one: None if record is None else fingerprint(record) for one, record in found.items()}
    return Seen(cluster=cluster, edges=edges, last=last)


def differences(position: Position, seen: Seen) -> tuple[Difference, ...]:
    """Everything in which the log is not the one that was read; empty when nothing speaks against it."""
    edges = seen.edges.get(position.partition)
    found = {
        Difference.CLUSTER: position.cluster_id is not None and position.cluster_id != seen.cluster,
        Difference.SHORTER: edges is not None and edges.end < position.next_offset,
        Difference.RECORD: position.partition in seen.last and seen.last[position.partition] != position.last_sha256,
    }
    return tuple(one for one, differs in found.items() if differs)


def said(found: Sequence[Difference]) -> str:
    """The differences as a sentence."""
    return f"The log is not the one that was known: {'; '.join(SAYS[one] for one in found)}."


async def foreign(logs: Log, known: Sequence[Position]) -> Mapping[Partition, tuple[Difference, ...]]:
    """Those whose logs differ, with certainty."""
    seen = await see(logs, known)
    suspects = [one for one in known if differences(one, seen)]
    if not suspects:
        return {}
    await asyncio.sleep(CERTAIN_AFTER)
    again = await see(logs, suspects)
    return {one.partition: found for one in suspects if (found := differences(one, again))}
