"""`tocsin evaluate identity | classes | stream`: how right is it, on a file from outside? Exit code 1 if it is not."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.evaluation import classes, identity, stream
from tocsin.evaluation.outcome import Evaluation

app = typer.Typer(no_args_is_help=True, help="Measure names, classes and the stream on files of your own.")

_Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("identity")
def evaluate_identity(
    names: Annotated[Path, typer.Option("--names", help="CSV with raw_name, count and connectivity.")],
    as_json: _Json = False,
) -> None:
    """Coverage and wrong merges of names whose substance is known."""
    _answer(identity.evaluate(names), as_json=as_json)


@app.command("classes")
def evaluate_classes(
    substances: Annotated[
        Path, typer.Option("--substances", help="CSV with name, smiles, inchikey, category and subclass.")
    ],
    as_json: _Json = False,
) -> None:
    """Accuracy of the class rules, with the catalogue entry of each row withheld."""
    _answer(classes.evaluate(substances), as_json=as_json)


@app.command("stream")
def evaluate_stream(
    reports: Annotated[Path, typer.Option("--reports", help="CSV of reports with date, country, name and structure.")],
    as_json: _Json = False,
) -> None:
    """How many substances a stream of reports holds, and which come under several names."""
    _answer(stream.evaluate(reports), as_json=as_json)


def _answer(found: Evaluation, *, as_json: bool) -> None:
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        for line in found.lines():
            print(line)
    raise typer.Exit(0 if found.holds else 1)
