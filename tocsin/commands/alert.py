"""`tocsin alert list | show | cancel | release | release-held`: what people were told, and taking it back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alerts.entitlement import Act
from schemas.alert_events import AlertEvent
from schemas.vocabularies import Level, Tense
from storage import browsing, cancelling
from tocsin import wiring
from tocsin.commands import alert_releases, alert_restrictions
from tocsin.deciding import Wish, countries_of, desk
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
    by: Annotated[str, typer.Option(help="The person who decides, as `tocsin person list` shows them.")],
    reason: Annotated[str, typer.Option(help="Why; it is told to everyone who got the alert.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Withdraw an alert: everyone who got any revision is told, on the same channel, in the same thread."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        place = browsing.place_of(here.connection, asked)
        if place is None:
            raise _unknown(asked)
        found = here.found(place.case_id)
        word = here.may(wish, Act.CANCEL, countries_of(found))
        here.ask(found, "Cancelling", wish)
        event = cancelling.cancel_alert(
            here.connection, place, here.setting, at=datetime.now(UTC), by=word.by, reason=word.reason
        )
    if event is None:
        raise Refusal(f"{place.number} has ended already: nothing was changed and nobody is told again.")
    print(f"{event.number} cancelled as revision {event.revision}; everyone who got it is being told.")


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
