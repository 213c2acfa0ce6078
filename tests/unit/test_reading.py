"""Records are read beside the worker as in the worker itself, and one that kills a reader kills nothing else."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
import pytest

from alerts import catalogue
from alerts.grading import european_grading
from alerts.pipeline import Setting
from schemas.records import Record
from schemas.topics import detections_topic
from schemas.vocabularies import ReporterRole
from storage.laboratories import Laboratory
from streams.reading import WORTH_SENDING, Outcome, Reader, ReaderDied, Readers
from tests.bench.reports import laboratories, reports

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LABORATORIES = {
    name: Laboratory(
        id=name,
        display_name=f"Example laboratory {name}",
        country=name[:2].upper(),
        roles=frozenset(ReporterRole),
        topic=detections_topic(name),
    )
    for name in laboratories("read")
}
READER = Reader(Setting(catalogue=catalogue.load(), grading=european_grading()), LABORATORIES)
NOTHING = catalogue.assembled(catalogue.Rows(substances=()), version="nothing is known")
DEADLY = b"this one kills"


@dataclass(frozen=True)
class Mortal(Reader):
    """A reader that one record ends, as a structure may end the chemistry library."""

    def __call__(self, record: Record) -> Outcome:
        if record.value == DEADLY:
            os._exit(139)
        return super().__call__(record)


def records(count: int) -> list[Record]:
    made = [Record(topic="detections-nobody", partition=0, offset=0, timestamp=NOW, value=b"{}")]
    for name in LABORATORIES:
        made.append(Record(topic=detections_topic(name), partition=0, offset=1, timestamp=NOW, value=b"{"))
    for number, one in enumerate(reports(count - len(made), until=NOW, by=tuple(LABORATORIES))):
        topic = detections_topic(one.laboratory)
        made.append(Record(topic=topic, partition=0, offset=2 + number, timestamp=NOW, value=one.value))
    return made


@pytest.mark.parametrize("count", [1, 3])
def test_reading_elsewhere_says_the_same_in_the_same_order(count: int) -> None:
    found = records(200)
    readers = Readers(count)
    try:
        told = readers.read(found, READER)
        beside = psutil.Process().children(recursive=True)
    finally:
        readers.close()
    assert told == [READER(one) for one in found]
    assert len(beside) >= count


def test_a_new_catalogue_is_read_with_by_the_process_that_runs() -> None:
    found = records(WORTH_SENDING)
    readers = Readers(1)
    try:
        readers.read(found, READER)
        other = Reader(Setting(catalogue=NOTHING, grading=READER.setting.grading), LABORATORIES)
        assert readers.read(found, other) == [other(one) for one in found] != [READER(one) for one in found]
    finally:
        readers.close()


def test_a_record_that_kills_a_reader_fails_alone_and_the_others_are_read() -> None:
    mortal = Mortal(READER.setting, LABORATORIES)
    found = records(2 * WORTH_SENDING)
    deadly = Record(topic=found[-1].topic, partition=0, offset=99_999, timestamp=NOW, value=DEADLY)
    readers = Readers(1)
    try:
        with pytest.raises(ReaderDied, match="65 records"):
            readers.read([*found, deadly], mortal)
        assert readers.read(found[:5], mortal) == [READER(one) for one in found[:5]]
        with pytest.raises(ReaderDied, match="1 records"):
            readers.read([deadly], mortal)
        assert readers.read(found, mortal) == [READER(one) for one in found]
    finally:
        readers.close()
