"""`tocsin catalogue explain | check`: why something is the substance it is, and whether the catalogue file holds."""

import typer

from tocsin.commands import catalogue_rows

app = typer.Typer(no_args_is_help=True, help="Ask the catalogue why, and prove it.")
catalogue_rows.register(app)


@app.callback()
def about() -> None:
    """The catalogue of substances."""
