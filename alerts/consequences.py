"""What became of one report, as far as its own laboratory may know: the cases it counts in, what was said of it.

Nothing that rests on reports of others which are for their recipients only (P5): such a level or alert is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.cases import Case, CaseFile, Report
from alerts.deduplication import Standing
from alerts.effects import Effects, Recorded
from alerts.memory import Memory
from alerts.readings import Reading
from alerts.summary import MOST_SOURCES
from schemas.alert_events import AlertEvent, Source
from schemas.decoding import Decoded
from schemas.feedback import FeedbackAlert, FeedbackCase
from schemas.records import Coordinates
from schemas.vocabularies import Handling, Level, Tense

SHARED_UP_TO = Handling.AMBER
"""More closed than this is for its recipients only."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far the effects of a batch had come before a report was folded."""

    events: int
    resumed: int

    @classmethod
    def of(cls, effects: Effects) -> "Mark":
        return cls(events=len(effects.events), resumed=len(effects.resumed))


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What became of a report. `first` to `stop` are the places of what was said among the effects' events, which get
    their numbers only when they are recorded."""

    standing: Standing
    laboratory: str
    decoded: Decoded
    source: Coordinates | None
    cases: tuple[FeedbackCase, ...] = ()
    first: int = 0
    stop: int = 0

    def alerts(self, events: Sequence[AlertEvent]) -> tuple[FeedbackAlert, ...]:
        """What was said, from the events as they were recorded."""
        return tuple(
            FeedbackAlert(number=event.number, revision=event.revision, kind=event.kind, level=event.level)
            for event in events[self.first : self.stop]
            if _may_know(
                self.laboratory,
                event.handling,
                event.use_conditions,
                event.sources,
                complete=len(event.sources) < MOST_SOURCES,
            )
        )


def consequences(
    reading: Reading, found: Standing, memory: Memory, effects: Effects, since: Mark
) -> tuple[Consequence, ...]:
    """Of the report itself, then of revisions that had waited for it. Ask right after the fold."""
    if found in (Standing.DUPLICATE, Standing.WAITS):
        return (_bare(reading, found),)
    resumed = len(effects.resumed) - since.resumed
    return tuple(_of(one, memory, effects, since) for one in effects.recorded[-1 - resumed :])


def _bare(reading: Reading, found: Standing) -> Consequence:
    return Consequence(standing=found, laboratory=reading.laboratory, decoded=reading.decoded, source=reading.source)


def _of(recorded: Recorded, memory: Memory, effects: Effects, since: Mark) -> Consequence:
    return Consequence(
        standing=recorded.standing,
        laboratory=recorded.laboratory,
        decoded=recorded.decoded,
        source=recorded.source,
        cases=tuple(_cases(recorded, memory)),
        first=since.events,
        stop=len(effects.events),
    )


def _cases(recorded: Recorded, memory: Memory) -> Iterable[FeedbackCase]:
    """Each case once, under the name of the report's own finding."""
    status = recorded.decoded.detection.status
    ledger = Tense.ACTUAL if status is Tense.ARCHIVAL else status
    report, seen = (recorded.laboratory, recorded.decoded.detection.event_id), set[str]()
    for named, key in zip(recorded.named, recorded.case_keys, strict=True):
        file = memory.files.get((ledger, key or ""))
        case = None if file is None else _filed_in(file, report)
        if case is not None and case.id not in seen:
            seen.add(case.id)
            level = _level(case, recorded.laboratory)
            yield FeedbackCase.trusted(case_id=case.id, substance=named.identity.name, level=level)


def _filed_in(file: CaseFile, report: Report) -> Case | None:
    """The case that the report stands in now."""
    if file.known is not None:
        filed = file.known.get(report)
    else:
        filed = next((item for item in reversed(file.added) if item.evidence.report == report), None)
    return next((case for case in file.cases() if filed is not None and case.id == filed.case), None)


def _level(case: Case, laboratory: str) -> Level | None:
    summary = case.summary
    complete = summary.reports == len(summary.sources)
    known = _may_know(laboratory, summary.handling, summary.use_conditions, summary.sources, complete=complete)
    return case.computed if known else None


def _may_know(
    laboratory: str, handling: Handling, conditions: Sequence[str], sources: Sequence[Source], *, complete: bool
) -> bool:
    """Open enough, or told by this laboratory alone."""
    if handling.within(SHARED_UP_TO) and not conditions:
        return True
    return complete and bool(sources) and all(one.laboratory == laboratory for one in sources)
