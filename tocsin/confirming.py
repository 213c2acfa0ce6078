"""Asks before anything reaches people: names what follows, and goes on only with a yes."""

import sys

import typer

from tocsin.errors import Refusal


def confirm(sentence: str, *, yes: bool) -> None:
    """Say what follows; without --yes ask, and where nobody can be asked do nothing."""
    print(f"{sentence}.", file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal("Nothing was changed: add --yes to go on without being asked.")
    if not typer.confirm("Do it?", err=True):
        raise Refusal("Nothing was changed.")
