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
from storage.pipelining import together
from storage.positions import Counters, Move, Partition, Position
from streams import feedback
from streams.refusals import announcement
from streams.stage import Applied, Dead, Duplicate, Fate, Prepared, Stage


class Gap(Exception):
    """Between what was read and what arrived something is missing: `start` to `stop`, `stop` excluded."""

    def __init__(self, partition: Partition, start: int, stop: int) -> None:
        super().__init__(f"{partition.topic}/{partition.partition}: {start} to {stop} did not arrive")
        self.partition, self.start, self.stop = partition, start, stop


class ForeignLog(Exception):
    """The record that was applied last came again and was another one: this is not the log that we knew."""

    def __init__(self, position: Position) -> None:
        super().__init__(f"{position.partition.topic}/{position.partition.partition} is not the log that we knew")
        self.position = position


class HoldsChanged(Exception):
    """Under the locks, other partitions than expected were held: `held`, of those that were asked for."""

    def __init__(self, asked: frozenset[Partition], held: frozenset[Partition]) -> None:
        super().__init__(f"{len(held)} of {len(asked)} partitions are held")
        self.asked, self.held = asked, held


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

    def without(self, flow: str, held: frozenset[Partition]) -> "Batch":
        """The same, less what is of these partitions."""
        if not held:
            return self
        records = tuple(one for one in self.records if partition_of(one, flow) not in held)
        return Batch(records, None if self.passed is None or self.passed.partition in held else self.passed)

    def partitions(self, flow: str) -> frozenset[Partition]:
        """Every partition that this batch speaks of, as the flow reads it."""
        places = {(one.topic, one.partition) for one in self.records}
        named = {Partition(flow=flow, topic=topic, partition=number) for topic, number in places}
        return frozenset(named if self.passed is None else named | {self.passed.partition})

    def parts(self, most: int) -> "tuple[Batch, ...]":
        """Batches of at most so many records that say the same one after the other."""
        if self.passed is not None or len(self.records) <= most:
            return (self,)
        return tuple(Batch(self.records[start : start + most]) for start in range(0, len(self.records), most))

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
    """What became of a committed batch; `withheld` records passed unapplied, because their partition is held."""

    counters: Counters
    dead: Mapping[RejectionReason, int] = field(default_factory=dict)
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Transaction(Generic[Prepared]):
    """Applies batches of one flow with one stage. The only place where positions move."""

    engine: Engine
    flow: str
    stage: Stage[Prepared]
    place: Place

    def run(
        self, batch: Batch, held: frozenset[Partition] = frozenset(), ready: Sequence[Prepared] | None = None
    ) -> BatchResult:
        """All of it or nothing; what is of `held` partitions passes, and that they are held is seen under the locks.
        `ready` are the records of the batch as the stage prepared them already.

        Raises `Gap`, `NotBegun`, `HoldsChanged`, `ForeignLog`, `Again`, and whatever stage or database raise.
        """
        asked = batch.partitions(self.flow)
        going = batch.without(self.flow, held)
        if ready is None or len(ready) != len(going.records):
            ready = self.stage.prepare(going.records)
        with self.engine.begin() as connection:
            known = self._locked(connection, asked, held & asked)
            placement = self.place(going, known, flow=self.flow)
            records = [going.records[index] for index in placement.fresh]
            fates = self._fates(connection, records, [ready[index] for index in placement.fresh], known)
            moves = self._moves(placement, records, fates)
            with together(connection):
                self._bury(connection, records, fates)
                positions.advance(connection, moves)
        return _result(moves, fates, withheld=len(batch.records) - len(going.records))

    def _locked(
        self, connection: Connection, asked: frozenset[Partition], held: frozenset[Partition]
    ) -> dict[Partition, Position]:
        """The positions of all that go on; raises when they are not those that were expected to."""
        known = positions.lock(connection, tuple(asked))
        if missing := asked - known.keys():
            raise NotBegun(tuple(sorted(missing)))
        found = frozenset(one for one, position in known.items() if position.held is not None)
        if found != held:
            raise HoldsChanged(asked, found)
        return {one: position for one, position in known.items() if one not in held}

    def _fates(
        self,
        connection: Connection,
        records: Sequence[Record],
        prepared: Sequence[Prepared],
        known: Mapping[Partition, Position],
    ) -> Sequence[Fate]:
        """A record that is a dead letter and is read again, for its position was pushed back, stays that one letter."""
        below = [one.coordinates for one in records if _was_read(one, known[partition_of(one, self.flow)])]
        buried = dead_letters.there(connection, self.flow, below)
        if not buried:
            return self._apply(connection, prepared)
        new = [item for record, item in zip(records, prepared, strict=True) if record.coordinates not in buried]
        fates = iter(self._apply(connection, new))
        return [Duplicate() if record.coordinates in buried else next(fates) for record in records]

    def _apply(self, connection: Connection, prepared: Sequence[Prepared]) -> Sequence[Fate]:
        if not prepared:
            return ()
        fates = self.stage.apply(connection, prepared)
        if len(fates) != len(prepared):
            raise RuntimeError(f"The stage gave {len(fates)} fates for {len(prepared)} records.")
        return fates

    def _bury(self, connection: Connection, records: Sequence[Record], fates: Sequence[Fate]) -> None:
        """Keep what is refused, announce it, and tell each laboratory what became of each of its reports."""
        letters = [
            DeadLetter(flow=self.flow, record=record, rejection=fate.rejection)
            for record, fate in zip(records, fates, strict=True)
            if isinstance(fate, Dead)
        ]
        dead_letters.add(connection, letters)
        told = (one for record, fate in zip(records, fates, strict=True) for one in feedback.told(record, fate))
        outbox.add(connection, [*map(announcement, letters), *feedback.messages(told)])

    def _moves(self, placement: Placement, records: Sequence[Record], fates: Sequence[Fate]) -> list[Move]:
        tallies: dict[Partition, Counter[type[Fate]]] = {one: Counter() for one in placement.reached}
        for record, fate in zip(records, fates, strict=True):
            tallies[partition_of(record, self.flow)][type(fate)] += 1
        return [_move(one, placement.reached[one], tallies[one]) for one in sorted(placement.reached)]


