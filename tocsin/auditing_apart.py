"""Compares long logs with their rows in several processes: one alone keeps one core busy, and the others idle."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from storage.log_comparison import Comparison
from storage.positions import Partition
from streams.comparing import Seen, Span, compare_logs
from streams.config import Kafka
from tocsin import wiring

WORTH_IT: Final = 100_000
"""Offsets from which on a second process earns the seconds that it takes to start."""

PART: Final = 50_000
MOST: Final = 8

Compare = Callable[[Mapping[Partition, Span], Seen], dict[Partition, Comparison]]
"""Every record of these spans held against its rows."""


def here(engine: Engine, kafka: Kafka) -> Compare:
    """In this process."""
    return lambda spans, seen: asyncio.run(compare_logs(engine, kafka, spans, seen=seen))


def apart(
    engine: Engine, kafka: Kafka, data_dir: Path | None, *, worth_it: int = WORTH_IT, part: int = PART
) -> Compare:
    """In several where that is worth it; each reads the settings of this data directory for itself."""

    def compare(spans: Mapping[Partition, Span], seen: Seen) -> dict[Partition, Comparison]:
        long = sum(span.stop - span.start for span in spans.values()) > worth_it
        processes = min(os.cpu_count() or 1, MOST)
        if not long or processes == 1:
            return here(engine, kafka)(spans, seen)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            asked = {pool.submit(_compared, data_dir, *one): one for one in _parts(spans, part)}
            return _gathered(asked, spans, seen)

    return compare


def _parts(spans: Mapping[Partition, Span], size: int) -> Iterator[tuple[Partition, Span]]:
    """Spans in parts that the processes can share out."""
    for partition, span in spans.items():
        for start in range(span.start, span.stop, size):
            yield partition, Span(start=start, stop=min(start + size, span.stop))


def _gathered(
    asked: "Mapping[Future[Comparison], tuple[Partition, Span]]", spans: Mapping[Partition, Span], seen: Seen
) -> dict[Partition, Comparison]:
    """All parts together, those of a log in the order of offsets."""
    for done in as_completed(asked):
        done.result()
        seen(asked[done][1].stop - asked[done][1].start)
    found = {partition: Comparison() for partition in spans}
    for future, (partition, _) in asked.items():
        found[partition].add(future.result())
    return found


def _compared(data_dir: Path | None, partition: Partition, span: Span) -> Comparison:
    """One part, in a process of its own."""
    engine, kafka = _found(data_dir)
    return asyncio.run(compare_logs(engine, kafka, {partition: span}))[partition]


@cache
def _found(data_dir: Path | None) -> tuple[Engine, Kafka]:
    """Once for each process, not for each part."""
    settings = wiring.settings(data_dir)
    return wiring.database(settings, "audit"), wiring.kafka(settings)
