"""`tocsin database migrate`: makes the tables what this version needs."""

from pathlib import Path
from typing import Annotated

import typer

from storage.engine import migrate as brought_up_to_date
from tocsin import wiring

app = typer.Typer(no_args_is_help=True, help="The tables of PostgreSQL.")


@app.callback()
def group() -> None:
    """The tables of PostgreSQL."""


@app.command()
def migrate(data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None) -> None:
    """Bring the database to this version, all or nothing; again changes nothing. Before the new processes start."""
    engine = wiring.database(wiring.settings(data_dir), "migrate")
    try:
        brought_up_to_date(engine)
    finally:
        engine.dispose()
    print("the database is what this version needs")
