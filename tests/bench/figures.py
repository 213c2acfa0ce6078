"""What was measured: each figure with its runs, its baseline of the same run, and what was aimed at."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Runs of one quantity, in the order taken; `baseline` was measured between them, in the same unit."""

    name: str
    unit: str
    runs: tuple[float, ...]
    target: str = ""
    baseline_name: str = ""
    baseline: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """What is reported."""
        return median(self.runs)

    @property
    def ratio(self) -> float | None:
        """Against the baseline: median by median."""
        return self.median / median(self.baseline) if self.baseline else None


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1))]


def write(figures: Sequence[Figure], path: Path, *, seconds: float) -> None:
    """All of it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "seconds": round(seconds, 1),
        "figures": [asdict(one) | {"median": one.median, "ratio": one.ratio} for one in figures],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def show(figures: Sequence[Figure]) -> None:
    """All of it to read: the median, with the least and the most."""
    table = Table(title="Tocsin: figures (median, least–most)")
    for column in ("figure", "measured", "baseline", "ratio", "target"):
        table.add_column(column, justify="left" if column in ("figure", "target") else "right", overflow="fold")
    for one in figures:
        against = f"{_shown(one.baseline)} {one.baseline_name}" if one.baseline else ""
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        table.add_row(f"{one.name} [{one.unit}]", _shown(one.runs), against, ratio, one.target)
    Console(width=None if os.isatty(1) else 160).print(table)


def _shown(runs: Sequence[float]) -> str:
    return f"{median(runs):,.4g} ({min(runs):,.4g}–{max(runs):,.4g})" if len(runs) > 1 else f"{runs[0]:,.4g}"
