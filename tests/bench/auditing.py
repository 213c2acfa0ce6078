"""`python -m tests.bench.auditing`: how long `tocsin audit` takes over a million reports, log compared with rows.

The reports are in Kafka; their rows are written straight into the database, as a worker would have left them: one in
twenty is a duplicate, one in a hundred a dead letter. Engines of its own; with 1,000,000 it takes some eight minutes.
`--reports` sets the size.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from resource import RUSAGE_CHILDREN, getrusage
from typing import Final
from uuid import UUID

import psutil
from sqlalchemy import Engine, text

from schemas.decoding import content_of
from schemas.records import Record
from schemas.rejections import Rejection
from schemas.topics import detections_topic
from schemas.vocabularies import RejectionReason
from storage import dead_letters, positions
from storage.dead_letters import DeadLetter
from storage.positions import Counters, Move, Partition
from tests.bench.figures import Figure, show
from tests.bench.reports import laboratories
from tests.bench.site import Run, Site, cpu_of, site
from tests.bench.sized import Say, sized
from tests.programs import clean_environment, tocsin
from tests.streaming.site import report

SIZE: Final = 1_000_000
PART: Final = 10_000
TARGET: Final = 60.0


_COPY: Final = """
    COPY detections (laboratory, event_id, revision, digest, status, standing, decided_at, topic, partition, "offset",
                     body) FROM STDIN
"""


@dataclass(frozen=True)
class Audited:
    """One run of the command. Its CPU, all processes, and that of PostgreSQL tell more on a machine with much to do."""

    seconds: float
    cpu: float
    database_cpu: float
    records: int
    memory_mb: float


def measure(made: Site, size: int, say: Say) -> Audited:
    """Fill and audit."""
    names = laboratories("audit")
    made.open_topics(names)
    with made.run("audit", names) as run:
        for number, name in enumerate(names):
            _fill(made, run, name, size // len(names), first=number * size)
            say(f"{(number + 1) * (size // len(names)):,} reports are in Kafka and in the database")
        with run.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        return _audited(run)


def _fill(made: Site, run: Run, name: str, count: int, *, first: int) -> None:
    partition = Partition(flow="live", topic=detections_topic(name), partition=0)
    with run.engine.begin() as connection:
        positions.register(connection, partition, log_start=0, cluster_id=None)
    for start in range(0, count, PART):
        values = [_value(name, first + number) for number in range(start, min(start + PART, count))]
        made.publish({name: values})
        _write(run.engine, partition, start, values)


def _value(name: str, number: int) -> bytes:
    if number % 100 == 50:
        return b"{no report"
    return report(name, number - 1 if number % 20 == 7 else number)


def _write(engine: Engine, partition: Partition, start: int, values: Sequence[bytes]) -> None:
    """What a worker would have written, the position included; feedback and cases are not looked at."""
    dead = [start + place for place, value in enumerate(values) if content_of(value) is None]
    kept = list(_rows(partition.topic, start, values))
    raw = engine.raw_connection()
    with raw.cursor().copy(_COPY) as copy:
        for row in kept:
            copy.write_row(row)
    raw.commit()
    raw.close()
    counters = Counters(applied=len(kept), dead=len(dead), duplicates=len(values) - len(kept) - len(dead))
    with engine.begin() as connection:
        dead_letters.add(connection, [_letter(partition, offset, values[offset - start]) for offset in dead])
        move = Move(partition=partition, next_offset=start + len(values), counters=counters)
        positions.advance(connection, [move])


def _rows(topic: str, start: int, values: Sequence[bytes]) -> Iterator[tuple[object, ...]]:
    seen: set[UUID] = set()
    for place, value in enumerate(values):
        content = content_of(value)
        event_id = None if content is None else UUID(json.loads(content)["event_id"])
        if content is None or event_id is None or event_id in seen:
            continue
        seen.add(event_id)
        digest = hashlib.sha256(content.encode()).hexdigest()
        laboratory = topic.removeprefix("detections-")
        now = datetime.now(UTC)
        yield laboratory, event_id, 1, digest, "actual", "first", now, topic, 0, start + place, content


def _letter(partition: Partition, offset: int, value: bytes) -> DeadLetter:
    record = Record(
        topic=partition.topic, partition=0, offset=offset, timestamp=datetime.now(UTC), value=value, headers=()
    )
    return DeadLetter(flow="live", record=record, rejection=Rejection.because(RejectionReason.UNDECODABLE, "example"))


def _audited(run: Run) -> Audited:
    environment = {
        "TOCSIN_KAFKA__BOOTSTRAP": run.site.kafka.bootstrap,
        "TOCSIN_DATABASE__URL": run.url,
        "TOCSIN_DATA_DIR": str(run.site.directory / run.tag),
    }
    begin, most, used = time.monotonic(), 0.0, _used(run)
    out = run.site.directory / "audit.json"
    with (
        out.open("wb") as file,
        subprocess.Popen(tocsin("audit", "--json"), stdout=file, env=clean_environment(environment)) as program,
    ):
        while program.poll() is None:
            most = max(most, _memory(program.pid))
            time.sleep(0.2)
    seconds = time.monotonic() - begin
    cpu, database_cpu = (now - before for now, before in zip(_used(run), used, strict=True))
    found = json.loads(out.read_text())
    if not found["adds_up"]:
        raise AssertionError(out.read_text()[:4000])
    return Audited(seconds, cpu, database_cpu, sum(one["compared"]["records"] for one in found["partitions"]), most)


def _used(run: Run) -> tuple[float, float]:
    """CPU seconds of the programs that we started and that ended, and of PostgreSQL."""
    ours = getrusage(RUSAGE_CHILDREN)
    server = psutil.Process(run.number("SELECT pg_backend_pid()")).parent()
    return ours.ru_utime + ours.ru_stime, 0.0 if server is None else cpu_of(server)


def _memory(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def main() -> int:
    """Measure and show."""
    size, say = sized("auditing", __doc__, default=SIZE)
    with site() as made:
        found = measure(made, size, say)
    target = f"≤ {TARGET:.0f} s for 1,000,000"
    show(
        [
            Figure(name=f"tocsin audit of {found.records:,} records", unit="s", runs=(found.seconds,), target=target),
            Figure(name="its CPU, all processes", unit="s", runs=(found.cpu,)),
            Figure(name="PostgreSQL's CPU meanwhile", unit="s", runs=(found.database_cpu,)),
            Figure(name="its memory at most", unit="MB", runs=(found.memory_mb,)),
        ]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
