"""`python -m tests.bench.growth`: does it stay as fast as it began? A year of N reports, then another N on top of it.

Per slice: reports a second, CPU of the worker and of PostgreSQL for each report, memory, disk. What one machine does
beside hardly shows in CPU times, so the verdict is over those: a straight line through the slices, its growth from the
first to the last, and how sure that is. Exit code 1 when it grows for sure, and by more than a twentieth.

Another process makes the reports, never more than two slices ahead; Kafka keeps the last few slices only. With
1,000,000 (`--reports`) of ten slices each it takes hours and some 15 GB. Engines of its own; nothing is left running.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing import get_context
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from statistics import linear_regression, mean
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import psutil
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import TopicSpec, laboratory_topics
from streams.admin import administration
from streams.config import Kafka
from tests.bench.figures import quantile
from tests.bench.perpetual import largest_recalled
from tests.bench.reports import Report, laboratories, spread_out, stream
from tests.bench.site import Run, Site, cpu_of, memory_mb, site
from tests.programs import Program

SLICES: Final = 10
YEARS: Final = 2
YEAR: Final = timedelta(days=365)
LEAST: Final = 10_000
AHEAD: Final = 2
LOOK_EVERY: Final = 0.5
STUCK_AFTER: Final = 180.0
ALLOWED: Final = 0.05
"""Trees of indexes get a level deeper now and then; more than a twentieth over all slices is no such thing."""

SURE: Final = 2.1
"""Standard errors on either side: 95 of 100 for some twenty slices."""

_CHUNK: Final = 10_000
_SEGMENT: Final = 32 * 1024 * 1024
_SIZE: Final = "SELECT pg_database_size(current_database())"
_BACKEND: Final = "SELECT pg_backend_pid()"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A tenth of a year: how fast it went, what it cost, and what worker, database and log held after it."""

    reports: int
    rate: float
    worker_us: float
    database_us: float
    memory_mb: float
    database_mb: float
    log_mb: float

    @property
    def cpu_us(self) -> float:
        """Of both, for each report."""
        return self.worker_us + self.database_us


@dataclass(frozen=True, kw_only=True)
class Slope:
    """Growth from the first slice to the last, as a share of the mean; `sure` is how far off it may be."""

    growth: float
    sure: float

    @property
    def is_there(self) -> bool:
        """Beyond noise, and beyond what is allowed."""
        return self.growth - self.sure > 0 and self.growth > ALLOWED


def slope(values: Sequence[float]) -> Slope:
    """A straight line through the values (least squares), with the uncertainty of its rise."""
    places, last = range(len(values)), len(values) - 1
    line = linear_regression(places, values)
    off = sum((value - line.intercept - line.slope * place) ** 2 for place, value in zip(places, values, strict=True))
    spread = sum((place - mean(places)) ** 2 for place in places)
    error = (off / (len(values) - 2) / spread) ** 0.5
    return Slope(growth=line.slope * last / mean(values), sure=SURE * error * last / mean(values))


def growth(made: Site, *, count: int, now: datetime, say: Say) -> list[Slice]:
    """Two years of `count` reports each, one after the other, into one database."""
    names = laboratories("growth")
    made.open_topics(names)
    asyncio.run(_keep_little(made.kafka, names))
    room, context = get_context("spawn").Semaphore(AHEAD), get_context("spawn")
    given = (made, names, count, now, room)
    with made.run("growth", names) as run:
        maker = context.Process(target=_make, args=given, daemon=True)
        maker.start()
        try:
            with run.worker() as worker:
                found = list(_slices(run, worker, count, room, say))
        finally:
            maker.terminate()
            maker.join()
        took = largest_recalled(run, now=now, say=say)
        say(f"recalled for a new report: {quantile(took, 0.5):.1f} ms (p50), {quantile(took, 0.99):.1f} ms (p99)")
    return found


def _make(made: Site, names: Sequence[str], count: int, now: datetime, room: Semaphore) -> None:
    """In a process of its own: the reports of the years, slice by slice, as soon as there is room for one."""
    size = count // SLICES
    for year in range(YEARS):
        messages = stream(count, until=now - YEAR * (YEARS - 1 - year), by=names)
        while part := list(islice(messages, size)):
            room.acquire()
            for start in range(0, size, _CHUNK):
                made.publish(spread_out([_renamed(one, f"year {year}") for one in part[start : start + _CHUNK]]))


