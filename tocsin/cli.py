"""The command line: one file per command under `tocsin/commands`, each imported only when it is called."""

import importlib
import sys
from typing import Final

import typer

COMMANDS: Final = {
    "settings": "settings",
}
"""Command word → module under `tocsin.commands` that exports `app: typer.Typer`."""


def main() -> None:
    """Run the command that the first word names."""
    application = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
    )
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    names = {wanted: COMMANDS[wanted]} if wanted in COMMANDS else COMMANDS
    for word, module in names.items():
        application.add_typer(importlib.import_module(f"tocsin.commands.{module}").app, name=word)
    application()
