"""`tocsin deliveries acknowledge | resend | redrive`: what a person does about deliveries."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, Engine

from alerts.entitlement import Act
from schemas.answers import Way
from storage import answers, delivery_list, redriving
from storage.redriving import Again
from storage.wakeups import Wakeup, notify
from tocsin import wiring
from tocsin.deciding import entitled
from tocsin.errors import Refusal

Id = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id, or its beginning.")]
By = Annotated[str, typer.Option(help="Who: a name or a duty role.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the delivery.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it nothing changes.")]
DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def acknowledge(
    identifier: Id,
    by: Annotated[str, typer.Option(help="The person who heard it, as `tocsin person list` shows them.")],
    reason: Annotated[str, typer.Option(help="Who of the recipient said so, and how; it is kept in the case log.")],
    data_dir: DataDir = None,
) -> None:
    """Keep that the recipient has read it, as they said by telephone: nobody else of theirs is called any more."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    try:
        delivery = only(engine, identifier)
        with engine.begin() as connection:
            word = entitled(connection, Act.ACKNOWLEDGE, _country(connection, delivery), by=by, reason=reason)
            first = answers.acknowledge(connection, delivery, by=word.by, way=Way.COMMAND, reason=word.reason)
    finally:
        engine.dispose()
    print(f"{delivery[:12]} is acknowledged by {word.by}." if first else f"{delivery[:12]} was acknowledged before.")


def _country(connection: Connection, delivery: str) -> frozenset[str]:
    told = answers.told(connection, delivery)
    return frozenset({told.country}) if told is not None and told.country else frozenset()


def resend(
    identifier: Id, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Try one delivery again that failed or has no answer, under the same id."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    delivery = only(engine, identifier)
    found = _again(engine, by=by, reason=reason, yes=yes, delivery_id=delivery)
    if not found:
        raise Refusal(
            f"{delivery[:12]} cannot be sent again: only what failed or has no answer, at an address that is in use, "
            "and that no newer revision or withdrawal has overtaken. See tocsin deliveries show."
        )
    _tell(found, yes=yes, as_json=as_json)


def redrive(
    since: Annotated[datetime, typer.Option(help="What came to nothing since then (UTC).")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Try again, under the same ids, everything that failed or has no answer since a moment, as after an outage."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    moment = since.replace(tzinfo=UTC) if since.tzinfo is None else since
    _tell(_again(engine, by=by, reason=reason, yes=yes, since=moment), yes=yes, as_json=as_json)


def only(engine: Engine, identifier: str) -> str:
    """The one delivery whose id begins so."""
    with engine.connect() as connection:
        found = delivery_list.shown(connection, identifier) if identifier.isalnum() else ()
    if len(found) != 1:
        many = (
            "begins more than one delivery: give more of it" if found else "is no delivery: see tocsin deliveries list"
        )
        raise Refusal(f"{identifier} {many}.")
    return found[0].row.delivery_id


def add_to(app: typer.Typer) -> None:
    """The three commands."""
    for command in (acknowledge, resend, redrive):
        app.command()(command)


def _again(
    engine: Engine, *, by: str, reason: str, yes: bool, since: datetime | None = None, delivery_id: str | None = None
) -> tuple[Again, ...]:
    name = _name(by)
    with engine.begin() as connection:
        found = redriving.candidates(connection, since=since, delivery_id=delivery_id)
        if yes and found:
            redriving.redrive(connection, found, by=name, reason=reason)
    if yes and found:
        notify(engine, Wakeup.LEDGER)
    engine.dispose()
    return found


def _tell(found: Sequence[Again], *, yes: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        what = f"{one.delivery_id[:12]}  {one.number} r{one.revision}  L{one.level}  {one.subscriber}  {one.address}"
        print(f"{what}  {one.state}  {one.reason}  {one.attempts} tried")
    said = "are due again." if yes else "would be tried again: --yes does it."
    typer.echo(f"{len(found)} {said}", err=True)


def _name(by: str) -> str:
    if not 2 <= len(by.strip()) <= 100:
        raise Refusal("--by wants a name or a duty role of 2 to 100 characters.")
    return by.strip()
