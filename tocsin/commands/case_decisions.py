"""`tocsin case close | reopen | downgrade | override | renew`: what a person decides about a case."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from alerts import deciding
from alerts.entitlement import Act
from schemas.vocabularies import Level
from storage.browsing import CaseDetail
from tocsin.deciding import Wish, countries_of, desk, instant_of, level_of, told
from tocsin.errors import Refusal

Asked = Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or its alert's number.")]
By = Annotated[str, typer.Option(help="The person who decides, as `tocsin person list` shows them.")]
Reason = Annotated[str, typer.Option(help="Why; it is told and kept in the case log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
LevelOption = Annotated[str, typer.Option("--level", help="L0 to L4.")]


def close(asked: Asked, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """End the alert: nothing more is asked of anybody. New facts open it again."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.CLOSE, countries_of(found))
        here.ask(found, "Closing", wish)
        events = here.decide(found, partial(deciding.close, word=word))
    print(told(events, otherwise=f"{found.row.name} is closed; nobody had been told of it."))


def reopen(asked: Asked, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Let a closed case, or an alert that expired, go on in the same thread."""
    wish = Wish(asked=asked, by=by, reason=reason, yes=yes)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.REOPEN, countries_of(found))
        here.ask(found, "Reopening", wish)
        events = here.decide(found, partial(deciding.reopen, word=word))
    print(told(events, otherwise=f"{found.row.name} is open again; nobody had been told of it."))


def downgrade(
    asked: Asked, level: LevelOption, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None
) -> None:
    """Tell a lower level, for good. Only facts beyond those that were known escalate it again."""
    wish, to = Wish(asked=asked, by=by, reason=reason, yes=yes), level_of(level)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.DOWNGRADE, countries_of(found))
        here.ask(found, f"Lowering to L{to:d}", wish)
        events = here.decide(found, partial(deciding.downgrade, word=word, level=to))
    print(told(events, otherwise="nobody is told."))


def override(
    asked: Asked,
    level: LevelOption,
    until: Annotated[str, typer.Option(help="When it goes back by itself: 2026-12-01 or 2026-12-01T08:00Z.")],
    by: By,
    reason: Reason,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Set the level for a time, up or down; it is shown with who set it, why and until when."""
    wish, to, end = Wish(asked=asked, by=by, reason=reason, yes=yes), level_of(level), instant_of(until, "--until")
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, _direction(found, to), countries_of(found))
        here.ask(found, f"Setting L{to:d} until {end:%Y-%m-%d %H:%M} UTC for", wish)
        events = here.decide(found, partial(deciding.override, word=word, level=to, until=end))
    print(told(events, otherwise="nobody is told."))


def renew(
    asked: Asked,
    by: By,
    reason: Reason,
    until: Annotated[str | None, typer.Option(help="How long it holds on; without it a full term.")] = None,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Say that the alert still holds: 72 hours more where it is provisional, 90 days where it is not."""
    wish, end = Wish(asked=asked, by=by, reason=reason, yes=yes), instant_of(until, "--until") if until else None
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.RENEW, countries_of(found))
        here.ask(found, "Renewing", wish)
        events = here.decide(found, partial(deciding.renew, word=word, until=end))
    print(told(events, otherwise="nobody is told."))


def _direction(found: CaseDetail, to: Level) -> Act:
    """Lowering needs more of a right than raising; what nobody was told of is raised from nothing."""
    told_before = found.row.announced
    if told_before is None and to < Level.L1:
        raise Refusal(f"Nobody was told of {found.row.name}: there is no level to lower; nothing was changed.")
    return Act.OVERRIDE_DOWN if told_before is not None and to < told_before else Act.OVERRIDE_UP


def add_to(app: typer.Typer) -> None:
    """The decisions as commands of `tocsin case`."""
    for command in (close, reopen, downgrade, override, renew):
        app.command()(command)
