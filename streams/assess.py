"""The stage that decides about reports: decode and identify before the transaction, recall, decide and record in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from alerts.deduplication import Standing
from alerts.effects import Effects
from alerts.errors import Missing
from alerts.memory import Memory
from alerts.pipeline import Reading, Setting, fold, read
from schemas.decoding import decode
from schemas.records import Record
from schemas.rejections import Rejection
from schemas.topics import laboratory_of
from schemas.vocabularies import RejectionReason
from storage import memory as recalling
from storage import recording
from storage.laboratories import Laboratory, LaboratoryState
from storage.memory import Kept, Known, Recalled, Wanted
from storage.recording import Source
from streams.stage import Again, Applied, Dead, Duplicate, Fate

MOST_RECALLS = 4


@dataclass(frozen=True)
class Assessed:
    """A record with its reading, or why it is refused."""

    record: Record
    outcome: Reading | Rejection


@dataclass
class Assess:
    """Reports of registered laboratories. `kept` holds the cases this process wrote last."""

    setting: Setting
    laboratories: Mapping[str, Laboratory]
    kept: Kept = field(default_factory=Kept)

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        """Decode, check the reporter, identify: each record by itself."""
        return [Assessed(record, self._read(record)) for record in records]

    def _read(self, record: Record) -> Reading | Rejection:
        laboratory = self.laboratories.get(laboratory_of(record.topic) or "")
        if laboratory is None or laboratory.state is LaboratoryState.SUSPENDED:
            return _unknown(record, laboratory)
        decoded = decode(record, laboratory=laboratory.id)
        if isinstance(decoded, Rejection):
            return decoded
        role = decoded.detection.reporter.role
        if role not in laboratory.roles:
            return _other_role(laboratory, role)
        return read(decoded, laboratory=laboratory.canonical_id, at=record.timestamp, setting=self.setting)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        """Decide about all of them in order, and write what follows."""
        readings = [item.outcome for item in prepared if isinstance(item.outcome, Reading)]
        known = recalling.known_events(connection, [reading.report for reading in readings])
        news = [one for one in readings if not known.has_seen(one.report, one.decoded.detection.revision)]
        wanted = Wanted(
            reports=tuple(reading.report for reading in news),
            evidence=tuple(evidence for reading in news for evidence in reading.said.evidence),
            longest=self.setting.grading.rules.windows_days.longest,
        )
        known = known.filed_again(wanted.reports)
        recalling.lock(connection, wanted.files | known.files)
        recalled, effects, fates, sources = self._decided(connection, prepared, wanted, known)
        recording.record(connection, recalled, effects, sources, kept=self.kept)
        return fates

    def _decided(
        self, connection: Connection, prepared: Sequence[Assessed], wanted: Wanted, known: Known
    ) -> tuple[Recalled, Effects, list[Fate], dict[int, Source]]:
        whole: frozenset[str] = frozenset()
        for _ in range(MOST_RECALLS):
            recalled = recalling.recall(connection, wanted, _copied(known), whole=whole, kept=self.kept)
            effects, fates, sources = Effects(), list[Fate](), dict[int, Source]()
            try:
                for item in prepared:
                    fates.append(self._fold(item, recalled.memory, effects, sources))
            except Missing as missing:
                whole |= missing.keys
                continue
            return recalled, effects, fates, sources
        raise Again

    def _fold(self, item: Assessed, memory: Memory, effects: Effects, sources: dict[int, Source]) -> Fate:
        if isinstance(item.outcome, Rejection):
            return Dead(item.outcome)
        before = len(effects.recorded)
        found = fold(item.outcome, memory, effects, self.setting)
        if len(effects.recorded) > before:
            sources[before] = Source.of(item.record)
        if isinstance(found, Rejection):
            return Dead(found)
        return Duplicate() if found is Standing.DUPLICATE else Applied()


def _copied(known: Known) -> Known:
    """Folding changes what is known of an event; each try begins with what was read."""
    return Known(
        events={report: event.copied() for report, event in known.events.items()},
        owners=dict(known.owners),
        filed=known.filed,
    )


def _unknown(record: Record, laboratory: Laboratory | None) -> Rejection:
    if laboratory is None:
        sentence = f"No laboratory is registered for the topic {record.topic}: ask the operators to register it."
    else:
        sentence = f"The laboratory {laboratory.id} is suspended: ask the operators what has to happen first."
    return Rejection.because(RejectionReason.UNKNOWN_REPORTER, sentence, "/reporter/lab")


def _other_role(laboratory: Laboratory, role: str) -> Rejection:
    allowed = ", ".join(sorted(laboratory.roles)) or "none"
    return Rejection.because(
        RejectionReason.REPORTER_MISMATCH,
        f"The laboratory {laboratory.id} is registered as {allowed}, not as {role}: send a role it has.",
        "/reporter/role",
    )
