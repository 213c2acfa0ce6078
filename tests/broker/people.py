"""Example people who decide, by the commands that they use, and what follows from it."""

from typing import Final

from sqlalchemy import Engine, text
from typer.testing import CliRunner

from schemas.alert_events import AlertEvent
from tocsin.commands import alert, case, person
from tocsin.errors import Refusal

APPS: Final = {"alert": alert.app, "case": case.app, "person": person.app}
WHY: Final = ("--reason", "an example", "--yes")
DESK: Final = "example-desk"


def say(url: str, *arguments: str) -> str:
    """What a command prints; a refusal is raised as it reaches a person."""
    done = CliRunner().invoke(APPS[arguments[0]], arguments[1:], env={"TOCSIN_DATABASE__URL": url})
    if isinstance(done.exception, Refusal):
        raise done.exception
    assert done.exit_code == 0, (done.stdout, done.stderr, done.exception)
    return done.stdout


def register(url: str, identifier: str, role: str, *, country: str | None = None) -> None:
    """Enter a person who may decide."""
    where = ("--country", country) if country else ()
    say(url, "person", "add", "--id", identifier, "--role", role, *where, "--by", "ops", "--reason", "example")


def told(engine: Engine) -> list[AlertEvent]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT CAST(body AS text) FROM outbox WHERE topic = 'alert-events' ORDER BY id")
        )
        return [AlertEvent.model_validate_json(row[0]) for row in rows]
