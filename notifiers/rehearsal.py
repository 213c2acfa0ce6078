"""Before the first alert: says an example to nobody in each language that is read, so that no reader waits for words.

The first mail of a process loads catalogues, templates and the names of countries and months; that is a third of a
second for six languages.
"""

from importlib.resources import files
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers.purposes import Content, purpose_of
from notifiers.rendering import Reader, mail_body
from schemas.alert_events import AlertEvent
from storage import subscribers

log: Final = structlog.get_logger("notifiers.rehearsal")


def rehearse(engine: Engine) -> None:
    """Once for each language. Nothing is sent or kept."""
    with engine.connect() as connection:
        languages = subscribers.languages(connection)
    event = AlertEvent.model_validate_json(
        files("schemas").joinpath("examples", "alert_event", "valid", "raised.json").read_bytes()
    )
    for language in languages:
        for statutory in (True, False):
            reader = Reader(statutory=statutory, portal="https://tocsin.example")
            mail_body(event, purpose=purpose_of(event.kind), content=Content.FULL, language=language, reader=reader)
    log.info("rehearsed", languages=len(languages))
