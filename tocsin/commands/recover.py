"""`tocsin recover`: brings a database that was restored from an old dump up to what had been told."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from tocsin import restored, wiring
from tocsin.errors import Refusal
from tocsin.recovering import Person, Recovered, recover
from tocsin.settings import Settings

app = typer.Typer(help="After a restore from an old dump: import what had been told, so that nobody is told twice.")


@app.callback(invoke_without_command=True)
def recover_it(
    by: Annotated[str, typer.Option(help="The person who decides.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept beside the name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Go on without destinations that are not registered any more.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Read alert events and receipts from their topics, take over numbers, revisions and outcomes, raise the epoch.

    Stop all workers and couriers first, or let them wait. Without --yes nothing is changed. Exit code 0 also when there
    is nothing to recover.
    """
    if not by.strip() or not reason.strip():
        raise Refusal("--by and --reason must say who decides and why; they are kept with the recovery.")
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "recover")
    try:
        found = _done(settings, engine, Person(by=by.strip(), reason=reason.strip()), yes=yes, leave_out=leave_out)
    finally:
        engine.dispose()
    if as_json:
        print(json.dumps({"recovered": yes and found is not None, "found": found and found.shown()}, indent=2))
    elif found is None:
        print("nothing to recover: the database knows all that it has told")
    else:
        _say(found, yes)


def _done(settings: Settings, engine: Engine, person: Person, *, yes: bool, leave_out: bool) -> Recovered | None:
    why = restored.stale(settings, engine)
    if why is None:
        return None
    print(why.sentence, file=sys.stderr)
    return recover(engine, wiring.topics(settings), person, really=yes, leave_out=leave_out)


def _say(found: Recovered, yes: bool) -> None:
    numbers = ", ".join(f"{tense} {number}" for tense, number in found.numbers.items()) or "none"
    print(f"{found.messages} messages of this site are on the topics")
    print(f"{found.events} alert events of {found.alerts} alerts were not known; highest numbers: {numbers}")
    print(f"{found.receipts} deliveries follow their receipts")
    print(
        f"{found.unsettled.again + found.unsettled.left} have none and are unknown: {found.unsettled.again} are sent "
        f"once more under the same id, {found.unsettled.left} are not"
    )
    for one in found.strangers:
        print(f"destination {one} is not registered in this database")
    for one in found.to_redo:
        print(f"{one}: what persons decided about it (`tocsin alert show {one}`) has to be decided again")
    if yes:
        print(f"epoch {found.epoch} has begun: workers and couriers may start, those that wait go on by themselves")
    else:
        print("nothing was changed: add --yes to do it", file=sys.stderr)
