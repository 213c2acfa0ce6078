"""`tocsin lab add | list | show | suspend | resume`: who may report."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy import Connection

from schemas.places import COUNTRIES
from schemas.topics import detections_topic, laboratory_topics
from schemas.vocabularies import ReporterRole
from storage import laboratories
from storage.freshness import Freshness, freshness
from storage.laboratories import Laboratory, LaboratoryState, StateChange
from tocsin import logins, wiring
from tocsin.commands.topics import applied
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="The laboratories that may report.")

ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Identifier = Annotated[str, typer.Argument(help="Its id, as `tocsin lab list` shows it.", metavar="ID")]
By = Annotated[str, typer.Option(help="The person who decides.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept beside the name.")]
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
        laboratory = _registered(connection, laboratory.id)
    engine.dispose()
    given = logins.given(settings, laboratory.id)
    if as_json:
        login = {"login": str(given.file)} if given else {}
        print(json.dumps({**_shown(laboratory), "changed": changed, **login}))
    else:
        said = "is registered and reports on" if changed else "was registered so already and reports on"
        print(f"{laboratory.id} {said} {laboratory.topic}")
        if laboratory.state is LaboratoryState.SUSPENDED:
            print(f"{laboratory.id} is suspended still: `tocsin lab show {laboratory.id}` says by whom and why")
        if given:
            print(given.sentence)


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every registered laboratory, when it was last heard of, and what was refused of it in the last 7 days."""
    engine = wiring.database(wiring.settings(data_dir), "lab")
    with engine.begin() as connection:
        found = laboratories.registered(connection)
        heard = {one.laboratory: one for one in freshness(connection)}
    engine.dispose()
    if as_json:
        print(json.dumps([{**_shown(one), **_heard(heard[one.id])} for one in found], indent=2))
        return
    for one in found:
        _print(one)
        print(f"  {_said(heard[one.id])}")


@app.command()
def show(identifier: Identifier, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One laboratory, with who suspended and resumed it, and why."""
    engine = wiring.database(wiring.settings(data_dir), "lab")
    with engine.begin() as connection:
        laboratory = _registered(connection, identifier)
        changes = laboratories.history(connection, identifier)
    engine.dispose()
    if as_json:
        print(json.dumps({**_shown(laboratory), "changes": [_change(one) for one in changes]}, indent=2))
        return
    _print(laboratory)
    for one in map(_change, changes):
        print(f"  {one['at']}  {one['state']}  by {one['by']}: {one['reason']}")


@app.command()
def suspend(identifier: Identifier, by: By, reason: Reason, data_dir: DataDir = None) -> None:
    """From now on its reports are read and refused with a reason; what it said before stays. Workers notice it."""
    _turn(StateChange(laboratory=identifier, state=LaboratoryState.SUSPENDED, by=by, reason=reason), data_dir)


@app.command()
def resume(identifier: Identifier, by: By, reason: Reason, data_dir: DataDir = None) -> None:
    """Its reports count again from now on; those refused meanwhile are dead letters."""
    _turn(StateChange(laboratory=identifier, state=LaboratoryState.ACTIVE, by=by, reason=reason), data_dir)


def _turn(wanted: StateChange, data_dir: Path | None) -> None:
    change = replace(wanted, by=wanted.by.strip(), reason=wanted.reason.strip())
    if not change.by or not change.reason:
        raise Refusal("--by and --reason must say who decides and why; `tocsin lab show` keeps them.")
    engine = wiring.database(wiring.settings(data_dir), "lab")
    with engine.begin() as connection:
        _registered(connection, change.laboratory)
        turned = laboratories.turn(connection, change)
    engine.dispose()
    print(f"{change.laboratory} is {change.state}{'' if turned else ' already; nothing was changed'}")


def _registered(connection: Connection, identifier: str) -> Laboratory:
    found = {one.id: one for one in laboratories.registered(connection)}
    if identifier not in found:
        raise Refusal(f"{identifier!r} is not registered; `tocsin lab list` shows who is.")
    return found[identifier]


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


def _print(one: Laboratory) -> None:
    print(f"{one.id}  {one.country}  {','.join(sorted(one.roles))}  {one.state}  {one.topic}  {one.display_name}")


def _heard(one: Freshness) -> dict[str, str | float | int | None]:
    return {
        "last_report": one.last_report.isoformat(timespec="seconds") if one.last_report else None,
        "silent_seconds": round(one.silent.total_seconds(), 1),
        "heard": one.heard.value,
        "refused_7_days": one.refused,
    }


def _said(one: Freshness) -> str:
    days, seconds = one.silent.days, int(one.silent.total_seconds())
    ago = f"{days} d" if days else f"{seconds // 3600} h {seconds % 3600 // 60} min"
    last = f"last report {one.last_report:%Y-%m-%d %H:%M} UTC, {ago} ago" if one.last_report else "no report yet"
    return f"{last}; {one.refused} refused in 7 days"


def _change(one: StateChange) -> dict[str, str | None]:
    at = one.at.isoformat(timespec="seconds") if one.at else None
    return {"at": at, "state": one.state, "by": one.by, "reason": one.reason}


def _shown(laboratory: Laboratory) -> dict[str, object]:
    return {
        "id": laboratory.id,
        "name": laboratory.display_name,
        "country": laboratory.country,
        "roles": sorted(laboratory.roles),
        "state": laboratory.state,
        "topic": laboratory.topic,
    }
