"""`tocsin case step`: when a step of a formal notification was taken; the time limit of the next runs from it."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from alerts.entitlement import Act
from alerts.time_limits import Step, before
from storage import notifications, releasing
from storage.notifications import Notification
from tocsin.commands.case_decisions import Asked, By, DataDir, Reason
from tocsin.deciding import Wish, countries_of, desk
from tocsin.errors import Refusal


def step(
    asked: Asked,
    done: Annotated[Step, typer.Option(help="What was done.")],
    on: Annotated[str, typer.Option(help="The day it was done: 2026-12-01.")],
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
) -> None:
    """Say that a step of Art. 8 to 10 was taken: its time limit ends, the next one runs. Nobody is told."""
    wish, day, now = Wish(asked=asked, by=by, reason=reason), _day(on), datetime.now(UTC)
    with desk(data_dir) as here:
        found = here.found(asked)
        word = here.may(wish, Act.NOTIFY, countries_of(found))
        opened = found.row.notification
        if opened is None:
            raise Refusal(
                f"{found.row.name} has no notification draft: none of its alerts said it is new to the Union."
            )
        if fault := _fault(opened, done, day, now.date()):
            raise Refusal(f"{opened.number}: {fault}; nothing was changed.")
        notifications.take(here.connection, found.row.id, done, day, word, at=now)
        action = f"step:{done}:{day}"
        releasing.log(here.connection, case_id=found.row.id, action=action, by=word.by, reason=word.reason, at=now)
    print(f"{opened.number}: {done.replace('_', ' ')} on {day}.")


def _fault(opened: Notification, done: Step, day: date, today: date) -> str | None:
    if day > today:
        return f"{day} is yet to come"
    if day < opened.opened_at.date():
        return f"{day} is before it was opened, on {opened.opened_at.date()}"
    earlier = before(done)
    if earlier is None:
        return None
    if earlier not in opened.done:
        return f"{earlier.replace('_', ' ')} comes first, and nobody said when it was"
    return f"{earlier.replace('_', ' ')} was on {opened.done[earlier]}, later" if day < opened.done[earlier] else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--on {text!r} is no day: write 2026-12-01.") from None


def add_to(app: typer.Typer) -> None:
    """This as a command of `tocsin case`."""
    app.command()(step)
