"""The stage that decides about reports: decode and identify before the transaction, recall, decide and record in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from alerts.cases import Report
from alerts.consequences import Consequence, Mark, consequences
from alerts.deduplication import KnownEvent, Standing
from alerts.effects import Effects, Recorded
from alerts.errors import Missing
from alerts.memory import Memory
from alerts.pipeline import Setting, fold
from alerts.readings import Reading
from schemas.alert_events import AlertEvent
from schemas.records import Coordinates, Record
from schemas.rejections import Rejection
from storage import memory as recalling
from storage import recording
from storage import waiting as waiting_revisions
from storage.following import renewed
from storage.laboratories import Laboratory
from storage.memory import Kept, Known, Recalled, Wanted
from storage.waiting import Waiting
from streams import feedback
from streams.reading import Reader, Readers
from streams.stage import Again, Applied, Dead, Duplicate, Fate

MOST_RECALLS = 4

WaitingFor = dict[Report, list[Reading]]
"""Revisions by the event they wait for."""

Outcome = Rejection | tuple[Consequence, ...]
"""Why a report is refused; or what became of it, and after it of revisions that waited for it."""


@dataclass(frozen=True)
class Assessed:
    """A record with its reading, or why it is refused."""

    record: Record
    outcome: Reading | Rejection


@dataclass
class Assess:
    """Reports of registered laboratories. `kept` holds the cases this process wrote last.

    The catalogue in `setting` follows that of the database: from one batch to the next, without a restart.
    """

    setting: Setting
    laboratories: Mapping[str, Laboratory]
    kept: Kept = field(default_factory=Kept)
    readers: Readers = field(default_factory=lambda: Readers(0))

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        """Decode, check the reporter, identify: each record by itself."""
        outcomes = self.readers.read(records, self._reader)
        return [Assessed(record, outcome) for record, outcome in zip(records, outcomes, strict=True)]

    @property
    def _reader(self) -> Reader:
        return Reader(self.setting, self.laboratories)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        """Decide about all of them in order, and write what follows. Raises `Again` when another catalogue holds."""
        self._follow_catalogue(connection, prepared)
        readings = [item.outcome for item in prepared if isinstance(item.outcome, Reading)]
        known = recalling.known_events(connection, [reading.report for reading in readings])
        waiting = self._waiting(connection, readings, known)
        readings += [reading for held in waiting.values() for reading in held]
        news = [one for one in readings if not known.has_seen(one.report, one.decoded.detection.revision)]
        wanted = Wanted(
            reports=tuple(reading.report for reading in news),
            evidence=tuple(evidence for reading in news for evidence in reading.said.evidence),
            longest=self.setting.grading.rules.windows_days.longest,
        )
        known = known.filed_again(wanted.reports)
        recalling.lock(connection, wanted.files | known.files)
        recalled, effects, found = self._decided(connection, prepared, wanted, known, waiting)
        events = recording.record(connection, recalled, effects, kept=self.kept)
        self._keep_waiting(connection, prepared, effects)
        times = {item.record.coordinates: item.record.timestamp for item in prepared}
        times.update((one.source, one.at) for held in waiting.values() for one in held if one.source is not None)
        return [_fate(one, events, times) for one in found]

    def _follow_catalogue(self, connection: Connection, prepared: Sequence[Assessed]) -> None:
        """The newest version, which no other follows before the transaction ends. What was read with another one,
        before it or by this process in another thread, is read again."""
        self.setting = renewed(connection, self.setting)
        read_with = (self.setting.catalogue.version, self.setting.routes.version)
        readings = (item.outcome for item in prepared if isinstance(item.outcome, Reading))
        if any((reading.catalogue, reading.routes) != read_with for reading in readings):
            raise Again

    def _decided(
        self, connection: Connection, prepared: Sequence[Assessed], wanted: Wanted, known: Known, waiting: WaitingFor
    ) -> tuple[Recalled, Effects, list[Outcome]]:
        whole: frozenset[str] = frozenset()
        for _ in range(MOST_RECALLS):
            recalled = recalling.recall(connection, wanted, _copied(known), whole=whole, kept=self.kept)
            recalled.memory.waiting = {report: list(held) for report, held in waiting.items()}
            effects, found = Effects(), list[Outcome]()
            try:
                for item in prepared:
                    found.append(self._fold(item, recalled.memory, effects))
            except Missing as missing:
                whole |= missing.keys
                continue
            return recalled, effects, found
        raise Again

    def _waiting(self, connection: Connection, readings: Sequence[Reading], known: Known) -> WaitingFor:
        """Revisions that came before these events and wait for them, read anew."""
        found: WaitingFor = {}
        reader = self._reader
        ids = {reading.report[1] for reading in readings}
        for one in waiting_revisions.waiting_for(connection, sorted(ids)) if ids else ():
            reading = reader(one.record)
            if isinstance(reading, Reading):
                found.setdefault(reading.report, []).append(reading)
                known.events.setdefault(reading.report, KnownEvent(*reading.report)).waiting[one.revision] = one.digest
        return found

    def _keep_waiting(self, connection: Connection, prepared: Sequence[Assessed], effects: Effects) -> None:
        """Store what waits now, with the record it came in, and forget what need not wait any more."""
        came = {item.record.coordinates: item.record for item in prepared}
        resumed = {_revision(item) for item in effects.resumed}
        kept = [
            Waiting(
                laboratory=item.laboratory,
                event_id=item.decoded.detection.event_id,
                revision=item.decoded.detection.revision,
                digest=item.decoded.digest,
                record=came[item.source],
            )
            for item in effects.waiting
            if item.source is not None and _revision(item) not in resumed
        ]
        waiting_revisions.change(connection, kept=kept, gone=sorted(resumed, key=str))

    def _fold(self, item: Assessed, memory: Memory, effects: Effects) -> Outcome:
        if isinstance(item.outcome, Rejection):
            return item.outcome
        since = Mark.of(effects)
        found = fold(item.outcome, memory, effects, self.setting)
        if isinstance(found, Rejection):
            return found
        return consequences(item.outcome, found, memory, effects, since)


def _fate(found: Outcome, events: Sequence[AlertEvent], times: Mapping[Coordinates, datetime]) -> Fate:
    """The fate of a record, with what its laboratory is told."""
    if isinstance(found, Rejection):
        return Dead(found)
    told = tuple(feedback.of(one, events, times[one.source]) for one in found if one.source is not None)
    return Duplicate(told) if found[0].standing is Standing.DUPLICATE else Applied(told)


def _revision(item: Recorded) -> tuple[str, UUID, int]:
    return (item.laboratory, item.decoded.detection.event_id, item.decoded.detection.revision)


def _copied(known: Known) -> Known:
    """Folding changes what is known of an event; each try begins with what was read."""
    return Known(
        events={report: event.copied() for report, event in known.events.items()},
        owners=dict(known.owners),
        filed=known.filed,
    )
