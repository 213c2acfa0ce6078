"""`tocsin identity queue | show | resolve | undo`: what nobody could identify, and what a reviewer says it is."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from sqlalchemy import Engine

from alerts.catalogue import Catalogue
from storage import curating, reviewing
from storage.curating import Decision
from storage.reviewing import Assertion, Waits
from storage.wakeups import Wakeup, notify
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What nobody could identify, and what a reviewer says it is.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
By = Annotated[str, typer.Option(help="The person who decides.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the name and in the log of each case.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="As `queue` shows it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("queue")
def queue(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Names nobody knows, names of several substances, groups and conflicts: the gravest case first."""
    engine = wiring.database(wiring.settings(data_dir), "identity")
    catalogue = wiring.catalogue(engine)
    with engine.begin() as connection:
        found = reviewing.queue(connection, limit=limit)
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(one, catalogue) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        print(f"{one.key}  L{one.level}  {one.reports} reports, {one.first:%Y-%m-%d} to {one.last:%Y-%m-%d}")
        print(f"  {', '.join(one.names)}  ({', '.join(one.laboratories)})")
        for says in _candidates(one, catalogue):
            print(f"  perhaps {says}")


@app.command()
def show(key: Key, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One of them: why it is open, what it may be, and everything that was decided about it."""
    engine = wiring.database(wiring.settings(data_dir), "identity")
    catalogue = wiring.catalogue(engine)
    with engine.begin() as connection:
        found = reviewing.queue(connection, key=key)
        decided = reviewing.assertions(connection, key=key)
    engine.dispose()
    if not found and not decided:
        raise _unknown(key)
    if as_json:
        waits = _shown(found[0], catalogue) if found else None
        print(json.dumps({"waits": waits, "decided": [_decided(one) for one in decided]}, indent=2, ensure_ascii=False))
        return
    for one in found:
        print(f"{one.key}: {one.reports} reports of {', '.join(one.laboratories)} as {', '.join(one.names)}")
        print(f"  {one.why}")
        for says in _candidates(one, catalogue):
            print(f"  perhaps {says}")
    for said in decided:
        print(_line(said, catalogue))


@app.command()
def resolve(
    key: Key,
    substance: Annotated[str, typer.Option("--as", help="A key or a name that the catalogue has for one substance.")],
    by: By,
    reason: Reason,
    lab: Annotated[str, typer.Option(help="For this laboratory only; needed for codes and groups of several.")] = "",
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say what it is: reports of it are identified anew, their cases graded again, and who was told is told."""
    decision = _decision(by, reason)
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "identity")
    try:
        catalogue = wiring.catalogue(engine)
        with engine.begin() as connection:
            found = reviewing.queue(connection, key=key)
        if not found:
            raise _unknown(key)
        meant = _meant(substance, catalogue)
        said = Assertion(
            review_key=key,
            substance=meant,
            laboratory=_scope(found[0], lab),
            source="reviewer",
            reporter=decision.by,
            reason=decision.reason,
            at=decision.at,
        )
        _confirm(found[0], _name(meant, catalogue), yes)
        with engine.begin() as connection:
            number = curating.settle(connection, said, decision)
        _identify(settings, engine)
    except curating.StandsAlready:
        raise Refusal(f"{key} is settled already: `tocsin identity show {key}` says how; undo that first.") from None
    finally:
        engine.dispose()
    _say({"id": number, "key": key, "substance": meant, "laboratory": said.laboratory or None}, as_json)