def _renamed(report: Report, tag: str) -> Report:
    """An event of its own: nothing of another year is said again."""
    document = json.loads(report.value)
    document["event_id"] = str(uuid5(NAMESPACE_URL, f"{tag} {document['event_id']}"))
    document["reporter"]["case_ref"] = f"{tag} {document['reporter']['case_ref']}"
    return Report(report.laboratory, json.dumps(document, ensure_ascii=False).encode())


async def _keep_little(kafka: Kafka, names: Sequence[str]) -> None:
    """What was read goes as soon as Kafka looks, every five minutes: the disk need not hold millions of reports."""
    async with administration(kafka) as client:
        await client.alter_configs([_small(spec) for name in names for spec in laboratory_topics(name)])


def _small(spec: TopicSpec) -> ConfigResource:
    kept = {"segment.bytes": str(_SEGMENT), "retention.bytes": str(8 * _SEGMENT)}
    return ConfigResource(ConfigResourceType.TOPIC, spec.name, spec.settings() | kept)


@dataclass(frozen=True)
class _Moment:
    """What was used up to a moment."""

    read: int
    at: float
    worker: float
    database: float

    @staticmethod
    def now(run: Run, worker: Program, server: psutil.Process) -> "_Moment":
        worked = cpu_of(psutil.Process(worker.process.pid))
        return _Moment(run.read_to(), time.perf_counter(), worked, cpu_of(server))


def _slices(run: Run, worker: Program, count: int, room: Semaphore, say: Say) -> Iterator[Slice]:
    """From the first commit on, so that the start of the worker counts nowhere."""
    server = psutil.Process(run.number(_BACKEND)).parent()
    if server is None:
        raise AssertionError("the server's process is not to be seen")
    _read_on(run, worker, 1)
    before = _Moment.now(run, worker, server)
    for number in range(1, YEARS * SLICES + 1):
        _read_on(run, worker, max(number * (count // SLICES), before.read + 1))
        room.release()
        after = _Moment.now(run, worker, server)
        made = _slice(run, worker, before, after)
        say(
            f"to {made.reports:>9,}: {made.rate:6,.0f} reports/s, CPU a report of worker {made.worker_us:5,.0f} and "
            f"PostgreSQL {made.database_us:5,.0f} µs, memory {made.memory_mb:4.0f} MB, "
            f"database {made.database_mb:6,.0f} MB, Kafka {made.log_mb:5,.0f} MB"
        )
        before = after
        yield made


def _slice(run: Run, worker: Program, before: _Moment, after: _Moment) -> Slice:
    read = after.read - before.read
    return Slice(
        reports=after.read,
        rate=read / (after.at - before.at),
        worker_us=(after.worker - before.worker) / read * 1e6,
        database_us=(after.database - before.database) / read * 1e6,
        memory_mb=memory_mb(worker),
        database_mb=run.number(_SIZE) / 1e6,
        log_mb=sum(file.stat().st_size for file in run.site.directory.glob("engines/kafka/**/*.log")) / 1e6,
    )


def _read_on(run: Run, worker: Program, stop: int) -> None:
    """Until so many were read; a worker that ended, or reads nothing for minutes, is a failure that shows its words."""
    reached, since = run.read_to(), time.monotonic()
    while reached < stop:
        time.sleep(LOOK_EVERY)
        now = run.read_to()
        if now > reached:
            reached, since = now, time.monotonic()
        elif worker.process.poll() is not None or time.monotonic() - since > STUCK_AFTER:
            raise AssertionError(f"{reached:,} of {stop:,} were read; the worker said:\n{worker.said()[-4000:]}")


def verdict(slices: Sequence[Slice], say: Say) -> bool:
    """Say how much each quantity grew; whether CPU did for sure. The first slice, without cases yet, is left out."""
    warm = slices[1:]
    for name, values in (
        ("CPU of the worker a report", [one.worker_us for one in warm]),
        ("CPU of PostgreSQL a report", [one.database_us for one in warm]),
        ("memory of the worker", [one.memory_mb for one in warm]),
    ):
        found = slope(values)
        say(f"{name}: {found.growth:+.1%} ± {found.sure:.1%} from the second slice to the last")
    found = slope([one.cpu_us for one in warm])
    said = "a slope" if found.is_there else "no slope beyond noise"
    say(f"CPU a report: {found.growth:+.1%} ± {found.sure:.1%}: {said}")
    return found.is_there


def main() -> int:
    """Measure and say; the slices as JSON where `--json` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.reports < LEAST:
        parser.error(f"--reports: {LEAST:,} or more, so that a slice is more than a batch")
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    with site() as made:
        found = growth(made, count=given.reports, now=datetime.now(UTC), say=say)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")
    return int(verdict(found, say))


if __name__ == "__main__":
    sys.exit(main())
