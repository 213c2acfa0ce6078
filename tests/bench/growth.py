"""`python -m tests.bench.growth`: does it stay as fast as it began? Slices of N reports, then N more on top.

Reports per second and memory of one worker for each tenth of `--reports` new ones of a year, then for as many new ones
of the next year into the same database; then a case of one substance that never ends, and how long recalling it takes.
Not part of `make bench`: with the 100,000 reports of a year of Europe it takes some ten minutes, and 2 kB of memory
each. Engines of its own; nothing is left running.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import psutil
from sqlalchemy import text

from alerts import catalogue
from alerts.grading import european_grading
from alerts.pipeline import Setting, read
from alerts.readings import Reading
from schemas.decoding import Decoded, decode_bytes
from storage import memory
from storage.memory import Kept, Wanted
from tests.bench.reports import Report, laboratories, reports, spread_out
from tests.bench.site import Run, Site, memory_mb, site, wait
from tests.programs import Program

SLICES: Final = 10
YEAR: Final = timedelta(days=365)
RECALLS: Final = 50
_CHUNK: Final = 20_000
_SIZE: Final = "SELECT pg_database_size(current_database())"
_DUPLICATES: Final = "SELECT coalesce(sum(duplicates), 0) FROM stream_positions"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One tenth of a year: how fast it went, what the worker held in memory and the database on disk after it.

    `cpu_us` is the worker's own time per report: it does not depend on what else the machine does.
    """

    reports: int
    rate: float
    cpu_us: float
    memory_mb: float
    database_mb: float


def growth(made: Site, *, count: int, now: datetime, say: Say) -> dict[str, list[Slice]]:
    """Two years of `count` reports each, one after the other, into one database."""
    names = laboratories("growth")
    made.open_topics(names)
    found: dict[str, list[Slice]] = {}
    with made.run("growth", names) as run:
        for year, until in (("first", now - YEAR), ("second", now)):
            _publish(made, _year(year, count, until, names))
            say(f"{count:,} reports of the {year} year are in Kafka")
            with run.worker() as worker:
                found[year] = list(_slices(run, worker, count, say))
        perpetual(run, count=count, now=now, say=say)
    return found


def _year(tag: str, count: int, until: datetime, names: Sequence[str]) -> list[Report]:
    """The reports that `make bench` uses, as events of their own: nothing of another year is said again."""
    return [_renamed(one, tag) for one in reports(count, until=until, by=names)]


def _renamed(report: Report, tag: str) -> Report:
    document = json.loads(report.value)
    document["event_id"] = str(uuid5(NAMESPACE_URL, f"{tag} {document['event_id']}"))
    document["reporter"]["case_ref"] = f"{tag} {document['reporter']['case_ref']}"
    return Report(report.laboratory, json.dumps(document, ensure_ascii=False).encode())


def _publish(made: Site, messages: Sequence[Report]) -> None:
    for start in range(0, len(messages), _CHUNK):
        made.publish(spread_out(messages[start : start + _CHUNK]))


def _slices(run: Run, worker: Program, count: int, say: Say) -> Iterator[Slice]:
    """From the first commit on, so that the start of the worker counts nowhere."""
    begun, size = run.read_to(), count // SLICES
    wait(worker, lambda: run.read_to() > begun)
    before, clock, used = run.read_to(), time.perf_counter(), _cpu(worker)
    for number in range(1, SLICES + 1):
        stop = begun + number * size
        wait(worker, lambda stop=stop: run.read_to() >= stop)  # type: ignore[misc]
        after, now, spent = run.read_to(), time.perf_counter(), _cpu(worker)
        made = Slice(
            reports=after,
            rate=(after - before) / (now - clock),
            cpu_us=(spent - used) / (after - before) * 1e6,
            memory_mb=memory_mb(worker),
            database_mb=run.number(_SIZE) / 1e6,
        )
        say(
            f"to {after:>9,}: {made.rate:6,.0f} reports/s, {made.cpu_us:6,.0f} µs of the worker each, "
            f"worker {made.memory_mb:4.0f} MB, database {made.database_mb:6,.0f} MB"
        )
        before, clock, used = after, now, spent
        yield made


def _cpu(worker: Program) -> float:
    times = psutil.Process(worker.process.pid).cpu_times()
    return float(times.user + times.system)


def perpetual(run: Run, *, count: int, now: datetime, say: Say) -> None:
    """How long recalling the case with most findings takes, as a new report of it does and as an amended one does."""
    setting = Setting(catalogue=catalogue.load(), grading=european_grading())
    with run.engine.connect() as connection:
        key, number = connection.execute(
            text("SELECT case_key, count(*) FROM case_reports GROUP BY case_key ORDER BY 2 DESC LIMIT 1")
        ).one()
        body = connection.execute(
            text(
                "SELECT CAST(d.body AS text), d.laboratory FROM case_reports r JOIN detections d "
                "USING (laboratory, event_id) WHERE r.case_key = :key ORDER BY d.decided_at DESC, d.event_id LIMIT 1"
            ),
            {"key": key},
        ).one()
    reading = _as_new(body[0], body[1], now, setting)
    say(f"the case {key} has {number:,} reports")
    say(f"recalled for a new report: {_recalled(run, reading, setting):.1f} ms (target ≤ 50 ms)")
    whole = _recalled(run, reading, setting, whole=frozenset({key}), times=3)
    say(f"recalled with every report, as an amendment needs it: {whole:,.0f} ms")


def _as_new(body: str, laboratory: str, now: datetime, setting: Setting) -> Reading:
    document = json.loads(body)
    document |= {"event_id": str(uuid5(NAMESPACE_URL, "perpetual")), "revision": 1, "action": "new"}
    document["reporter"]["case_ref"] = "perpetual"
    document["event_date"] = {"value": now.date().isoformat(), "precision": "day"}
    document["reported_at"] = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    document["components"] = document["components"][:1]
    decoded = decode_bytes(json.dumps(document).encode(), laboratory=laboratory)
    if not isinstance(decoded, Decoded):
        raise AssertionError(decoded)
    return read(decoded, laboratory=laboratory, at=now, setting=setting)


def _recalled(
    run: Run, reading: Reading, setting: Setting, *, whole: frozenset[str] = frozenset(), times: int = RECALLS
) -> float:
    """Milliseconds of one recall, nothing kept from before: the median."""
    wanted = Wanted(
        reports=(reading.report,),
        evidence=tuple(reading.said.evidence),
        longest=setting.grading.rules.windows_days.longest,
    )
    took = []
    for _ in range(times):
        with run.engine.connect() as connection:
            begin = time.perf_counter()
            known = memory.known_events(connection, [reading.report])
            memory.recall(connection, wanted, known, whole=whole, kept=Kept())
            took.append((time.perf_counter() - begin) * 1000)
    return median(took)


def slope(slices: Sequence[Slice]) -> float:
    """The worker's time per report in the last three slices, as a multiple of that in the first three."""
    return median(one.cpu_us for one in slices[-3:]) / median(one.cpu_us for one in slices[:3])


def main() -> int:
    """Measure and say; the slices as JSON where `--json` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    with site() as made:
        found = growth(made, count=given.reports, now=datetime.now(UTC), say=say)
    everything = [one for slices in found.values() for one in slices]
    say(f"time per report at the end as a multiple of that at the beginning: {slope(everything):.2f}")
    say(
        f"memory of the worker, least to most: {min(one.memory_mb for one in everything):.0f} to "
        f"{max(one.memory_mb for one in everything):.0f} MB"
    )
    if given.json:
        rows = {year: [vars(one) for one in slices] for year, slices in found.items()}
        given.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
