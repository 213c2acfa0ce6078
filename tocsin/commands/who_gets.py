"""`tocsin who-gets ALERT`: who would be told now, who would not and why, and which country would hear nothing."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from notifiers.coverage import Answer, WhoGets, who_gets
from notifiers.planning import Policy
from notifiers.reasons import sentence
from schemas.alert_events import AlertEvent, CountryCount
from schemas.vocabularies import REPORTING_COUNTRIES, Level
from storage import browsing, subscribers
from tocsin import wiring
from tocsin.errors import Refusal

app = typer.Typer(help="Who would be told of an alert now, and who would not. Sends nothing.")


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def run(
    asked: Annotated[str, typer.Argument(metavar="ALERT", help="Its number or id, or that of its case.")],
    level: Annotated[int | None, typer.Option(min=0, max=4, help="As if it were of this level.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="As if it were found there; may be given again.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """As if the alert were the first of its thread. Exit code 1 when a reporting country would hear nothing of an L3
    or L4."""
    engine = wiring.database(wiring.settings(data_dir), "who-gets")
    with engine.begin() as connection:
        found = browsing.alert(connection, asked) or browsing.alerts_of_case(connection, asked)
        recipients = subscribers.recipients(connection)
    engine.dispose()
    if not found:
        raise Refusal(f"No alert, or more than one, goes by “{asked}”; `tocsin alert list` shows them.")
    event = _supposed(found[-1], level, country)
    answer = who_gets(event, recipients, policy=Policy(), now=datetime.now(UTC))
    if as_json:
        print(json.dumps(_as_json(event, answer), indent=2, ensure_ascii=False))
    else:
        _show(event, answer)
    if event.level >= Level.L3 and answer.unreached:
        raise typer.Exit(1)


def _supposed(event: AlertEvent, level: int | None, countries: list[str] | None) -> AlertEvent:
    changed = event if level is None else event.model_copy(update={"level": Level(level)})
    if not countries:
        return changed
    if unknown := [code for code in countries if code not in REPORTING_COUNTRIES]:
        raise typer.BadParameter(f"{unknown[0]} is not a reporting country.", param_hint="--country")
    return changed.model_copy(update={"countries": tuple(CountryCount(country=one, events=1) for one in countries)})


def _as_json(event: AlertEvent, answer: WhoGets) -> dict[str, object]:
    return {
        "number": event.number,
        "revision": event.revision,
        "level": int(event.level),
        "held": answer.hold.sentence if answer.hold else None,
        "destinations": [_destination(each) for each in answer.answers],
        "countries_that_hear_nothing": list(answer.silent),
        "countries_without_a_statutory_destination": list(answer.unreached),
    }


def _destination(answer: Answer) -> dict[str, object]:
    target, delivery = answer.recipient.destination, answer.delivery
    return {
        "subscriber": target.subscriber,
        "country": answer.recipient.country,
        "channel": target.channel.value,
        "told": answer.told,
        "content": delivery.content.value if answer.told else None,
        "due_at": delivery.due_at.isoformat() if delivery.due_at else None,
        "reason": answer.reason.value,
        "why": [f"{note.gate}: {sentence(note.reason)}" for note in delivery.gates],
    }


def _show(event: AlertEvent, answer: WhoGets) -> None:
    print(f"{event.number} revision {event.revision}, L{event.level:d}, as if told now:")
    if answer.hold:
        print(answer.hold.sentence)
    table = Table("subscriber", "country", "channel", "told", "why", box=None, pad_edge=False)
    for each in sorted(answer.answers, key=lambda one: (not one.told, one.recipient.destination.subscriber)):
        target = each.recipient.destination
        told = each.delivery.content.value if each.told else "no"
        table.add_row(target.subscriber, each.recipient.country or "-", target.channel, told, sentence(each.reason))
    Console(file=sys.stdout, soft_wrap=True).print(table)
    _countries("hear nothing", answer.silent)
    _countries("have no statutory destination that would be told", answer.unreached)


def _countries(what: str, codes: Iterable[str]) -> None:
    if found := " ".join(codes):
        print(f"reporting countries that {what}: {found}")
