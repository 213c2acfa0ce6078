"""Tells each laboratory what became of its reports: one message for what was decided together, through the outbox."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.consequences import Consequence
from alerts.deduplication import Standing
from schemas.alert_events import AlertEvent
from schemas.dead_letter_messages import Coordinates as Source
from schemas.detections import Detection
from schemas.feedback import MOST_NOTES, EventRevision, Feedback, ReportFeedback, masked, refused
from schemas.parsing import Json, parse
from schemas.records import Coordinates, Record
from schemas.rejections import Problem, Rejection
from schemas.topics import feedback_topic, laboratory_of
from schemas.vocabularies import Occasion, ReportFate
from storage.dead_letters import clean
from storage.outbox import Outgoing
from storage.waiting import PATIENCE
from streams.stage import Dead, Duplicate, Fate

MOST_REPORTS: Final = 500
MOST_BYTES: Final = 1024 * 1024
"""Of one message, estimated from above; its topic takes twice that."""

FATES: Final[Mapping[Standing, ReportFate]] = {
    Standing.FIRST: ReportFate.ACCEPTED,
    Standing.REPLACES: ReportFate.ACCEPTED,
    Standing.RETRACTS: ReportFate.ACCEPTED,
    Standing.LATE: ReportFate.LATE,
    Standing.WAITS: ReportFate.WAITING,
    Standing.DUPLICATE: ReportFate.DUPLICATE,
}


def of(consequence: Consequence, events: Sequence[AlertEvent], at: datetime) -> ReportFeedback:
    """What is told of a report that was not refused, received at this time. `events` have their numbers."""
    assert consequence.source is not None
    detection, fate = consequence.decoded.detection, FATES[consequence.standing]
    return ReportFeedback.trusted(
        source=_source(consequence.source, at),
        fate=fate,
        event_id=detection.event_id,
        revision=detection.revision,
        status=detection.status,
        notes=tuple(masked(clean(note)) for note in consequence.decoded.notes[:MOST_NOTES]),
        duplicate_of=_same(detection) if fate is ReportFate.DUPLICATE else None,
        waits_until=at + PATIENCE if fate is ReportFate.WAITING else None,
        cases=consequence.cases,
        alerts=consequence.alerts(events),
    )


def _same(detection: Detection) -> EventRevision:
    return EventRevision(event_id=detection.event_id, revision=detection.revision)


def refusal(record: Record, rejection: Rejection, occasion: Occasion = Occasion.RECEIVED) -> ReportFeedback:
    """What is told of a record that was refused, with the ids that can be read from it."""
    event_id, revision = _named(record.value)
    problems = tuple(Problem(pointer=clean(one.pointer), sentence=clean(one.sentence)) for one in rejection.problems)
    return refused(
        _source(record.coordinates, record.timestamp),
        Rejection(reason=rejection.reason, problems=problems),
        event_id=event_id,
        revision=revision,
        occasion=occasion,
    )


def told(record: Record, fate: Fate, occasion: Occasion = Occasion.RECEIVED) -> tuple[ReportFeedback, ...]:
    """Everything that a laboratory is told because of one record: of the report, then of others that waited for it."""
    if isinstance(fate, Dead):
        return (refusal(record, fate.rejection, occasion),)
    if not fate.told:
        plain = ReportFate.DUPLICATE if isinstance(fate, Duplicate) else ReportFate.ACCEPTED
        return (ReportFeedback(source=_source(record.coordinates, record.timestamp), fate=plain, occasion=occasion),)
    own, *others = fate.told
    if occasion is not Occasion.RECEIVED:
        own = own.model_copy(update={"occasion": occasion})
    return (own, *(one.model_copy(update={"occasion": Occasion.EVENT_CAME}) for one in others))


def messages(reports: Iterable[ReportFeedback]) -> list[Outgoing]:
    """The messages about these reports, each to the laboratory whose topic the report came on."""
    by_laboratory: dict[str, list[ReportFeedback]] = {}
    for report in reports:
        laboratory = laboratory_of(report.source.topic)
        if laboratory is not None:
            by_laboratory.setdefault(laboratory, []).append(report)
    return [_message(name, part) for name, told in by_laboratory.items() for part in _parts(told)]


def _message(laboratory: str, reports: Sequence[ReportFeedback]) -> Outgoing:
    message = Feedback.to(laboratory, reports)
    return Outgoing(
        event_id=message.event_id,
        topic=feedback_topic(laboratory),
        key=laboratory,
        body=message.model_dump_json(exclude_none=True),
    )


def _parts(reports: Sequence[ReportFeedback]) -> Iterator[list[ReportFeedback]]:
    """In their order, none too many or too large for one message."""
    part, size = list[ReportFeedback](), 0
    for report in reports:
        weight = _weight(report)
        if part and (len(part) == MOST_REPORTS or size + weight > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(report)
        size += weight
    if part:
        yield part


def _weight(report: ReportFeedback) -> int:
    """Its size in bytes, rather too high: a character takes at most four, or six when it is escaped."""
    characters = sum(len(one.pointer) + len(one.sentence) for one in report.problems) + sum(map(len, report.notes))
    characters += sum(len(one.substance) for one in report.cases)
    return 1000 + 6 * characters + 120 * (len(report.cases) + len(report.alerts))


def _source(place: Coordinates, at: datetime) -> Source:
    offset = place.offset if place.offset >= 0 else -1 - place.offset
    return Source.trusted(topic=place.topic, partition=place.partition, offset=offset, timestamp=at)


def _named(value: bytes | None) -> tuple[UUID | None, int | None]:
    """Event id and revision of a report that was refused, where it says any."""
    parsed = parse(value)
    document: Json = None if isinstance(parsed, Rejection) else parsed.value
    if not isinstance(document, dict):
        return None, None
    revision = document.get("revision")
    known = isinstance(revision, int) and not isinstance(revision, bool) and 0 < revision < 2**31
    return _uuid(document.get("event_id")), revision if known and isinstance(revision, int) else None


def _uuid(said: Json) -> UUID | None:
    try:
        return UUID(said) if isinstance(said, str) else None
    except ValueError:
        return None
