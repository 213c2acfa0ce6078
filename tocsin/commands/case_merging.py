"""`tocsin case merge | split | undo | apart | same | suggestions`: what is one threat, what one event, by a person."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from alerts.cases import Report
from alerts.entitlement import Act
from alerts.errors import Undecidable
from alerts.suggesting import suggested
from schemas.alert_events import AlertEvent
from storage import merging, releasing
from storage import suggestions as suggesting
from storage.browsing import CaseDetail
from tocsin.commands.case_decisions import Asked, By, DataDir, Reason, Yes
from tocsin.deciding import Desk, Wish, countries_of, desk, place_of, told
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
    take_back: Annotated[bool, typer.Option("--undo", help="Take that back: it may be the same event.")] = False,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Say that a report that was counted once with another body's is not the same event."""
    wish, one = Wish(asked=asked, by=by, reason=reason, yes=yes), _report(report)
    decide = merging.undo_apart if take_back else merging.tell_apart
    counted = "as before it was told apart" if take_back else "by itself"
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.SPLIT, countries_of(found))
        here.ask(found, f"Counting a report {counted} in", wish)
        place, at = place_of(found), datetime.now(UTC)
        events = _done(lambda: decide(here.connection, place, one, here.setting, word, at=at))
    print(told(events, otherwise=f"counted {counted}; nothing that anybody was told has changed."))


def same(
    asked: Asked,
    report: Annotated[list[str], typer.Option(help="LABORATORY/EVENT_ID; twice, the two that are one event.")],
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
) -> None:
    """Confirm that two reports which count once are one event; nothing that is counted changes."""
    wish, pair = Wish(asked=asked, by=by, reason=reason), frozenset(map(_report, report))
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.MERGE, countries_of(found))
        reports = suggesting.reports(here.connection, found.row.id)
        meant = [two for two in suggested(reports, _twin_days(here)) if set(two) == pair]
        if not meant:
            raise Refusal("These two are no suggestion, which `tocsin case suggestions CASE` shows; nothing changed.")
        at = datetime.now(UTC)
        if not suggesting.confirm(here.connection, found.row.tense, meant[0], word, at=at):
            raise Refusal("That they are one event was confirmed already; nothing was changed.")
        log = releasing.log
        log(here.connection, case_id=found.row.id, action="one event", by=word.by, reason=word.reason, at=at)
    print("confirmed: they count as one event.")


def suggestions(
    asked: Annotated[str | None, typer.Argument(metavar="[CASE]", help="Reports of this case that count once.")] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Open cases that may be of one product; with CASE its reports that count as one event without a reference, and
    what persons said of them."""
    with desk(data_dir) as here:
        if asked is None:
            found = [Suggestion(pair) for pair in suggesting.products(here.connection)]
        else:
            found = _of_case(here, here.found(asked))
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        who = f" by {one.by}: {one.reason}" if one.by else ""
        print(f"{'  '.join(one.of)}  {one.state}{who}")


@dataclass(frozen=True)
class Suggestion:
    """Cases or reports, and how it stands with them: suggested, confirmed, or apart."""

    of: tuple[str, ...]
    state: str = "suggested"
    by: str | None = None
    reason: str | None = None


def _of_case(here: Desk, found: CaseDetail) -> list[Suggestion]:
    reports = suggesting.reports(here.connection, found.row.id)
    said, own = suggesting.said(here.connection, found.row.tense, reports), {one.report for one in reports}
    listed = []
    for pair in suggested(reports, _twin_days(here)):
        word = said.one.get((min(pair, key=str), max(pair, key=str)))
        state = Suggestion(tuple(map(_named, pair)))
        listed.append(state if word is None else replace(state, state="confirmed", by=word.by, reason=word.reason))
    apart = ((report, word) for report, word in said.apart.items() if report in own)
    return listed + [Suggestion((_named(one),), "apart", word.by, word.reason) for one, word in apart]


def _twin_days(here: Desk) -> int:
    return here.setting.grading.rules.windows_days.twins


def _named(report: Report) -> str:
    return f"{report[0]}/{report[1]}"


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
    for command in (merge, split, undo, apart, same, suggestions):
        app.command()(command)
