"""`tocsin case merge | split | undo | apart | suggestions`: what is one threat or one event, settled by a person."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from alerts.cases import Report
from alerts.entitlement import Act
from alerts.errors import Undecidable
from alerts.suggesting import suggested
from schemas.alert_events import AlertEvent
from storage import merging
from storage.suggestions import products as suggesting_products
from storage.suggestions import reports as suggesting_reports
from tocsin.commands.case_decisions import Asked, By, DataDir, Reason, Yes
from tocsin.deciding import Wish, countries_of, desk, place_of, told
from tocsin.errors import Refusal


def merge(
    asked: Asked,
    into: Annotated[str, typer.Option(help="The case that goes on, with the reports of both.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Join this case into another: its reports, and later ones of its product, count there."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        gone, stays = here.found(asked), here.found(into)
        word = here.may(wish, Act.MERGE, countries_of(gone) | countries_of(stays))
        here.ask(gone, f"Joining into {stays.row.number or stays.row.id[:12]}", wish)
        places, at = (place_of(gone), place_of(stays)), datetime.now(UTC)
        events = _done(lambda: merging.merge(here.connection, *places, here.setting, word, at=at))
    print(told(events, otherwise="joined; nothing that anybody was told has changed."))
    print(f"To take it back: tocsin case undo {gone.row.id[:12]}")


def split(
    asked: Asked,
    report: Annotated[list[str], typer.Option(help="LABORATORY/EVENT_ID of a report to part off; several times.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Part reports off into a case of their own; later revisions of them follow."""
    wish, parted = Wish(asked=asked, by=by, reason=reason, yes=yes), frozenset(map(_report, report))
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.SPLIT, countries_of(found))
        here.ask(found, f"Parting {len(parted)} reports off", wish)
        place, at = place_of(found), datetime.now(UTC)
        events = _done(lambda: merging.split(here.connection, place, parted, here.setting, word, at=at))
    print(told(events, otherwise="parted; nothing that anybody was told has changed."))


def undo(asked: Asked, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Take back that this case was merged into another, or parted off from one."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.MERGE, countries_of(found))
        here.ask(found, "Taking back what was joined or parted of", wish)
        place, at = place_of(found), datetime.now(UTC)
        events = _done(lambda: merging.undo(here.connection, place, here.setting, word, at=at))
    print(told(events, otherwise="taken back; nothing that anybody was told has changed."))


def apart(
    asked: Asked,
    report: Annotated[str, typer.Option(help="LABORATORY/EVENT_ID of the report that is an event of its own.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Say that a report that was counted once with another body's is not the same event."""
    wish, one = Wish(asked=asked, by=by, reason=reason, yes=yes), _report(report)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.SPLIT, countries_of(found))
        here.ask(found, "Counting a report by itself in", wish)
        place, at = place_of(found), datetime.now(UTC)
        events = _done(lambda: merging.tell_apart(here.connection, place, one, here.setting, word, at=at))
    print(told(events, otherwise="counted by itself; nothing that anybody was told has changed."))


def suggestions(
    asked: Annotated[str | None, typer.Argument(metavar="[CASE]", help="Reports of this case that count once.")] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Open cases that may be of one product; with CASE its reports that count as one event without a reference."""
    with desk(data_dir) as here:
        if asked is None:
            pairs = suggesting_products(here.connection)
        else:
            found = suggested(suggesting_reports(here.connection, here.found(asked).row.id))
            pairs = [(f"{one[0]}/{one[1]}", f"{other[0]}/{other[1]}") for one, other in found]
    if as_json:
        print(json.dumps([list(pair) for pair in pairs], indent=2))
        return
    for one, other in pairs:
        print(f"{one}  {other}")


def _done(decision: Callable[[], list[AlertEvent]]) -> list[AlertEvent]:
    try:
        return decision()
    except Undecidable as error:
        raise Refusal(f"{error}; nothing was changed.".capitalize()) from error


def _report(text: str) -> Report:
    laboratory, _, event = text.partition("/")
    try:
        return laboratory, UUID(event)
    except ValueError:
        raise Refusal(f"--report {text!r}: write LABORATORY/EVENT_ID, as `tocsin case show` lists them.") from None


def add_to(app: typer.Typer) -> None:
    """These as commands of `tocsin case`."""
    for command in (merge, split, undo, apart, suggestions):
        app.command()(command)
