"""`tocsin escalation list | set`: who is told when nobody acknowledges, and after how long."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from alerts.entitlement import Act
from schemas.deliveries import Role
from schemas.vocabularies import Level
from storage import escalation
from storage.escalation import PolicyStep
from tocsin import wiring
from tocsin.deciding import entitled, level_of
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Who is told when nobody acknowledges, and after how long.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]

UNITS = {"m": 60, "h": 3600, "d": 86400}


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """The policy of now. Alerts keep the one that was in force when they were planned."""
    engine = wiring.database(wiring.settings(data_dir), "escalation")
    with engine.connect() as connection:
        found = escalation.policy(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([_plain(one) for one in found], indent=2))
        return
    for one in found:
        print(f"L{one.level:d}  step {one.step}  after {_span(one.after)}  {', '.join(one.roles)}")


@app.command("set")
def set_them(
    level: Annotated[str, typer.Option("--level", help="L3 or L4.")],
    by: Annotated[str, typer.Option(help="Who of the central desk decides, as `tocsin person list` shows them.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    steps: Annotated[
        list[str] | None,
        typer.Argument(metavar="STEP…", help="After how long, and who: 15m=deputy,second 60m=desk. None: never."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """The steps of a level, for alerts from now on. Roles: contact, second, deputy, duty, desk."""
    grave = level_of(level)
    if grave < Level.L3:
        raise Refusal(f"{level} asks nobody to acknowledge: only L3 and L4 have steps.")
    made = [_read(text, grave) for text in steps or ()]
    engine = wiring.database(wiring.settings(data_dir), "escalation")
    try:
        with engine.begin() as connection:
            word = entitled(connection, Act.ESCALATION, frozenset(), by=by, reason=reason)
            escalation.replace_policy(connection, grave, made, by=word.by, reason=word.reason)
    finally:
        engine.dispose()
    list_them(data_dir)


def _read(text: str, level: Level) -> PolicyStep:
    found = re.fullmatch(r"(\d{1,4})([mhd])=([a-z,]+)", text)
    roles = tuple(found[3].split(",")) if found else ()
    if found is None or not set(roles) <= set(Role):
        raise Refusal(f"{text!r} is not a step such as 15m=deputy,second: the roles are {', '.join(Role)}.")
    after = timedelta(seconds=int(found[1]) * UNITS[found[2]])
    return PolicyStep(level=level, step=0, after=after, roles=tuple(map(Role, roles)))


def _span(after: timedelta) -> str:
    minutes = int(after.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes % 60 == 0 and minutes > 60 else f"{minutes} min"


def _plain(one: PolicyStep) -> dict[str, object]:
    return {"level": int(one.level), "step": one.step, "after_seconds": one.after.total_seconds(), "roles": one.roles}
