"""`tocsin person add | remove | list | show`: who may decide what. Ids and roles only, no names."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from alerts.entitlement import Person
from schemas.places import COUNTRIES
from schemas.vocabularies import PersonRole
from storage import people
from storage.people import Change
from tocsin import wiring
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Who may decide what: reviewers, duty officers, the central desk.")

ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Identifier = Annotated[str, typer.Argument(metavar="ID", help="As `tocsin person list` shows it.")]
By = Annotated[str, typer.Option(help="Who says so.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept beside the name.")]


@app.command()
def add(
    identifier: Annotated[str, typer.Option("--id", help="What stands in the case log: si-reviewer-1.")],
    role: Annotated[list[PersonRole], typer.Option(help="May be given several times.")],
    by: By,
    reason: Reason,
    country: Annotated[str | None, typer.Option(help="ISO 3166-1 code; only the central desk has none.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Register a person or change what they may decide."""
    if not ID.fullmatch(identifier):
        raise Refusal(f"--id {identifier!r}: use small letters, digits and hyphens between them, at most 63.")
    if country is not None and country not in COUNTRIES:
        raise Refusal(f"--country {country!r} is no country: use an ISO 3166-1 code in capitals, such as SI.")
    if country is None and PersonRole.CENTRAL_DESK not in role:
        raise Refusal("--country is missing: only the central desk decides without one.")
    person = Person(id=identifier, country=country, roles=frozenset(role))
    changed = _put(Change(person=person, by=by.strip(), reason=reason.strip()), data_dir)
    print(f"{_line(person)}{'' if changed else '; was registered so already'}")


@app.command()
def remove(identifier: Identifier, by: By, reason: Reason, data_dir: DataDir = None) -> None:
    """From now on this person decides nothing; what they decided stays."""
    engine = wiring.database(wiring.settings(data_dir), "person")
    with engine.begin() as connection:
        person = people.find(connection, identifier)
    engine.dispose()
    if person is None:
        raise Refusal(f"{identifier!r} is not registered; `tocsin person list` shows who is.")
    gone = replace(person, active=False)
    _put(Change(person=gone, by=by.strip(), reason=reason.strip()), data_dir)
    print(_line(gone))


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Everybody who may decide, or might."""
    engine = wiring.database(wiring.settings(data_dir), "person")
    with engine.begin() as connection:
        found = people.registered(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(person) for person in found], indent=2))
        return
    for person in found:
        print(_line(person))


@app.command()
def show(identifier: Identifier, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What a person might decide since when, and who said so."""
    engine = wiring.database(wiring.settings(data_dir), "person")
    with engine.begin() as connection:
        changes = people.history(connection, identifier)
    engine.dispose()
    if not changes:
        raise Refusal(f"{identifier!r} is not registered; `tocsin person list` shows who is.")
    lines = [
        {**_shown(one.person), "at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}", "by": one.by, "why": one.reason} for one in changes
    ]
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    for one, line in zip(changes, lines, strict=True):
        print(f"{line['at']}  {_line(one.person)}  by {one.by}: {one.reason}")


def _put(change: Change, data_dir: Path | None) -> bool:
    if not change.by or not change.reason:
        raise Refusal("--by and --reason must say who decides and why; `tocsin person show` keeps them.")
    engine = wiring.database(wiring.settings(data_dir), "person")
    with engine.begin() as connection:
        changed = people.put(connection, change)
    engine.dispose()
    return changed


def _line(person: Person) -> str:
    state = "" if person.active else "  may not decide any more"
    return f"{person.id}  {person.country or 'all countries'}  {','.join(sorted(person.roles))}{state}"


def _shown(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "country": person.country,
        "roles": sorted(person.roles),
        "active": person.active,
    }
