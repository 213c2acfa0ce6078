"""`make bench`: what this machine reaches, as a table and as JSON; starts its own engines and leaves nothing running.

`--only deciding`, `telling`, `throughput`, `beside` or `delivering` measures a part; `--runs` how often each, the
median counts.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.bench.beside import beside
from tests.bench.deciding import deciding
from tests.bench.delivering import delivering
from tests.bench.figures import Figure, show, write
from tests.bench.site import site
from tests.bench.telling import telling
from tests.bench.throughput import throughput

PARTS: Final = ("deciding", "telling", "throughput", "beside", "delivering")


def _say(began: float) -> Callable[[str], None]:
    return lambda line: print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)


def measure(parts: tuple[str, ...], *, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """The figures of these parts, in order."""
    figures, now = list[Figure](), datetime.now(UTC)
    if "deciding" in parts:
        figures += deciding(runs=runs, now=now, say=say)
    if parts != ("deciding",):
        say("starting Kafka and PostgreSQL")
        with site() as made:
            if "telling" in parts:
                figures += telling(made, runs=runs, say=say)
            if "throughput" in parts:
                figures += throughput(made, runs=runs, now=now, say=say)
            if "beside" in parts:
                figures += beside(made, runs=runs, now=now, say=say)
            if "delivering" in parts:
                figures += delivering(made, runs=runs, say=say)
    return figures


def main() -> int:
    """Measure, write, show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the figures; a new file under var/bench by default")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave the blocks: engines stop, directories go
    began = time.monotonic()
    figures = measure(tuple(given.only or PARTS), runs=given.runs, say=_say(began))
    path = given.json or Path("var/bench") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    write(figures, path, seconds=time.monotonic() - began)
    show(figures)
    print(f"written to {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
