"""Shows the demo: a calm live board on a terminal, a line per stage elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.vocabularies import Level
from storage.overview import BoardRow
from tocsin.demo.scenes import GATHERING_SECONDS, UNWATCHED, WATCHED, Scene, Stage, Tempo

_STYLES: Final = {Level.L4: "bold red", Level.L3: "yellow"}
_AROUND_BOARD: Final = 11
"""Lines of the screen that are not rows of the board."""
_WIDEST: Final = 100

HEADLINE: Final = f"Tocsin demo. Updates are gathered for {GATHERING_SECONDS} s here, for 6 h normally."


def screen() -> "Board | Lines":
    """For who looks at standard error: a terminal gets the board."""
    console = Console(stderr=True, highlight=False)
    return Board(console) if console.is_terminal and not console.is_dumb_terminal else Lines()


@dataclass
class Board:
    """Drawn in place, at most twice a second."""

    console: Console
    tempo: Tempo = WATCHED
    _scene: Scene = field(default_factory=Scene)
    _heard: str = ""
    _since: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    def show(self, scene: Scene) -> None:
        """Draw this moment at the next turn."""
        self._scene = scene
        if self._live is None:
            self._live = Live(
                get_renderable=self._drawn, console=self.console, refresh_per_second=2, redirect_stdout=False
            )
            self._live.start()

    def hear(self, sentence: str) -> None:
        """Worth showing only while nothing else is, and when it ends."""
        self._heard = sentence
        if sentence.endswith(": stopping"):
            self._scene = Scene(stage=Stage.STOPPING, board=self._scene.board)
            self.console.print("Stopping: worker and courier finish what they hold.") if self._live is None else None

    def close(self) -> None:
        """The last drawing stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _drawn(self) -> RenderableType:
        width = min(self.console.width, _WIDEST) - 1
        rows = max(3, self.console.height - _AROUND_BOARD)
        parts: list[RenderableType] = [Text(HEADLINE, style="bold"), Text(), *self._progress(width)]
        if self._scene.board:
            parts += [Text(), board(self._scene.board, rows=rows, width=width)]
        return Group(*parts)

    def _progress(self, width: int) -> list[RenderableType]:
        scene = self._scene
        if scene.stage is Stage.STARTING:
            since = time.monotonic() - self._since
            left = None if scene.seconds_left is None else max(1.0, scene.seconds_left - since)
            return [
                _both_ends(scene.stage, _left(left), width),
                Text(),
                _both_ends(self._heard, f"{since:.0f} s", width),
            ]
        count = f"{scene.done:,} of {scene.total:,}" if scene.total else ""
        if scene.stage in (Stage.SETTLED, Stage.STOPPING):
            return [Text(scene.stage)]
        bar = Padding(ProgressBar(total=scene.total, completed=scene.done, width=width), 0)
        below = _both_ends(scene.note, _left(scene.seconds_left), width)
        return [_both_ends(scene.stage, count, width), bar if scene.total else Text(), below]


@dataclass
class Lines:
    """One line when a stage begins."""

    tempo: Tempo = UNWATCHED
    _stage: Stage | None = None

    def show(self, scene: Scene) -> None:
        """Say the stage, once."""
        if scene.stage is self._stage:
            return
        self._stage = scene.stage
        if scene.stage is Stage.STARTING:
            self._say(HEADLINE)
        details = [f"{scene.total:,} reports" if scene.total else "", _left(scene.seconds_left)]
        said = ", ".join(part for part in details if part)
        self._say(f"{scene.stage.value}{f' ({said})' if said else ''}")

    def hear(self, sentence: str) -> None:
        """Everything else is in the log."""
        if sentence.endswith(": stopping"):
            self._say("Stopping")

    def close(self) -> None:
        """Lines stay as they are."""

    def _say(self, sentence: str) -> None:
        print(f"demo | {sentence}", file=sys.stderr, flush=True)


def board(cases: tuple[BoardRow, ...], *, rows: int, width: int) -> RenderableType:
    """The gravest cases, as many as fit, and how many there are besides."""
    table = Table(box=None, width=width, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    table.add_column("Level", no_wrap=True)
    table.add_column("Case", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("Countries", no_wrap=True, overflow="ellipsis", max_width=14)
    for name in ("Told", "Pending"):
        table.add_column(name, justify="right", no_wrap=True)
    for case in cases[:rows]:
        style = _STYLES.get(case.level, "")
        level = Text(f"{case.level.name} {case.level.word}", style=style)
        pending = str(case.pending) if case.pending else "-"
        table.add_row(level, Text(case.name), Text(" ".join(case.countries)), str(case.told or "-"), pending)
    more = len(cases) - rows
    return (
        Group(table, Text(f"and {more} more, at {cases[rows].level.name} and below", style="dim"))
        if more > 0
        else table
    )


def _left(seconds: float | None) -> str:
    """Rounded, so that it does not flicker."""
    if seconds is None or seconds <= 0:
        return ""
    return f"about {5 * max(1, round(seconds / 5))} s left"


def _both_ends(left: str, right: str, width: int) -> Text:
    room = max(0, width - len(right) - 1)
    return Text(f"{left[:room]:<{room}} {right}")
