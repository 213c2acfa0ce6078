"""The reference: what the log holds, read back and folded in one process, beside what the database and Kafka hold."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from sqlalchemy import Connection, Engine, text

from alerts.catalogue import load
from alerts.days import Cell, CellBody, Place
from alerts.deduplication import Standing
from alerts.effects import Effects
from alerts.evidence import Subject
from alerts.grading import Grade, european_grading
from alerts.memory import Memory
from alerts.pipeline import Setting, fold, read
from alerts.summary import Summary
from schemas.alert_events import AlertEvent
from schemas.decoding import Decoded, decode
from schemas.records import Coordinates, Record
from schemas.rejections import Rejection
from schemas.topics import ALERT_EVENTS, laboratory_of
from streams.clients import consumer_options, instant
from streams.config import Kafka
from tests.kill.messages import MARK

UNNUMBERED: Final = {"number", "references"}
"""Labels from a sequence that may have gaps; everything else of an event is the same in every run, times included."""

FETCH: Final = 8 * 1024 * 1024

_FIRST_LOGGED: Final = text("""
    SELECT laboratory, event_id, revision, min(id) FROM case_log WHERE event_id IS NOT NULL GROUP BY 1, 2, 3
""")
_APPLIED: Final = text("""
    SELECT topic, partition, "offset" FROM detections UNION ALL
    SELECT topic, partition, "offset" FROM waiting_revisions
""")
_DEAD: Final = text('SELECT topic, partition, "offset" FROM dead_letters')
_CASES: Final = text("""
    SELECT id, state, level, listed, first_event, CAST(subject AS text), CAST(summary AS text) FROM cases
