"""`make torture`: minutes of faults at random against real workers, Kafka and PostgreSQL, watched, and the verdict.

Exit code 0 when every report was decided about exactly once, 1 when not. It stops by itself or on Ctrl-C, which still
gives the verdict over what came so far (a second one does not), and leaves nothing running. The seed repeats the
order of the faults.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tests.kill.faults import mixed
from tests.kill.trial import Trial, widest_trial
from tests.kill.verdict import Verdict, audit
from tocsin.errors import Refusal

LINE_EVERY: Final = 10.0
LOOK_EVERY: Final = 0.5
AUDIT_EVERY: Final = 15.0
ENDLESS: Final = 10**9


@dataclass(frozen=True)
class Figures:
    """What there is to see at one moment. Counts are those of the last moment at which the database answered."""

    sent: int = 0
    applied: int = 0
    duplicates: int = 0
    dead: int = 0
    reached: bool = True

    @property
    def lag(self) -> int:
        """Sent and not read yet. Messages that Kafka got twice count as read twice."""
        return max(0, self.sent - self.applied - self.duplicates - self.dead)


class Watch:
    """Looks at a trial, and shows it."""

    def __init__(self, hurt: Trial, console: Console, *, seed: int, ends: float) -> None:
        self._hurt, self._console, self._seed, self._ends = hurt, console, seed, ends
        self._figures, self._audit, self._phase = Figures(), "not yet", "faults"

    async def run(self) -> None:
        """Until cancelled: a live view on a terminal, else a line now and then."""
        auditing = asyncio.create_task(self._keep_auditing())
        try:
            if self._console.is_terminal:
                await self._live()
            else:
                await self._lines()
        finally:
            auditing.cancel()

    def catching_up(self) -> None:
        """The faults are over."""
        self._phase = "reading what is left, then the verdict"

    async def _live(self) -> None:
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            while True:
                await self._look()
                live.update(self._table(), refresh=True)
                await asyncio.sleep(LOOK_EVERY)

    async def _lines(self) -> None:
        while True:
            await asyncio.sleep(LINE_EVERY)
            await self._look()
            one = self._figures
            self._console.print(
                f"{self._left()}  in {one.sent:,}  applied {one.applied:,}  duplicates {one.duplicates:,}  "
                f"dead {one.dead:,}  lag {one.lag:,}  faults {self._hurt.faults.total()}  audit {self._audit}"
                f"{'' if one.reached else '  (database away)'}",
                highlight=False,
                soft_wrap=True,
            )

    async def _look(self) -> None:
        found = await asyncio.to_thread(_figures, self._hurt)
        self._figures = found or Figures(
            self._hurt.sent, self._figures.applied, self._figures.duplicates, self._figures.dead, reached=False
        )

    async def _keep_auditing(self) -> None:
        while True:
            await asyncio.sleep(AUDIT_EVERY)
            with suppress(AssertionError, json.JSONDecodeError, OSError):
                async with self._hurt.outage:
                    code, _ = await asyncio.to_thread(audit, self._hurt.site)
                self._audit = ("DOES NOT ADD UP" if code else "adds up") + time.strftime(" at %H:%M:%S")

    def _table(self) -> Group:
        one, faults = self._figures, self._hurt.faults
        counts = Table(title=f"Tocsin under torture · seed {self._seed} · {self._left()}", min_width=60)
        for name in ("reports in", "applied", "duplicates", "dead letters", "lag"):
            counts.add_column(name, justify="right")
        counts.add_row(*(f"{each:,}" for each in (one.sent, one.applied, one.duplicates, one.dead, one.lag)))
        kinds = Table(min_width=60)
        kinds.add_column(f"faults so far: {faults.total()}")
        kinds.add_column("times", justify="right")
        for name, times in sorted(faults.items()):
            kinds.add_row(name, str(times))
        said = f"audit: {self._audit}" + ("" if one.reached else " · the database is away")
        return Group(counts, kinds, Text(said))

    def _left(self) -> str:
        left = self._ends - time.monotonic()
        return self._phase if left <= 0 or self._phase != "faults" else f"{int(left) // 60}:{int(left) % 60:02} left"


def _figures(hurt: Trial) -> Figures | None:
    found = hurt.counters()
    return None if found is None else Figures(hurt.sent, found.applied, found.duplicates, found.dead)


async def torture(*, minutes: float, seed: int, console: Console) -> Verdict:
    """Hurt a site for so long, or until Ctrl-C, and judge it."""
    stop = _stop_on_signals()
    with tempfile.TemporaryDirectory(prefix="tocsin-torture-") as directory:
        console.print(f"seed {seed}: starting Kafka and PostgreSQL of its own", highlight=False)
        async with widest_trial(Path(directory), seed=seed) as hurt:
            for reason in hurt.left_out:
                console.print(f"left out: {reason}", highlight=False)
            ends = time.monotonic() + 60 * minutes
            watch = Watch(hurt, console, seed=seed, ends=ends)
            watching = asyncio.create_task(watch.run())
            try:
                await hurt.suffer(lambda it: _hurt(it, watch, lambda: stop.is_set() or time.monotonic() > ends))
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            return await hurt.verdict()


def _stop_on_signals() -> asyncio.Event:
    """The first signal ends the faults; a second one ends everything, without a verdict."""
    stop, whole = asyncio.Event(), asyncio.current_task()

    def told() -> None:
        if stop.is_set() and whole is not None:
            whole.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)
    return stop


async def _hurt(hurt: Trial, watch: Watch, over: Callable[[], bool]) -> None:
    await mixed(hurt, faults=ENDLESS, until=over)
    watch.catching_up()


def main() -> int:
    """Torture, show, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    given = parser.parse_args()
    console = Console()
    try:
        verdict = asyncio.run(torture(minutes=given.minutes, seed=given.seed, console=console))
    except (AssertionError, Refusal) as error:
        console.print(f"Failed, seed {given.seed}: {error}", markup=False, highlight=False)
        return 1
    except asyncio.CancelledError:
        console.print("Ended without a verdict.")
        return 1
    word = "Failed" if verdict.wrong else "Passed"
    console.print(f"{word}, seed {given.seed}: {verdict}", highlight=False, soft_wrap=True)
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
