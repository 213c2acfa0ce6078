"""`tocsin settings show`: every setting, its value and where it came from; secrets are masked."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tocsin import wiring
from tocsin.reading import Leaf, Source, leaves, masked_url, read, shown, source
from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What is set, and where each value came from.")

Line = tuple[str, str | None, Source]


@app.callback()
def settings() -> None:
    """What is set, and where each value came from."""


@app.command()
def show(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory to look into.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show every setting with its source; secrets are masked."""
    found = read(data_dir=data_dir)
    lines = [_line(leaf, found, given=data_dir is not None) for leaf in leaves()]
    if as_json:
        print(json.dumps({name: {"value": value, "source": origin} for name, value, origin in lines}, indent=2))
        return
    width = max(len(name) for name, _, _ in lines)
    for name, value, origin in lines:
        print(f"{name:<{width}}  {value or '-'}  ({origin})")


def _line(leaf: Leaf, found: Settings, *, given: bool) -> Line:
    embedded = _from_directory(found).get(leaf.variable)
    if embedded is not None:
        return leaf.variable, embedded, Source.DATA_DIRECTORY
    origin = Source.ARGUMENT if given and leaf.path == ("data_dir",) else source(leaf)
    return leaf.variable, shown(leaf.value(found)), origin


def _from_directory(found: Settings) -> dict[str, str]:
    """What the running engines of the data directory supply, where nothing else is set."""
    running = wiring.running(found)
    if running is None:
        return {}
    supplied = {}
    if found.kafka.bootstrap is None and running.kafka:
        supplied["TOCSIN_KAFKA__BOOTSTRAP"] = running.kafka
    if found.database.url is None and running.database_url:
        supplied["TOCSIN_DATABASE__URL"] = masked_url(running.database_url)
    if found.smtp.host is None and running.smtp:
        host, _, port = running.smtp.rpartition(":")
        supplied |= {"TOCSIN_SMTP__HOST": host, "TOCSIN_SMTP__PORT": port, "TOCSIN_SMTP__TLS": "none"}
    return supplied