def partition_of(record: Record, flow: str) -> Partition:
    """The partition of a record, as this flow reads it."""
    return Partition(flow=flow, topic=record.topic, partition=record.partition)


def place(batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement:
    """Sort records into new ones, replayed ones and holes; raises `Gap` where the log was not read through.

    Raises `ForeignLog` when a record that comes again is not the one that was applied.
    """
    reached = {partition: Progress(position.next_offset) for partition, position in known.items()}
    fresh = []
    for index, record in enumerate(batch.records):
        partition = partition_of(record, flow)
        progress = reached[partition]
        if record.offset < progress.next_offset:
            _recognise(record, known[partition])
            progress.replayed += 1
            continue
        _skip_to(record.offset, progress, partition, batch.passed)
        progress.next_offset, progress.last = record.offset + 1, record
        fresh.append(index)
    if batch.passed is not None:
        _skip_to(batch.passed.stop, reached[batch.passed.partition], batch.passed.partition, batch.passed)
    return Placement(tuple(fresh), reached)


def _recognise(record: Record, position: Position) -> None:
    if record.offset == position.last_offset and fingerprint(record) != position.last_sha256:
        raise ForeignLog(position)


def _was_read(record: Record, position: Position) -> bool:
    return position.last_dead is not None and record.offset <= position.last_dead


def fingerprint(record: Record) -> bytes:
    """What is kept of the record applied last, to know its log by."""
    return hashlib.sha256(record.value or b"").digest()


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
        last_sha256=None if last is None else fingerprint(last),
    )


def _result(moves: Sequence[Move], fates: Sequence[Fate], *, withheld: int) -> BatchResult:
    return BatchResult(
        counters=Counters(
            applied=sum(move.counters.applied for move in moves),
            duplicates=sum(move.counters.duplicates for move in moves),
            dead=sum(move.counters.dead for move in moves),
            holes=sum(move.counters.holes for move in moves),
            replayed=sum(move.counters.replayed for move in moves),
        ),
        dead=Counter(fate.rejection.reason for fate in fates if isinstance(fate, Dead)),
        withheld=withheld,
    )
