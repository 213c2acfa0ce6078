"""Two workers beside each other against one: on one hot case of all reports, and on cold cases, each of its own.

The workers wait at empty topics until each has taken some; then the reports are published, and the clock runs from the
first that is committed to the last.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Final

from tests.bench.figures import Figure
from tests.bench.reports import Report, cold, hot, laboratories, spread_out
from tests.bench.site import Run, Site, wait
from tests.programs import Program

REPORTS: Final = 3_000
MOST_CALLS: Final = 50
_KINDS: Final = {"one hot case": hot, "cold cases": cold}

Say = Callable[[str], None]


def beside(site: Site, *, runs: int, now: datetime, say: Say) -> list[Figure]:
    """Reports per second of two workers, held against one on the same reports."""
    return [_figure(site, name, runs=runs, now=now, say=say) for name in _KINDS]


def _figure(site: Site, name: str, *, runs: int, now: datetime, say: Say) -> Figure:
    one, two = list[float](), list[float]()
    for number in range(runs):
        for workers, rates in ((1, one), (2, two)):
            names = laboratories(f"{name.split()[-2]}-{workers}-{number}")
            rates.append(_rate(site, _KINDS[name](REPORTS, until=now, by=names), names, workers))
        say(f"{REPORTS:,} reports, {name}: two workers {two[-1]:,.0f}/s, one {one[-1]:,.0f}/s")
    return Figure(
        name=f"two workers, {name}",
        unit="reports/s",
        runs=tuple(two),
        baseline_name="one worker",
        baseline=tuple(one),
        target="ratio > 1",
    )


def _rate(site: Site, messages: Sequence[Report], names: Sequence[str], workers: int) -> float:
    site.open_topics(names)
    with site.run("beside", names) as run, ExitStack() as running:
        started = [running.enter_context(run.worker(number=number)) for number in range(workers)]
        called = _call(site, run, messages, names, started)
        site.publish(spread_out(messages[called:]))
        return run.rate(started[0], start=called, stop=len(messages))


def _call(site: Site, run: Run, messages: Sequence[Report], names: Sequence[str], started: Sequence[Program]) -> int:
    """Publish a round of reports until each worker has taken some; how many that took."""
    called = 0
    while called < MOST_CALLS * len(names):
        site.publish(spread_out(messages[called : called + len(names)]))
        called += len(names)
        wait(started[0], lambda reached=called: run.read_to() >= reached)  # type: ignore[misc]
        if all(" batch " in program.said() for program in started):
            return called
    raise AssertionError("one worker took everything")
