"""`tocsin alert release | release-held`: to the public of a country, and to more recipients than the limit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alerts.entitlement import Act
from schemas.alert_events import AlertEvent
from schemas.deliveries import HoldReason
from schemas.vocabularies import AlertKind, Confidence, Level, Tense
from storage import browsing, releasing
from storage.releasing import HeldAlert
from tocsin.confirming import confirm
from tocsin.deciding import Desk, Wish, countries_of, desk
from tocsin.errors import Refusal

Number = Annotated[str, typer.Argument(metavar="ALERT", help="Its number, like TOC-A-2026-0042, or its id.")]
By = Annotated[str, typer.Option(help="The person who decides, as `tocsin person list` shows them.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the case log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]

ENDINGS = frozenset({AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED})


def release(
    asked: Number,
    country: Annotated[str, typer.Option(help="Whose public may see it: SI.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Let the public of a country see this revision; only a reviewer of the country may."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        last = _last(here, asked)
        word = here.may(wish, Act.RELEASE, frozenset({country}))
        if fault := unfit(last, country):
            raise Refusal(f"{last.number} cannot be released in {country}: {fault}; nothing was changed.")
        confirm(f"Releasing {last.number} revision {last.revision} shows it to the public of {country}", yes=wish.yes)
        at = datetime.now(UTC)
        new = releasing.release(
            here.connection,
            alert_id=last.alert_id,
            revision=last.revision,
            country=country,
            by=word.by,
            reason=word.reason,
            at=at,
        )
        if not new:
            raise Refusal(f"{last.number} revision {last.revision} was released in {country} already.")
        action = f"released:{country}:{last.revision}"
        releasing.log(here.connection, case_id=last.case_id, action=action, by=word.by, reason=word.reason, at=at)
    print(f"{last.number} revision {last.revision} is released to the public of {country} by {word.by}.")


def unfit(event: AlertEvent, country: str) -> str | None:
    """Why an alert may not be shown to a public at all, whoever releases it."""
    if event.tense is not Tense.ACTUAL:
        return f"it is {event.tense}"
    if event.kind in ENDINGS:
        return f"it is {event.kind}"
    if event.level < Level.L3:
        return f"only L3 and L4 are for the public, and it is L{event.level:d}"
    if event.confidence not in (Confidence.A, Confidence.B) or event.provisional:
        return "it is provisional"
    if not event.public_consent:
        return "not every provider consented to publication"
    if country not in event.affected:
        return f"{country} is not among its countries"
    return None


def release_held(asked: Number, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Approve that a held alert reaches more recipients than the limit; the second of two people lets it go."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        last = _last(here, asked)
        found = here.found(last.case_id)
        word = here.may(wish, Act.RELEASE_HELD, countries_of(found))
        wanted = _held(here, last)
        if word.by in wanted.approved_by:
            raise Refusal(f"{word.by} approved {last.number} already: a second person must.")
        confirm(f"Releasing {last.number} tells {wanted.planned} destinations, more than the limit", yes=wish.yes)
        gone = releasing.approve(here.connection, wanted, by=word.by, reason=word.reason)
        action, at = "held_released" if gone else "held_approved", datetime.now(UTC)
        releasing.log(here.connection, case_id=last.case_id, action=action, by=word.by, reason=word.reason, at=at)
    if gone:
        print(f"{last.number} goes out to {wanted.planned} destinations.")
    else:
        print(f"{last.number} is approved by {word.by}; it waits for a second person.")


def _held(here: Desk, last: AlertEvent) -> HeldAlert:
    wanted = releasing.held(here.connection, last.alert_id)
    if wanted is None or wanted.released:
        raise Refusal(f"{last.number} is not held: nothing was changed.")
    if wanted.reason is not HoldReason.BLAST_LIMIT:
        raise Refusal(f"{last.number} is held for another reason, which nobody can approve: {wanted.sentence}.")
    if wanted.overtaken:
        raise Refusal(f"A later revision of {last.number} was told already: nothing was changed.")
    return wanted


def _last(here: Desk, asked: str) -> AlertEvent:
    events = browsing.alert(here.connection, asked)
    if not events:
        raise Refusal(f"No alert is {asked!r}: `tocsin alert list` shows those there are.")
    return events[-1]


def add_to(app: typer.Typer) -> None:
    """The releases as commands of `tocsin alert`."""
    app.command()(release)
    app.command("release-held")(release_held)
