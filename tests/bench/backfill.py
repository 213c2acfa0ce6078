"""What a backfill costs live reports: milliseconds from the broker's time of a report to its committed row, at a steady
pace, first with nothing beside it, then while a backfill of the same laboratories and substances runs.

`python -m tests.bench.backfill`; `--reports` sets its size. Beside it is measured until it is through, or for four
minutes: what lies on its topics then is said.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from schemas.topics import backfill_topic, detections_topic
from streams.publishing import publisher
from tests.bench.figures import Figure, quantile, show
from tests.bench.reports import Report, laboratories, reports, spread_out
from tests.bench.site import Run, Site, site, wait
from tests.bench.sized import Say, sized
from tests.programs import Program

SIZE: Final = 100_000
QUIET: Final = 600
PER_SECOND: Final = 20
WARMING: Final = 40
SPARE: Final = 12
"""Tenths of what will be sent: some are said twice or amended, and not sent."""

LONGEST: Final = 240
"""Seconds for which there are live reports beside the backfill."""

_BATCH: Final = re.compile(r"^(\S+) \[info +\] batch .*?applied=(\d+) dead=(\d+) duplicates=(\d+)", re.MULTILINE)
_LIVE: Final = """
    SELECT extract(epoch FROM decided_at) FROM detections WHERE topic LIKE 'detections-%'
    ORDER BY decided_at, topic, "offset"
"""
_READ: Final = "SELECT coalesce(sum(next_offset - first_offset), 0) FROM stream_positions WHERE flow = '{}'"


@dataclass(frozen=True)
class Measured:
    """Milliseconds of each live report, quiet and beside the backfill; how fast that one went, and how far."""

    quiet: Sequence[float]
    beside: Sequence[float]
    rate: float
    read: int


def measure(made: Site, size: int, say: Say) -> Measured:
    """One run."""
    names = laboratories("backfill")
    made.open_topics(names)
    history, live = _messages(size, names)
    with made.run("backfill", names) as run:
        asyncio.run(_publish(made, history))
        say(f"{size:,} reports are on the backfill topics")
        with run.worker() as worker:
            worker.wait_for("relay_leads")
            sent = asyncio.run(_paced(made, live[: QUIET + WARMING], lambda: False))
            wait(worker, lambda: _read(run, "live") == sent)
            say("quiet: measured")
            with run.worker("--flow", "backfill") as behind:
                wait(behind, lambda: _read(run, "backfill") > 0)
                begin = time.monotonic()
                more = asyncio.run(
                    _paced(made, live[sent : sent + LONGEST * PER_SECOND], lambda: _read(run, "backfill") >= size)
                )
                read = _read(run, "backfill")
                rate = read / (time.monotonic() - begin)
                wait(worker, lambda: _read(run, "live") == sent + more)
            took = _committed(run, worker)
    return Measured(took[WARMING:sent], took[sent:], rate, read)


def _messages(size: int, names: Sequence[str]) -> tuple[list[Report], list[Report]]:
    """History, and live reports that follow it: each a new event, of the same substances."""
    made = reports(size + SPARE * PER_SECOND * LONGEST // 10, until=datetime.now(UTC), by=names)
    seen: set[str] = set()
    live = []
    for message in made[size:]:
        document = json.loads(message.value)
        if document["action"] == "new" and document["event_id"] not in seen:
            seen.add(document["event_id"])
            live.append(message)
    return made[:size], live


async def _publish(made: Site, history: Iterable[Report]) -> None:
    async with publisher(made.kafka) as out:
        for laboratory, values in spread_out(list(history)).items():
            async for _ in out.publish(backfill_topic(laboratory), values):
                pass


async def _paced(made: Site, messages: Sequence[Report], over: Callable[[], bool]) -> int:
    """One message after the other, at the pace, until it is over; how many."""
    loop = asyncio.get_running_loop()
    async with publisher(made.kafka) as out:
        begin = loop.time()
        for number, message in enumerate(messages):
            await asyncio.sleep(begin + number / PER_SECOND - loop.time())
            async for _ in out.publish(detections_topic(message.laboratory), [message.value]):
                pass
            if number % PER_SECOND == 0 and await asyncio.to_thread(over):
                return number + 1
    return len(messages)


def _read(run: Run, flow: str) -> int:
    return run.number(_READ.format(flow))


def _committed(run: Run, worker: Program) -> list[float]:
    """The reports in the order of the broker's times, the commits in the order of the log: the n-th is the n-th."""
    commits = [
        datetime.fromisoformat(found[0]).timestamp()
        for found in _BATCH.findall(worker.said())
        for _ in range(int(found[1]))
    ]
    return [(commit - decided) * 1000 for commit, decided in zip(commits, run.numbers(_LIVE), strict=True)]


def _figures(found: Measured, size: int) -> list[Figure]:
    return [
        Figure(
            name=f"live report → committed row beside a backfill of {size:,}, {PER_SECOND}/s, p{share * 100:.0f}",
            unit="ms",
            runs=(quantile(found.beside, share),),
            baseline_name="without it",
            baseline=(quantile(found.quiet, share),),
            target="not delayed",
        )
        for share in (0.5, 0.99)
    ] + [Figure(name="that backfill", unit="reports/s", runs=(found.rate,))]


def main() -> int:
    """Measure and show."""
    size, say = sized("backfill", __doc__, default=SIZE)
    with site() as made:
        found = measure(made, size, say)
    say(f"live reports measured: {len(found.quiet)} without, {len(found.beside)} beside {found.read:,} of the backfill")
    show(_figures(found, size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
