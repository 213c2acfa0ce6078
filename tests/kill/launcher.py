"""Starts a real worker on a small stage that writes one row per record: `python -m tests.kill.launcher ORDER.json`.

`believing` replaces the positions by ones that believe whatever arrives, as no setting of the product can: the control
run that shows what the positions are for.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from schemas.records import Record
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason
from storage.engine import connect
from storage.positions import Partition, Position
from streams.config import Kafka, Stream
from streams.stage import Applied, Dead, Duplicate, Fate
from streams.transaction import Batch, Place, Placement, Progress, place
from streams.worker import Worker, run

CREATE: Final = 'CREATE TABLE seen (topic text, partition int, "offset" bigint, value text)'
"""Without a key: a record applied twice is two rows."""

_ADD: Final = text("""
    INSERT INTO seen SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]),
                                          CAST(:offsets AS bigint[]), CAST(:values AS text[]))
""")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker is to do, as JSON between the test and its process."""

    kafka: str
    database: str
    application: str
    topics: tuple[str, ...]
    registry: int
    directory: str
    believing: bool = False
    watch_patience: float = 8.0
    environment: Mapping[str, str] = field(default_factory=dict)


class Seen:
    """A stage that remembers each record. Values say what it is to do: `twice`, `dead` and `bug` are special."""

    def prepare(self, records: Sequence[Record]) -> Sequence[Record]:
        return records

    def apply(self, connection: Connection, prepared: Sequence[Record]) -> Sequence[Fate]:
        if any((record.value or b"").startswith(b"bug") for record in prepared):
            raise ZeroDivisionError("a fault in the handler")
        fates = [_fate(record) for record in prepared]
        applied = [record for record, fate in zip(prepared, fates, strict=True) if isinstance(fate, Applied)]
        connection.execute(
            _ADD,
            {
                "topics": [record.topic for record in applied],
                "partitions": [record.partition for record in applied],
                "offsets": [record.offset for record in applied],
                "values": [(record.value or b"").decode() for record in applied],
            },
        )
        return fates


def _fate(record: Record) -> Fate:
    value = record.value or b""
    if value.startswith(b"twice"):
        return Duplicate()
    if value.startswith(b"dead"):
        return Dead(Rejection.because(RejectionReason.INVALID, "It says so itself.", "/a"))
    return Applied()


def believe(batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement:
    """Every record is new, and nothing is ever missing."""
    reached = {partition: Progress(position.next_offset) for partition, position in known.items()}
    for record in batch.records:
        progress = reached[Partition(flow=flow, topic=record.topic, partition=record.partition)]
        progress.next_offset, progress.last = max(progress.next_offset, record.offset + 1), record
    return Placement(tuple(range(len(batch.records))), reached)


def main() -> int:
    """Run the ordered worker."""
    raw = json.loads(Path(sys.argv[1]).read_text())
    order = Order(**{**raw, "topics": tuple(raw["topics"])})
    chosen: Place = believe if order.believing else place
    return run(
        Worker(
            engine=connect(order.database, name="worker"),
            stream=Stream(
                kafka=Kafka(
                    bootstrap=order.kafka,
                    session_timeout=6.0,
                    heartbeat_interval=1.0,
                    rebalance_timeout=8.0,
                    request_timeout=20.0,
                ),
                application=order.application,
                flow="live",
                topics=order.topics,
                data_directory=Path(order.directory),
                watch_every=1.0,
                watch_patience=order.watch_patience,
            ),
            stage=Seen(),
            registry=order.registry,
            place=chosen,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
