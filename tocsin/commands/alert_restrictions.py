"""`tocsin alert restricted | let-know | withhold`: readers who lost sight of an alert that became more restricted."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from alerts.entitlement import Act
from schemas.alert_events import AlertEvent
from schemas.plans import Disclosure
from storage import browsing, releasing, restrictions, threads
from storage.restrictions import Restricted
from tocsin.commands.alert_releases import By, DataDir, Number, Reason, Yes
from tocsin.confirming import confirm
from tocsin.deciding import Desk, Wish, countries_of, desk
from tocsin.errors import Refusal

DONE: Final = {
    Disclosure.UNDECIDED: "they hear nothing until it is decided",
    Disclosure.RELEASED: "they hear that something waits",
    Disclosure.WITHHELD: "they hear no more",
}


def restricted(
    everything: Annotated[bool, typer.Option("--all", help="What was decided too.")] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Alerts of which readers lost sight, oldest first: until a person decides they hear nothing more of them."""
    with desk(data_dir) as here:
        found = restrictions.queue(here.connection, decided=everything)
    if as_json:
        print(json.dumps([_as_json(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        who = f", decided by {one.by}: {one.reason}" if one.by else ""
        print(
            f"{one.number}  since revision {one.revision}, {one.since:%Y-%m-%d %H:%M} UTC  {one.waiting} readers: "
            f"{DONE[one.decision or Disclosure.UNDECIDED]}{who}"
        )


def let_know(asked: Number, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Tell them, now and later, that something about the alert waits for them, and nothing of what it says."""
    number, told = _decide(Wish(asked=asked, by=by, reason=reason, yes=yes), Disclosure.RELEASED, data_dir)
    print(f"{number}: {told} readers are told that something waits for them.")


def withhold(asked: Number, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Tell them no more of it; a cancellation would still reach them."""
    number, _ = _decide(Wish(asked=asked, by=by, reason=reason, yes=yes), Disclosure.WITHHELD, data_dir)
    print(f"{number}: readers who lost sight of it are told no more.")


def _decide(wish: Wish, decision: Disclosure, data_dir: Path | None) -> tuple[str, int]:
    with desk(data_dir) as here:
        last = _last(here, wish.asked)
        word = here.may(wish, Act.DISCLOSE, countries_of(here.found(last.case_id)))
        threads.lock(here.connection, last.alert_id)
        waits = restrictions.queue(here.connection, decided=False, alert_id=last.alert_id)
        if not waits:
            raise Refusal(f"Nobody lost sight of {last.number}, or it is decided: `tocsin alert restricted --all`.")
        confirm(f"{last.number}, {waits[0].waiting} readers: {DONE[decision]}", yes=wish.yes)
        at = datetime.now(UTC)
        told = restrictions.decide(here.connection, last.alert_id, decision, by=word.by, reason=word.reason, at=at)
        action = f"restricted_{decision}"
        releasing.log(here.connection, case_id=last.case_id, action=action, by=word.by, reason=word.reason, at=at)
    return last.number, told or 0


def _last(here: Desk, asked: str) -> AlertEvent:
    events = browsing.alert(here.connection, asked)
    if not events:
        raise Refusal(f"No alert is {asked!r}: `tocsin alert list` shows those there are.")
    return events[-1]


def _as_json(one: Restricted) -> dict[str, object]:
    return {
        "alert": one.number,
        "case": one.case_id,
        "revision": one.revision,
        "since": one.since.isoformat(),
        "readers": one.waiting,
        "decision": one.decision,
        "by": one.by,
        "reason": one.reason,
    }


def add_to(app: typer.Typer) -> None:
    """These as commands of `tocsin alert`."""
    app.command()(restricted)
    app.command("let-know")(let_know)
    app.command()(withhold)
