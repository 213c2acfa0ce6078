"""`tocsin alert list | show | cancel | release | release-held`: what people were told, and taking it back."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.alert_events import AlertEvent
from schemas.vocabularies import Level, Tense
from storage import browsing, cancelling, delivery_list
from tocsin import wiring
from tocsin.commands import alert_releases, alert_restrictions
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="What people were told, and taking it back.")
alert_releases.add_to(app)
alert_restrictions.add_to(app)

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Number = Annotated[str, typer.Argument(metavar="ALERT", help="Its number, like TOC-A-2026-0042, or its id.")]


@app.command("list")
def list_them(
    level: Annotated[int, typer.Option(min=0, max=4, help="At least this level.")] = 1,
    tense: Annotated[Tense | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The latest revision of each alert, newest first."""
    engine = wiring.database(wiring.settings(data_dir), "alert")
    with engine.begin() as connection:
        found = browsing.alerts(connection, at_least=Level(level), tense=tense, limit=limit)
    engine.dispose()
    if as_json:
        print(json.dumps([event.model_dump(mode="json") for event in found], indent=2, ensure_ascii=False))
        return
    for event in found:
        print(_line(event))


@app.command()
def show(asked: Number, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One alert: each revision, what changed, and why it was graded so."""
    engine = wiring.database(wiring.settings(data_dir), "alert")
    with engine.begin() as connection:
        found = browsing.alert(connection, asked)
    engine.dispose()
    if not found:
        raise _unknown(asked)
    if as_json:
        print(json.dumps([event.model_dump(mode="json") for event in found], indent=2, ensure_ascii=False))
        return
    for event in found:
        print(_line(event))
        print(f"  changes    {', '.join(event.changes)}{f' ({event.reason})' if event.reason else ''}")
    last = found[-1]
    for rule in last.rules:
        print(f"  because    {rule.says}  ({rule.id}, {rule.axis} {rule.score})")
    print(f"  handling   TLP:{last.handling}, {len(last.sources)} sources, rules {last.rule_set.name}", end=" ")
    print(f"{last.rule_set.version}, catalogue {last.catalogue_version}")


@app.command()
def cancel(
    asked: Number,
    by: Annotated[str, typer.Option(help="The person who decides.")],
    reason: Annotated[str, typer.Option(help="Why; it is told to everyone who got the alert.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Withdraw an alert: everyone who got any revision is told, on the same channel, in the same thread."""
    if not by.strip() or not reason.strip():
        raise Refusal("--by and --reason must say who decides and why; they are kept in the case log.")
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "alert")
    try:
        with engine.begin() as connection:
            place = browsing.place_of(connection, asked)
            told = delivery_list.listed(connection, alert=asked, limit=10_000)
        if place is None:
            raise _unknown(asked)
        names = sorted({f"{row.subscriber} ({row.channel})" for row in told if row.attempts})
        _confirm(place.number, names, yes)
        with engine.begin() as connection:
            event = cancelling.cancel_alert(
                connection,
                place,
                wiring.setting(settings, engine),
                at=datetime.now(UTC),
                by=by.strip(),
                reason=reason.strip(),
            )
    finally:
        engine.dispose()
    if event is None:
        raise Refusal(f"{place.number} has ended already: nothing was changed and nobody is told again.")
    print(f"{event.number} cancelled as revision {event.revision}; {len(names)} destinations are being told.")


def _confirm(number: str, names: list[str], yes: bool) -> None:
    whom = ", ".join(names) or "nobody, because nobody has it yet"
    print(f"Cancelling {number} tells: {whom}.", file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal("Nothing was cancelled: add --yes to go on without being asked.")
    if not typer.confirm("Cancel it?", err=True):
        raise Refusal("Nothing was cancelled.")


def _unknown(asked: str) -> Refusal:
    return Refusal(f"No alert is {asked!r}: `tocsin alert list` shows those there are.")


def _line(event: AlertEvent) -> str:
    mark = "" if event.tense is Tense.ACTUAL else f"{event.tense.upper()} "
    places = " ".join(sorted(event.affected)) or "-"
    when = event.decided_at.strftime("%Y-%m-%d %H:%M")
    level = f"L{event.level} {event.level.word}"
    if event.override is not None:
        level += f" (set by {event.override.by} until {event.override.until:%Y-%m-%d %H:%M})"
    return f"{when}  {mark}{event.number} rev {event.revision}  {event.kind}  {level}  {event.substance.name}  {places}"
