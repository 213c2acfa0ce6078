"""Reports per second of one worker: new ones of twelve months, hot and rare, and known ones that come again.

The same messages are read by a fresh worker and by the bare loop, in turn; counting begins after the first batch, so
that nobody's start counts. All of a run's messages lie in Kafka before its reader starts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from schemas.topics import detections_topic
from tests.bench.figures import Figure
from tests.bench.reports import laboratories, reports, spread_out
from tests.bench.site import Run, Site, memory_mb, wait

REPORTS: Final = 10_000
TIMES: Final = 5
KNOWN: Final = TIMES * REPORTS
_MADE: Final = "SELECT (SELECT count(*) FROM outbox WHERE topic = 'alert-events') + (SELECT count(*) FROM deliveries)"
_DUPLICATES: Final = "SELECT sum(duplicates) FROM stream_positions"

Say = Callable[[str], None]


def throughput(site: Site, *, runs: int, now: datetime, say: Say) -> list[Figure]:
    """New reports, then known ones; the second takes the topics as the first leaves them."""
    messages = spread_out(reports(REPORTS, until=now, by=laboratories("stream")))
    site.open_topics(messages)
    site.publish(messages)
    return [_new(site, messages, runs, say), *_known(site, messages, runs, say)]


def _new(site: Site, names: Collection[str], runs: int, say: Say) -> Figure:
    worked, bare = list[float](), list[float]()
    for _ in range(runs):
        bare.append(_bare(site, names, skip=0, count=REPORTS))
        with site.run("worker", names) as run, run.worker() as worker:
            worked.append(run.rate(worker, start=0, stop=REPORTS))
        say(f"{REPORTS:,} new reports: worker {worked[-1]:,.0f}/s, bare loop {bare[-1]:,.0f}/s")
    return Figure(
        name="one worker, new reports of 8 laboratories",
        unit="reports/s",
        runs=tuple(worked),
        baseline_name="bare loop",
        baseline=tuple(bare),
        target="≥ 2,500/s and ratio ≥ 0.6",
    )


def _known(site: Site, messages: Mapping[str, Sequence[bytes]], runs: int, say: Say) -> list[Figure]:
    worked, bare, before, after = list[float](), list[float](), list[float](), list[float]()
    with site.run("replay", messages) as run:
        with run.worker() as worker:
            wait(worker, lambda: run.read_to() >= REPORTS)
        for _ in range(runs):
            rate, begin, end = _again(run, messages)
            for measured, into in ((rate, worked), (begin, before), (end, after)):
                into.append(measured)
            bare.append(_bare(site, messages, skip=REPORTS, count=KNOWN))
            say(f"{KNOWN:,} known reports: worker {rate:,.0f}/s, bare loop {bare[-1]:,.0f}/s")
            say(f"memory of the worker: {begin:.0f} MB at the start, {end:.0f} MB at the end")
    return [
        Figure(
            name=f"one worker, {KNOWN:,} known reports again",
            unit="reports/s",
            runs=tuple(worked),
            baseline_name="bare loop",
            baseline=tuple(bare),
            target="no message, no delivery",
        ),
        Figure(
            name="memory of that worker at the end",
            unit="MB",
            runs=tuple(after),
            baseline_name="at the start",
            baseline=tuple(before),
            target="constant",
        ),
    ]


def _again(run: Run, messages: Mapping[str, Sequence[bytes]]) -> tuple[float, float, float]:
    """Reports per second, and the worker's memory after its first batch and after the last."""
    read, made, known = run.read_to(), run.number(_MADE), run.number(_DUPLICATES)
    run.site.publish({name: [*values] * TIMES for name, values in messages.items()})
    with run.worker() as worker:
        wait(worker, lambda: run.read_to() > read)
        begin = memory_mb(worker)
        rate = run.rate(worker, start=run.read_to(), stop=read + KNOWN)
        end = memory_mb(worker)
    if run.number(_MADE) != made or run.number(_DUPLICATES) != known + KNOWN:
        raise AssertionError("known reports made a message or a delivery, or were not all known")
    return rate, begin, end


def _bare(site: Site, names: Iterable[str], *, skip: int, count: int) -> float:
    with site.run("bare", ()) as run:
        arguments = ("rows", site.kafka.bootstrap, run.url, str(count), str(skip), *map(detections_topic, names))
        with run.module("tests.bench.bare", *arguments) as loop:
            if loop.process.wait(300) != 0:
                raise AssertionError(loop.said())
        return float(loop.said().strip().splitlines()[-1])