""")
_DAYS: Final = text("SELECT case_id, day, country, region, CAST(body AS text) FROM case_days")
_GRADES: Final = text("SELECT case_id, CAST(body AS text) FROM case_grades")
_ALERTS: Final = text("SELECT CAST(body AS text) FROM alerts ORDER BY alert_id, revision")

CaseRow = tuple[str, int, bool, date | None, Subject, Summary]
"""State, computed level, whether listed, first event, what it is about, what it counts."""
Revision = tuple[str, UUID, int]


@dataclass
class Outcome:
    """What became of the reports: of the reference, or of the system."""

    applied: set[Coordinates] = field(default_factory=set)
    dead: set[Coordinates] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)
    cases: dict[str, CaseRow] = field(default_factory=dict)
    days: dict[tuple[str, Place], Cell] = field(default_factory=dict)
    grades: dict[tuple[str, date], Grade] = field(default_factory=dict)
    events: dict[UUID, Mapping[str, object]] = field(default_factory=dict)


async def read_log(kafka: Kafka, topics: Sequence[str]) -> list[Record]:
    """Every record of these topics, each partition in the order of offsets; all they hold now."""
    options = {**consumer_options(kafka), "auto_offset_reset": "earliest", "max_partition_fetch_bytes": FETCH}
    consumer = AIOKafkaConsumer(*topics, **options)
    await consumer.start()
    found: list[Record] = []
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [_record(one) for one in records]
    finally:
        await consumer.stop()
    return found


def _record(raw: "ConsumerRecord[bytes, bytes]") -> Record:
    headers = tuple((name, value or b"") for name, value in raw.headers)
    at = instant(raw.timestamp)
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp=at,
        key=raw.key,
        value=raw.value,
        headers=headers,
    )


def folded(records: Iterable[Record], logged: Mapping[Revision, int]) -> Outcome:
    """The fold of these records. Within a topic in the order of offsets, between topics in that of the case log.

    Records of two laboratories that meet at a case may be decided in either order; the case log, written under the
    locks of the cases, says which it was.
    """
    setting = Setting(catalogue=load(), grading=european_grading())
    memory, effects, found = Memory(complete=True), Effects(), Outcome()
    for record in _ordered(records, logged):
        decoded = decode(record, laboratory=laboratory_of(record.topic) or "")
        if isinstance(decoded, Rejection) or MARK in (record.value or b""):
            found.dead.add(record.coordinates)
            continue
        _fold(record, decoded, memory, effects, setting, found)
    _describe(memory, effects, found)
    return found


def _fold(record: Record, decoded: Decoded, memory: Memory, effects: Effects, setting: Setting, found: Outcome) -> None:
    laboratory = decoded.detection.reporter.lab
    reading = read(decoded, laboratory=laboratory, at=record.timestamp, setting=setting, source=record.coordinates)
    fate = fold(reading, memory, effects, setting)
    if isinstance(fate, Rejection):
        found.dead.add(record.coordinates)
    elif fate is Standing.DUPLICATE:
        found.others[record.topic] += 1
    else:
        found.applied.add(record.coordinates)


def _ordered(records: Iterable[Record], logged: Mapping[Revision, int]) -> list[Record]:
    """A record without an entry of its own stays behind the one before it in its topic."""
    reached: dict[str, int] = {}
    seen: set[Revision] = set()
    places: dict[Coordinates, int] = {}
    known = sorted(records, key=lambda record: (record.topic, record.offset))
    for record in known:
        revision = _revision(record)
        place = reached.get(record.topic, 0)
        first_of_event = revision is None or revision[2] == 1 or (*revision[:2], 1) in seen
        if revision is not None and revision not in seen and first_of_event:
            place = max(place, logged.get(revision, 0))
        if revision is not None:
            seen.add(revision)
        reached[record.topic] = places[record.coordinates] = place
    return sorted(known, key=lambda record: (places[record.coordinates], record.topic, record.offset))


def _revision(record: Record) -> Revision | None:
    """What a record says it is; None when it cannot be read."""
    try:
        document = json.loads(record.value or b"")
    except ValueError:
        return None
    return laboratory_of(record.topic) or "", UUID(document["event_id"]), int(document["revision"])


def _describe(memory: Memory, effects: Effects, found: Outcome) -> None:
    for file in memory.files.values():
        for case in file.cases():
            row = (case.state.value, int(case.computed), case.listed, case.first_event, case.subject, case.summary)
            found.cases[case.id] = row
            found.days |= {(case.id, place): cell for place, cell in case.days.items()}
            found.grades |= {(case.id, anchor): grade for anchor, grade in case.grades.items()}
    found.events = {event.event_id: unnumbered(event) for event in effects.events}


def unnumbered(event: AlertEvent) -> Mapping[str, object]:
    """An event as every run says it."""
    content: Mapping[str, object] = event.model_dump(mode="json", exclude=UNNUMBERED)
    return content


def stored(engine: Engine) -> tuple[Outcome, dict[Revision, int]]:
    """What the database holds, and the first entry of each revision in the case log."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        return _stored(connection), {
            (laboratory, event_id, revision): first
            for laboratory, event_id, revision, first in connection.execute(_FIRST_LOGGED)
        }


def _stored(connection: Connection) -> Outcome:
    events = [AlertEvent.model_validate_json(body) for (body,) in connection.execute(_ALERTS)]
    grades = [(case, Grade.model_validate_json(body)) for case, body in connection.execute(_GRADES)]
    return Outcome(
        applied={Coordinates(*row) for row in connection.execute(_APPLIED)},
        dead={Coordinates(*row) for row in connection.execute(_DEAD)},
        cases={
            case: (*row, Subject.model_validate_json(subject), Summary.model_validate_json(summary))
            for case, *row, subject, summary in connection.execute(_CASES)
        },
        days={
            (case, Place(day, country, region)): Cell.of(CellBody.model_validate_json(body))
            for case, day, country, region, body in connection.execute(_DAYS)
        },
        grades={(case, grade.anchor): grade for case, grade in grades},
        events={event.event_id: unnumbered(event) for event in events},
    )


async def published(kafka: Kafka) -> list[AlertEvent]:
    """What `alert-events` says, repeats included."""
    return [AlertEvent.model_validate_json(one.value or b"") for one in await read_log(kafka, [ALERT_EVENTS])]
