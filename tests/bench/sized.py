"""How a bench of its own is called: `--reports`, and lines that say how far it is."""

import argparse
import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]


def sized(name: str, about: str | None, *, default: int) -> tuple[int, Say]:
    """How many reports were asked for, and what to say things with, behind the seconds since now."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench.{name}", description=about)
    parser.add_argument("--reports", type=int, default=default)
    size, began = int(parser.parse_args().reports), time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)

    return size, say
