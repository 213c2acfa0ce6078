"""`tocsin up`: everything on this machine, until it is told to stop."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin import wiring
from tocsin.embedded.directory import DataPurpose
from tocsin.supervisor import Plan, supervise, until_stopped

app = typer.Typer(help="Run everything on this machine: engines, workers, courier, mailbox.")


@app.callback(invoke_without_command=True)
def up(
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept (default: var).")] = None,
    secure: Annotated[
        bool,
        typer.Option("--secure", help="Kafka asks for a login; a laboratory may write its own topics only."),
    ] = False,
) -> None:
    """Run everything on this machine: engines, workers, courier, mailbox. Ctrl-C stops all of it."""
    supervise(Plan(settings=wiring.settings(data_dir), purpose=DataPurpose.UP, secure=secure), until_stopped)
