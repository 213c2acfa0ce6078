"""One batch in one transaction: positions locked, records placed, the stage's fates written, positions moved."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol

from sqlalchemy import Connection, Engine

from schemas.records import Record
from schemas.vocabularies import RejectionReason
from storage import dead_letters, outbox, positions
from storage.dead_letters import DeadLetter
from storage.positions import Counters, Move, Partition, Position
from streams.refusals import announcement
from streams.stage import Applied, Dead, Duplicate, Fate, Prepared, Stage


class Gap(Exception):
    """Between what was read and what arrived something is missing: `start` to `stop`, `stop` excluded."""

    def __init__(self, partition: Partition, start: int, stop: int) -> None:
        super().__init__(f"{partition.topic}/{partition.partition}: {start} to {stop} did not arrive")
        self.partition, self.start, self.stop = partition, start, stop


class NotBegun(Exception):
    """These partitions have no position yet."""

    def __init__(self, partitions: tuple[Partition, ...]) -> None:
        super().__init__(f"{len(partitions)} partitions without a position")
        self.partitions = partitions


@dataclass(frozen=True, slots=True)
class Passed:
    """The log itself was read from `start` to `stop`: an offset in between that brought no record has none."""

    partition: Partition
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of arrival. With `passed` all are of its partition and within its bounds."""

    records: tuple[Record, ...]
    passed: Passed | None = None

    def halves(self) -> "tuple[Batch, Batch]":
        """Two batches that say the same one after the other."""
        middle = len(self.records) // 2
        first, second = self.records[:middle], self.records[middle:]
        if self.passed is None:
            return Batch(first), Batch(second)
        border, whole = second[0].offset, self.passed
        return (
            Batch(first, Passed(whole.partition, whole.start, border)),
            Batch(second, Passed(whole.partition, border, whole.stop)),
        )


@dataclass(slots=True)
class Progress:
    """How far one partition has been placed within this batch."""

    next_offset: int
    holes: int = 0
    replayed: int = 0
    last: Record | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Which records are new, by index, and how each partition moves."""

    fresh: tuple[int, ...]
    reached: Mapping[Partition, Progress]


class Place(Protocol):
    """Decides which records of a batch are new; `place` is the one that keeps P1."""

    def __call__(self, batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """What became of a committed batch."""

    counters: Counters
    dead: Mapping[RejectionReason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transaction(Generic[Prepared]):
    """Applies batches of one flow with one stage. The only place where positions move."""

    engine: Engine
    flow: str
    stage: Stage[Prepared]
    place: Place

    def run(self, batch: Batch) -> BatchResult:
        """All of it or nothing. Raises `Gap`, `NotBegun`, `Again`, and whatever the stage or the database raises."""
        prepared = self.stage.prepare(batch.records)
        with self.engine.begin() as connection:
            wanted = {self.partition(record) for record in batch.records}
            if batch.passed is not None:
                wanted.add(batch.passed.partition)
            known = positions.lock(connection, tuple(wanted))
            if missing := wanted - known.keys():
                raise NotBegun(tuple(sorted(missing)))
            placement = self.place(batch, known, flow=self.flow)
            fates = self._apply(connection, [prepared[index] for index in placement.fresh])
            records = [batch.records[index] for index in placement.fresh]
            self._bury(connection, records, fates)
            moves = self._moves(placement, records, fates)
            positions.advance(connection, moves)
        return _result(moves, fates)

    def partition(self, record: Record) -> Partition:
        """The partition of a record, as this flow reads it."""
        return Partition(flow=self.flow, topic=record.topic, partition=record.partition)

    def _apply(self, connection: Connection, prepared: Sequence[Prepared]) -> Sequence[Fate]:
        if not prepared:
            return ()
        fates = self.stage.apply(connection, prepared)
        if len(fates) != len(prepared):
            raise RuntimeError(f"The stage gave {len(fates)} fates for {len(prepared)} records.")
        return fates

    def _bury(self, connection: Connection, records: Sequence[Record], fates: Sequence[Fate]) -> None:
        letters = [
            DeadLetter(flow=self.flow, record=record, rejection=fate.rejection)
            for record, fate in zip(records, fates, strict=True)
            if isinstance(fate, Dead)
        ]
        dead_letters.add(connection, letters)
        outbox.add(connection, [announcement(letter) for letter in letters])

    def _moves(self, placement: Placement, records: Sequence[Record], fates: Sequence[Fate]) -> list[Move]:
        tallies: dict[Partition, Counter[type[Fate]]] = {one: Counter() for one in placement.reached}
        for record, fate in zip(records, fates, strict=True):
            tallies[self.partition(record)][type(fate)] += 1
        return [_move(one, placement.reached[one], tallies[one]) for one in sorted(placement.reached)]


def place(batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement:
    """Sort records into new ones, replayed ones and holes; raises `Gap` where the log was not read through."""
    reached = {partition: Progress(position.next_offset) for partition, position in known.items()}
    fresh = []
    for index, record in enumerate(batch.records):
        partition = Partition(flow=flow, topic=record.topic, partition=record.partition)
        progress = reached[partition]
        if record.offset < progress.next_offset:
            progress.replayed += 1
            continue
        _skip_to(record.offset, progress, partition, batch.passed)
        progress.next_offset, progress.last = record.offset + 1, record
        fresh.append(index)
    if batch.passed is not None:
        _skip_to(batch.passed.stop, reached[batch.passed.partition], batch.passed.partition, batch.passed)
    return Placement(tuple(fresh), reached)


def _skip_to(offset: int, progress: Progress, partition: Partition, passed: Passed | None) -> None:
    if offset <= progress.next_offset:
        return
    proven = passed is not None and passed.start <= progress.next_offset and offset <= passed.stop
    if not proven:
        raise Gap(partition, progress.next_offset, offset)
    progress.holes += offset - progress.next_offset
    progress.next_offset = offset


def _move(partition: Partition, progress: Progress, tally: "Counter[type[Fate]]") -> Move:
    last = progress.last
    return Move(
        partition=partition,
        next_offset=progress.next_offset,
        counters=Counters(
            applied=tally[Applied],
            duplicates=tally[Duplicate],
            dead=tally[Dead],
            holes=progress.holes,
            replayed=progress.replayed,
        ),
        last_offset=None if last is None else last.offset,
        last_sha256=None if last is None else hashlib.sha256(last.value or b"").digest(),
    )


def _result(moves: Sequence[Move], fates: Sequence[Fate]) -> BatchResult:
    return BatchResult(
        counters=Counters(
            applied=sum(move.counters.applied for move in moves),
            duplicates=sum(move.counters.duplicates for move in moves),
            dead=sum(move.counters.dead for move in moves),
            holes=sum(move.counters.holes for move in moves),
            replayed=sum(move.counters.replayed for move in moves),
        ),
        dead=Counter(fate.rejection.reason for fate in fates if isinstance(fate, Dead)),
    )
