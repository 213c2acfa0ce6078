"""Runs reports through exactly the functions the worker runs, over a memory in the process: no Kafka, no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from alerts.cases import Case, CaseFile
from alerts.deadlines import Deadline, earliest, timer_key
from alerts.deduplication import Standing, orphan
from alerts.effects import Effects
from alerts.memory import Memory
from alerts.pipeline import Setting, fold, read, wake
from alerts.readings import Reading
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.decoding import CLOCK_TOLERANCE, Decoded, decode_bytes
from schemas.records import Coordinates
from schemas.rejections import Rejection
from schemas.vocabularies import AlertKind, CaseState, Level, RejectionReason, Tense


class RejectedLine(Frozen):
    """A report that was refused; the first line is 1."""

    line: int
    reason: RejectionReason
    pointer: str
    sentence: str


class Reports(Frozen):
    applied: int
    duplicates: int
    rejected: tuple[RejectedLine, ...]


class SimulatedCase(Frozen):
    """A case at the end. `level` is the computed one."""

    case: str
    substance: str
    name: str
    category: str
    subgroup: str | None
    tense: Tense
    countries: tuple[str, ...]
    level: str
    impact: int
    spread: int
    confidence: str | None
    rules: tuple[str, ...]
    state: str
    events: int
    provisional: bool


class SimulatedMessage(Frozen):
    at: datetime
    case: str
    alert: str
    revision: int
    kind: AlertKind
    level: str
    countries: tuple[str, ...]
    changes: tuple[str, ...]
    read_with: tuple[str, ...]
    confidence: str
    provisional: bool
    explanation: str = ""


class Simulated(Frozen):
    """What `tocsin simulate --json` prints."""

    reports: Reports
    cases: tuple[SimulatedCase, ...]
    messages: tuple[SimulatedMessage, ...]


@dataclass
class Simulation:
    """A memory that reports are folded into, each at its own `reported_at`, timers in between."""

    setting: Setting
    memory: Memory = field(default_factory=lambda: Memory(complete=True))
    effects: Effects = field(default_factory=Effects)
    applied: int = 0
    duplicates: int = 0
    rejected: list[RejectedLine] = field(default_factory=list)

    def run(self, lines: Iterable[tuple[int, bytes]], *, now: datetime | None = None) -> None:
        """Fold numbered lines of JSON. `now` is the clock; without it the latest `reported_at`."""
        readings = [(line, found) for line, value in lines if (found := self._decoded(line, value)) is not None]
        latest = max((decoded.detection.reported_at for _, decoded in readings), default=None)
        clock = now or latest
        if clock is None:
            return
        for line, decoded in sorted(readings, key=lambda item: item[1].detection.reported_at):
            self._fold(line, decoded, clock)
        self._wake(clock)
        self._give_up()

    def _give_up(self) -> None:
        """No more reports come: what still waits for its event is an orphan."""
        for readings in self.memory.waiting.values():
            for reading in readings:
                self.applied -= 1
                self._refuse(reading.source.offset if reading.source else 0, orphan())
        self.memory.waiting.clear()

    def _decoded(self, line: int, value: bytes) -> Decoded | None:
        found = decode_bytes(value, laboratory=None)
        if isinstance(found, Rejection):
            self._refuse(line, found)
            return None
        return found

    def _refuse(self, line: int, rejection: Rejection) -> None:
        problem = rejection.problems[0]
        self.rejected.append(
            RejectedLine(line=line, reason=rejection.reason, pointer=problem.pointer, sentence=problem.sentence)
        )

    def _fold(self, line: int, decoded: Decoded, clock: datetime) -> None:
        at = decoded.detection.reported_at.astimezone(UTC)
        if at > clock + CLOCK_TOLERANCE:
            sentence = "reported_at lies in the future: send the time at which the report was made"
            self._refuse(line, Rejection.because(RejectionReason.INVALID, sentence, "/reported_at"))
            return
        self._wake(at)
        found = fold(self._read(line, decoded, at), self.memory, self.effects, self.setting)
        if isinstance(found, Rejection):
            self._refuse(line, found)
        elif found is Standing.DUPLICATE:
            self.duplicates += 1
        else:
            self.applied += 1

    def _read(self, line: int, decoded: Decoded, at: datetime) -> Reading:
        source = Coordinates("", 0, line)
        return read(decoded, laboratory=decoded.detection.reporter.lab, at=at, setting=self.setting, source=source)

    def _wake(self, until: datetime) -> None:
        """Run what is due by then, in the order the clock of a site would."""
        while found := min(self._due(until), key=lambda item: item[:2], default=None):
            at, _, kind, file, case = found
            wake(file, case, self.memory, self.effects, self.setting, due=at, kind=kind)

    def _due(self, until: datetime) -> Iterable[tuple[datetime, str, Deadline, CaseFile, Case]]:
        for file in self.memory.files.values():
            for case in file.cases():
                if found := earliest(case, until):
                    yield found[0], timer_key(case, found[1]), found[1], file, case

    def result(self) -> Simulated:
        """Reports, listed cases (not those that moved into another) and messages so far."""
        everything = [case for file in self.memory.files.values() for case in file.cases()]
        cases = [case for case in everything if case.listed and case.state is not CaseState.MOVED]
        return Simulated(
            reports=Reports(
                applied=self.applied,
                duplicates=self.duplicates,
                rejected=tuple(sorted(self.rejected, key=lambda item: item.line)),
            ),
            cases=tuple(_case(case) for case in sorted(cases, key=lambda case: (case.ledger, case.key, case.ordinal))),
            messages=tuple(_message(event) for event in self.effects.events),
        )


def _level(level: Level) -> str:
    return f"L{int(level)}"


def _case(case: Case) -> SimulatedCase:
    grade = case.grade
    return SimulatedCase(
        case=case.id,
        substance=case.subject.key,
        name=case.subject.name,
        category=case.subject.category.value,
        subgroup=case.subject.subgroup,
        tense=case.ledger,
        countries=tuple(sorted(country for country, events in case.summary.countries.items() if events)),
        level=_level(case.computed),
        impact=grade.impact if grade else 0,
        spread=grade.spread if grade else 0,
        confidence=grade.confidence.value if grade else None,
        rules=tuple(rule.id for rule in grade.fired) if grade else (),
        state=case.state.value,
        events=case.summary.events,
        provisional=case.provisional,
    )


def _message(event: AlertEvent) -> SimulatedMessage:
    return SimulatedMessage(
        at=event.decided_at,
        case=event.case_id,
        alert=event.number,
        revision=event.revision,
        kind=event.kind,
        level=_level(event.level),
        countries=tuple(sorted(event.affected)),
        changes=tuple(event.changes),
        read_with=event.references,
        confidence=event.confidence.value,
        provisional=event.provisional,
        explanation=event.explanation,
    )


def simulate(lines: Sequence[tuple[int, bytes]], *, setting: Setting, now: datetime | None = None) -> Simulated:
    """Fold all lines and return what came of them."""
    simulation = Simulation(setting)
    simulation.run(lines, now=now)
    return simulation.result()
