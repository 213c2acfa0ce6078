"""`tocsin demo`: real events become graded alerts in a mailbox and at a webhook, on this machine, for nobody else."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin import wiring
from tocsin.demo.place import own_settings
from tocsin.demo.scenes import Figures
from tocsin.demo.screens import screen
from tocsin.demo.show import Show

app = typer.Typer(help="Replay real events through everything, on this machine, and look at what comes of it.")


@app.callback(invoke_without_command=True)
def demo(
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept (default: var/demo).")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier runs in this directory.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End when everybody is told.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures, for machines.")] = False,
) -> None:
    """Runs until Ctrl-C. Again in the same directory it goes on where it was and tells nobody twice."""
    show = Show(
        settings=own_settings(wiring.settings(data_dir)),
        screen=screen(),
        told=_print_json if as_json else _print,
        once=once,
        fresh=fresh,
    )
    settled = show.run()
    if not settled:
        print("Stopped in the middle: run it again and it goes on; nobody is told twice.", file=sys.stderr)
        raise typer.Exit(1 if once else 0)


def _print_json(figures: Figures, _: list[str]) -> None:
    print(figures.model_dump_json(indent=2), flush=True)


def _print(_: Figures, closing: list[str]) -> None:
    print()
    for line in closing:
        print(line, flush=True)
