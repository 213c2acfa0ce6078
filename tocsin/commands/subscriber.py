"""`tocsin subscriber add | list`: who is told, where, and of what."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError

from notifiers.filters import FilterRefused, check
from schemas.subscribers import SubscriberFile
from storage import endpoints, subscribers
from storage.subscribers import Listed
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.securing import secured

app = typer.Typer(no_args_is_help=True, help="Who is told, where, and of what.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="Subscribers with their destinations and subscriptions (YAML).")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make the subscribers of a file as it says; again changes nothing. What it no longer names ends, for alerts to
    come: a retraction still reaches it."""
    entries = read_file(file).subscribers
    engine = wiring.database(wiring.settings(data_dir), "subscriber")
    with engine.begin() as connection:
        done = subscribers.bring_in(connection, entries)
        waiting = endpoints.waiting(connection)
    engine.dispose()
    for name in waiting:
        typer.echo(f"{name} gets no alert yet: tocsin destination confirm {name} --by WHO", err=True)
    if as_json:
        print(json.dumps(asdict(done)))
    elif not done.changed:
        print(f"{len(entries)} subscribers were so already")
    else:
        print(
            f"{len(entries)} subscribers: {done.subscribers} changed, {done.destinations} destinations and "
            f"{done.subscriptions} subscriptions new or changed, {done.ended} ended"
        )


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every destination with its subscriptions and clearance."""
    engine = wiring.database(wiring.settings(data_dir), "subscriber")
    with engine.connect() as connection:
        found = subscribers.listed(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        print(_line(one))


def read_file(file: Path) -> SubscriberFile:
    """The subscribers of a file; a refusal names each field that is wrong."""
    try:
        return secured(read_text(file.read_text("utf-8"), name=str(file)), name=str(file), beside=file.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} cannot be read: {error}. Name a YAML file of subscribers.") from None


def read_text(text: str, *, name: str) -> SubscriberFile:
    """The same from its text; `name` is what a refusal calls it."""
    try:
        return _filters_checked(SubscriberFile.model_validate(yaml.safe_load(text)), name)
    except yaml.YAMLError as error:
        raise Refusal(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    except ValidationError as error:
        raise Refusal("\n".join(_sentences(name, error))) from None


def _filters_checked(found: SubscriberFile, name: str) -> SubscriberFile:
    """A filter is a question that can be answered, or the file is refused as a whole."""
    for entry in found.subscribers:
        for each in entry.subscriptions:
            try:
                check(each.filter or "true")
            except FilterRefused as error:
                raise Refusal(f"{name}: subscription {each.name} of {entry.id}: {error}.") from None
    return found


def _sentences(name: str, error: ValidationError) -> list[str]:
    said = []
    for each in error.errors(include_input=False, include_url=False):
        place = "/" + "/".join(map(str, each["loc"]))
        said.append(f"{name} at {place}: {each['msg'].removeprefix('Value error, ')}.")
    return said


def _line(one: Listed) -> str:
    marks = [
        "example" if one.example else "",
        "" if one.active else "switched off",
        f"suppressed: {one.suppressed}" if one.suppressed else "",
    ]
    parts = (
        one.subscriber,
        one.country or "-",
        one.kind,
        one.channel,
        one.address,
        f"up to {one.clearance or 'nothing'}",
        ", ".join(one.subscriptions) or "no subscription",
        *(f"[{mark}]" for mark in marks if mark),
    )
    return "  ".join(parts)
