"""A worker as `tocsin worker` starts it, with one part replaced as no setting of the product can.

`python -m tests.streaming.launcher believing`: positions that believe whatever arrives; the control run that shows what
the positions are for. `… small`: a stage that writes one row per record and obeys what the record says.
`… tail`: the small stage with an impatient watchdog. `… mended`: the same, without the bugs that records ask for.
`… watchful`: the product's stage with an impatient watchdog. `… halting`: the product's stage; the first worker that
holds the locks of a batch in which a report says `halt here` stops itself with SIGSTOP before it commits.
`… uncommitted`: the small stage, and a broker that never answers when it is told how far the group has read.
"""

import asyncio
import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP
from sqlalchemy import Connection, text

from schemas.records import Record
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason
from storage.positions import Partition, Position
from streams.assess import Assessed
from streams.config import Flow
from streams.stage import Again, Applied, Dead, Duplicate, Fate, Stage
from streams.transaction import Batch, Placement, Progress
from streams.worker import run
from tocsin import logs, wiring

CREATE: Final = """CREATE TABLE seen (
    topic text, partition int, "offset" bigint, value text, at timestamptz,
    place bigint GENERATED ALWAYS AS IDENTITY)"""
"""Without a key: a record applied twice is two rows."""

_ADD: Final = text("""
    INSERT INTO seen (topic, partition, "offset", value, at)
    SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                         CAST(:values AS text[]), CAST(:times AS timestamptz[]))
""")


class Small:
    """Remembers each record. Values that begin with `twice`, `dead`, `again`, `bug`, `unready` or `slow` do as
    they say; the slow one takes longer than a transaction may, unless it is alone."""

    def __init__(self, *, mended: bool = False) -> None:
        self.asked_again = 0
        self.mended = mended

    def prepare(self, records: Sequence[Record]) -> Sequence[Record]:
        if any(_says(record, b"unready") for record in records):
            raise LookupError("a fault before the transaction")
        return records

    def apply(self, connection: Connection, prepared: Sequence[Record]) -> Sequence[Fate]:
        if not self.mended and any(_says(record, b"bug") for record in prepared):
            raise ZeroDivisionError("a fault in the handler")
        if len(prepared) > 1 and any(_says(record, b"slow") for record in prepared):
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            time.sleep(0.3)
        fates = [_fate(record) for record in prepared]
        applied = [record for record, fate in zip(prepared, fates, strict=True) if isinstance(fate, Applied)]
        connection.execute(
            _ADD,
            {
                "topics": [record.topic for record in applied],
                "partitions": [record.partition for record in applied],
                "offsets": [record.offset for record in applied],
                "times": [record.timestamp for record in applied],
                "values": [(record.value or b"").decode("utf-8", "replace") for record in applied],
            },
        )
        if any(_says(record, b"again") for record in prepared) and self.asked_again < 20:
            self.asked_again += 1
            raise Again
        return fates


@dataclass(frozen=True)
class Halting:
    """The product's stage, stopped once between its locks and the commit."""

    stage: Stage[Assessed]
    mark: Path

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        return self.stage.prepare(records)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        fates = self.stage.apply(connection, prepared)
        if any(b"halt here" in (item.record.value or b"") for item in prepared) and not self.mark.exists():
            self.mark.write_text(str(os.getpid()))
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # to the process: this thread may go on a bit
        return fates


def _says(record: Record, word: bytes) -> bool:
    return (record.value or b"").startswith(word)


def _fate(record: Record) -> Fate:
    if _says(record, b"twice"):
        return Duplicate()
    if _says(record, b"dead"):
        return Dead(Rejection.because(RejectionReason.INVALID, "It says so itself.", "/a"))
    return Applied()


def believe(batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement:
    """Every record is new, and nothing is ever missing."""
    reached = {partition: Progress(position.next_offset) for partition, position in known.items()}
    for record in batch.records:
        progress = reached[Partition(flow=flow, topic=record.topic, partition=record.partition)]
        progress.next_offset, progress.last = max(progress.next_offset, record.offset + 1), record
    return Placement(tuple(range(len(batch.records))), reached)


async def _never_answered(thread: AIOKafkaConsumerThread, offsets: Mapping[TP, int]) -> bool:
    print("commit asked", offsets, flush=True)
    await asyncio.Event().wait()
    return False


def main(kind: str) -> int:
    """Run the worker of this kind until it is ended."""
    settings = wiring.settings()
    logs.configure(settings.log_level)
    worker = wiring.worker(settings, Flow.LIVE)
    if kind == "believing":
        return run(dataclasses.replace(worker, place=believe))
    if kind == "halting":
        return run(dataclasses.replace(worker, stage=Halting(worker.stage, settings.data_dir / "halted")))
    if kind == "uncommitted":
        AIOKafkaConsumerThread._commit = _never_answered  # type: ignore[method-assign, assignment]  # no real one would
    impatient = dataclasses.replace(worker.stream, watch_every=0.5, watch_patience=2.0)
    if kind == "watchful":
        return run(dataclasses.replace(worker, stream=impatient))
    stream = worker.stream if kind in ("small", "uncommitted") else impatient
    stage = Small(mended=kind == "mended")
    return run(dataclasses.replace(worker, stage=stage, stream=stream, tick=None))  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
