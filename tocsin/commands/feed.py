"""`tocsin feed`: the alerts of one handling as an Atom feed, to standard output or as a file for a web server."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from notifiers.feed import etag, feed
from schemas.languages import ENGLISH, LANGUAGES
from schemas.vocabularies import Handling, Level, Tense
from storage import browsing
from tocsin import wiring

app = typer.Typer(help="Alerts as an Atom feed.")
MOST = 1_000


@app.callback(invoke_without_command=True)
def write(
    within: Annotated[Handling, typer.Option(help="Alerts no stricter than this.")] = Handling.CLEAR,
    level: Annotated[int, typer.Option(min=0, max=4, help="At least this level.")] = 1,
    lang: Annotated[str, typer.Option(help=f"One of {' '.join(LANGUAGES)}.")] = ENGLISH,
    out: Annotated[Path | None, typer.Option(help="A file, replaced as a whole; standard output by default.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """Exercises, tests, precursors and anything stricter are left out, whoever asks."""
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"“{lang}” is none of {' '.join(LANGUAGES)}.", param_hint="--lang")
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "feed")
    with engine.begin() as connection:
        events = browsing.alerts(connection, at_least=Level(level), tense=Tense.ACTUAL, limit=MOST)
    engine.dispose()
    body = feed(events, site=settings.message_domain, within=within, language=lang)
    if out is None:
        sys.stdout.write(body.decode())
        return
    _replace(out, body)
    print(f"{out}: {body.count(b'<entry>')} alerts, ETag {etag(body)}", file=sys.stderr)


def _replace(path: Path, body: bytes) -> None:
    """A reader finds the old feed or the new one, never half of one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(body)
    fresh.replace(path)
