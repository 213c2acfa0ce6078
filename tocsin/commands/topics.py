"""`tocsin topics apply`: makes Kafka's topics what this version needs."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from schemas.topics import SHARED_TOPICS, TopicSpec, laboratory_topics
from storage import laboratories
from streams import topics
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The topics of Kafka.")


@app.callback()
def group() -> None:
    """The topics of Kafka."""


@app.command()
def apply(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Create missing topics and set their settings, those of laboratories too; partition counts never change."""
    settings = wiring.settings(data_dir)
    made = applied(settings, (*SHARED_TOPICS, *_of_laboratories(settings)))
    if as_json:
        print(json.dumps([{"topic": one.topic, "state": one.state} for one in made], indent=2))
        return
    for one in made:
        print(f"{one.topic}  {one.state}")


def applied(settings: Settings, specs: tuple[TopicSpec, ...]) -> tuple[topics.Applied, ...]:
    """Apply and say what was wrong as a refusal."""
    try:
        return asyncio.run(topics.apply(wiring.kafka(settings), specs))
    except topics.TopicsDiffer as error:
        raise Refusal(str(error)) from None


def _of_laboratories(settings: Settings) -> tuple[TopicSpec, ...]:
    engine = wiring.database(settings, "topics")
    with engine.begin() as connection:
        registered = laboratories.registered(connection)
    engine.dispose()
    return tuple(spec for laboratory in registered for spec in laboratory_topics(laboratory.id))