@app.command()
def undo(
    number: Annotated[int, typer.Argument(metavar="ID", help="The number that `show` and `resolve` give.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take it back: the reports go back to what they were, and who was told is told."""
    decision = _decision(by, reason)
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "identity")
    try:
        with engine.begin() as connection:
            said = reviewing.assertions(connection, id=number)
        if not said:
            raise Refusal(f"Nothing was settled under the number {number}: `tocsin identity show KEY` lists what was.")
        _ask(f"{said[0].review_key} will no longer be {said[0].substance}; everybody who was told is told.", yes)
        with engine.begin() as connection:
            ended = curating.undo(connection, said[0], decision)
        if not ended:
            raise Refusal(f"Number {number} was undone before: nothing was changed.")
        _identify(settings, engine)
    finally:
        engine.dispose()
    _say({"id": number, "key": said[0].review_key, "undone": True}, as_json)


def _identify(settings: Settings, engine: Engine) -> None:
    """Do the queued work now; a worker that is faster has done it, and one that runs does what is left."""
    wiring.identifying(settings, engine)(datetime.now(UTC))
    notify(engine, Wakeup.OUTBOX)


def _decision(by: str, reason: str) -> Decision:
    if not by.strip() or not reason.strip():
        raise Refusal("--by and --reason must say who decides and why; they are kept in the case log.")
    return Decision(by=by.strip(), reason=reason.strip(), at=datetime.now(UTC))


def _meant(substance: str, catalogue: Catalogue) -> str:
    """The key of a substance that the catalogue has."""
    from alerts.identity import named_keys

    if catalogue.entry(substance) is not None:
        return substance
    found = named_keys(substance, catalogue)
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise Refusal(
            f"{substance!r} is a name of several substances: give the key of one, {', '.join(sorted(found))}."
        )
    raise Refusal(f"The catalogue has no substance {substance!r}: `tocsin catalogue add` first.")


def _scope(waits: Waits, lab: str) -> str:
    """For whom it holds: a code or a group means at one laboratory nothing that it means at another."""
    from alerts.settling import private

    if lab:
        if lab not in waits.laboratories:
            raise Refusal(f"{lab} reported no {waits.key}; {', '.join(waits.laboratories)} did.")
        return lab
    own = waits.key.startswith(("G:", "C:")) or any(map(private, waits.names))
    if not own:
        return ""
    if len(waits.laboratories) > 1:
        raise Refusal(
            f"{waits.key} may mean something else at each of {', '.join(waits.laboratories)}: "
            "name the laboratory with --lab, one after the other."
        )
    return waits.laboratories[0]


def _confirm(waits: Waits, name: str, yes: bool) -> None:
    _ask(f"{waits.reports} reports of {waits.key} will be {name}; everybody who was told of them is told.", yes)


def _ask(says: str, yes: bool) -> None:
    print(says, file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal("Nothing was changed: add --yes to go on without being asked.")
    if not typer.confirm("Go on?", err=True):
        raise Refusal("Nothing was changed.")


def _candidates(waits: Waits, catalogue: Catalogue) -> Sequence[str]:
    """What it may be, each with why."""
    return [str(one["why"]) for one in _proposed(waits, catalogue)]


def _proposed(waits: Waits, catalogue: Catalogue) -> list[dict[str, JsonValue]]:
    from alerts.proposals import candidates

    if waits.key.startswith("G:"):
        members = waits.key.removeprefix("G:").split(",")
        return [{"key": one, "why": f"{_name(one, catalogue)}: a member of the group"} for one in members]
    if waits.conflict:
        stated = waits.key.rpartition(":S:")[2]
        structure = f"S:{stated}"
        found: list[dict[str, JsonValue]] = [
            {"key": structure, "why": f"{_name(structure, catalogue)}: the structure says so"}
        ]
        name = waits.key.removeprefix("C:").partition(":")[0]
        named = sorted(catalogue.by_name(name) - {structure})
        return found + [{"key": one, "why": f"{_name(one, catalogue)}: the name says so"} for one in named]
    seen = {one.key: one for name in waits.names for one in candidates(name, catalogue)}
    return [{"key": one.key, "why": one.why} for one in seen.values()]


def _name(key: str, catalogue: Catalogue) -> str:
    entry = catalogue.entry(key)
    return f"{entry.name} ({key})" if entry else key


def _shown(one: Waits, catalogue: Catalogue) -> dict[str, JsonValue]:
    return {
        "key": one.key,
        "names": list(one.names),
        "laboratories": list(one.laboratories),
        "reports": one.reports,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "conflict": one.conflict,
        "level": one.level,
        "why": one.why,
        "candidates": list(_proposed(one, catalogue)),
    }


def _decided(one: Assertion) -> dict[str, JsonValue]:
    return {
        "id": one.id,
        "substance": one.substance,
        "laboratory": one.laboratory or None,
        "source": one.source,
        "by": one.reporter,
        "reason": one.reason,
        "at": one.at.isoformat(),
        "undone_by": one.undone_by,
        "undone_reason": one.undone_reason,
        "undone_at": one.undone_at.isoformat() if one.undone_at else None,
    }


def _line(one: Assertion, catalogue: Catalogue) -> str:
    where = f" for {one.laboratory}" if one.laboratory else ""
    what = f"is {_name(one.substance, catalogue)}{where}"
    said = f"{one.id}  {one.at:%Y-%m-%d %H:%M}  {what}, by {one.reporter}: {one.reason}"
    if one.undone_by is None:
        return said
    return f"{said}; undone {one.undone_at:%Y-%m-%d %H:%M} by {one.undone_by}: {one.undone_reason}"


def _unknown(key: str) -> Refusal:
    return Refusal(f"Nothing waits under {key!r}: `tocsin identity queue` shows what does.")


def _say(what: dict[str, JsonValue], as_json: bool) -> None:
    if as_json:
        print(json.dumps(what, ensure_ascii=False))
    elif "undone" in what:
        print(f"{what['key']}: number {what['id']} is undone.")
    else:
        where = f" for {what['laboratory']}" if what["laboratory"] else ""
        print(
            f"{what['key']} is {what['substance']}{where}, number {what['id']}: `tocsin identity undo` takes it back."
        )
