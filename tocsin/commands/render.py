"""`tocsin render ALERT`: what a recipient would see, in a language and on a channel. Sends nothing."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from notifiers.cap import exported, written
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import mail_body, render_webhook
from notifiers.wording import compose
from schemas.alert_events import AlertEvent
from schemas.languages import ENGLISH, LANGUAGES
from storage import browsing
from tocsin import wiring
from tocsin.errors import Refusal

app = typer.Typer(help="What a recipient would see of an alert. Sends nothing.")


class Format(StrEnum):
    """What is written to standard output."""

    TEXT = "text"
    HTML = "html"
    CAP = "cap"
    WEBHOOK = "webhook"
    SHORT = "short"


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def render(
    asked: Annotated[
        str, typer.Argument(metavar="ALERT", help="Its number or id; or a file that holds one alert event as JSON.")
    ],
    lang: Annotated[str, typer.Option(help=f"One of {' '.join(LANGUAGES)}; for CAP several: sl,en.")] = ENGLISH,
    form: Annotated[Format, typer.Option("--format", help="Mail as text or page, CAP, webhook, 140 characters.")] = (
        Format.TEXT
    ),
    content: Annotated[Content, typer.Option(help="How much the reader may see.")] = Content.FULL,
    revision: Annotated[int | None, typer.Option(min=1, help="An earlier one; the latest by default.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """The bytes as they would be sent, but for what is each recipient's own."""
    languages = _languages(lang)
    earlier, event = _found(asked, revision, data_dir)
    if form is Format.CAP:
        message = exported(event, sender=_site(data_dir), earlier=earlier, languages=languages, content=content)
        sys.stdout.write(written(message).decode())
    else:
        print(_said(event, form, content, languages[0]).rstrip("\n"))


def _said(event: AlertEvent, form: Format, content: Content, language: str) -> str:
    purpose = purpose_of(event.kind)
    if form is Format.WEBHOOK:
        return render_webhook(event, content=content, purpose=purpose, language=language).decode()
    if form is Format.SHORT:
        return compose(event, purpose=purpose, content=content, language=language).short
    body = mail_body(event, purpose=purpose, content=content, language=language)
    return body.html if form is Format.HTML else f"Subject: {body.subject}\n\n{body.text}"


def _languages(text: str) -> tuple[str, ...]:
    asked = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not asked or (unknown := [code for code in asked if code not in LANGUAGES]):
        wrong = ", ".join(unknown) if asked else text
        raise typer.BadParameter(f"“{wrong}” is none of {' '.join(LANGUAGES)}.", param_hint="--lang")
    return asked


def _found(asked: str, revision: int | None, data_dir: Path | None) -> tuple[tuple[AlertEvent, ...], AlertEvent]:
    """The revisions told before, and the one that is asked for."""
    events = _of_file(Path(asked)) if Path(asked).is_file() else _of_database(asked, data_dir)
    if not events:
        raise Refusal(f"No alert, or more than one, goes by “{asked}”; `tocsin alert list` shows them.")
    wanted = events[-1].revision if revision is None else revision
    for place, event in enumerate(events):
        if event.revision == wanted:
            return events[:place], event
    raise Refusal(f"{events[-1].number} has no revision {wanted}; the latest is {events[-1].revision}.")


def _of_file(path: Path) -> tuple[AlertEvent, ...]:
    try:
        return (AlertEvent.model_validate_json(path.read_bytes()),)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"])) or "the whole"
        raise Refusal(f"{path} does not hold one alert event: {where}: {first['msg']}.") from None


def _of_database(asked: str, data_dir: Path | None) -> tuple[AlertEvent, ...]:
    engine = wiring.database(wiring.settings(data_dir), "render")
    with engine.begin() as connection:
        found = browsing.alert(connection, asked)
    engine.dispose()
    return found


def _site(data_dir: Path | None) -> str:
    return wiring.settings(data_dir).message_domain
