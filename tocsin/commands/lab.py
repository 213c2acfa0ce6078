"""`tocsin lab add | list`: who may report."""

import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.places import COUNTRIES
from schemas.topics import detections_topic, laboratory_topics
from schemas.vocabularies import ReporterRole
from storage import laboratories
from storage.laboratories import Laboratory
from tocsin import wiring
from tocsin.commands.topics import applied
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="The laboratories that may report.")

ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def add(
    identifier: Annotated[str, typer.Option("--id", help="Never changes, and names its topic: si-example.")],
    name: Annotated[str, typer.Option(help="What people read; may change.")],
    country: Annotated[str, typer.Option(help="ISO 3166-1 code: SI.")],
    role: Annotated[list[ReporterRole], typer.Option(help="In which it reports; may be given several times.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Register a laboratory or change its name, country or roles, and create its topics; workers pick it up."""
    laboratory = _laboratory(identifier, name=name, country=country, roles=role)
    settings = wiring.settings(data_dir)
    applied(settings, laboratory_topics(laboratory.id))
    engine = wiring.database(settings, "lab")
    with engine.begin() as connection:
        changed = laboratories.put(connection, laboratory)
    engine.dispose()
    if as_json:
        print(json.dumps({**_shown(laboratory), "changed": changed}))
    else:
        said = "is registered and reports on" if changed else "was registered so already and reports on"
        print(f"{laboratory.id} {said} {laboratory.topic}")


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every registered laboratory."""
    engine = wiring.database(wiring.settings(data_dir), "lab")
    with engine.begin() as connection:
        found = laboratories.registered(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(one) for one in found], indent=2))
        return
    for one in found:
        print(f"{one.id}  {one.country}  {','.join(sorted(one.roles))}  {one.state}  {one.topic}  {one.display_name}")


def _laboratory(identifier: str, *, name: str, country: str, roles: list[ReporterRole]) -> Laboratory:
    if not ID.fullmatch(identifier):
        raise Refusal(
            f"--id {identifier!r} cannot name a topic: use small letters, digits and hyphens between them, at most 63."
        )
    if country not in COUNTRIES:
        raise Refusal(f"--country {country!r} is no country: use an ISO 3166-1 code in capitals, such as SI.")
    return Laboratory(
        id=identifier,
        display_name=name,
        country=country,
        roles=frozenset(roles),
        topic=detections_topic(identifier),
    )


def _shown(laboratory: Laboratory) -> dict[str, object]:
    return {
        "id": laboratory.id,
        "name": laboratory.display_name,
        "country": laboratory.country,
        "roles": sorted(laboratory.roles),
        "state": laboratory.state,
        "topic": laboratory.topic,
    }
