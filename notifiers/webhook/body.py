"""What a webhook carries: a CloudEvents 1.0 envelope under 20 kB, full, thin or bare as the handling allows."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from notifiers.purposes import Content, Purpose, purpose_of
from notifiers.wording import Wording, compose
from notifiers.wording.reminding import Reminder, reminded
from notifiers.wording.tongue import tongue
from schemas.alert_events import AlertEvent
from schemas.languages import ENGLISH
from schemas.vocabularies import Tense

LARGEST: Final = 20_000
"""Standard Webhooks asks for less than 20 kB."""

JsonObject = dict[str, JsonValue]


def render_webhook(
    event: AlertEvent,
    *,
    content: Content,
    purpose: Purpose | None = None,
    language: str = ENGLISH,
    reminder: Reminder | None = None,
) -> bytes:
    """The body, the same bytes for every attempt and receiver. Full content that would not fit becomes thin:
    `data.content` always says which it is."""
    told = purpose if purpose is not None else purpose_of(event.kind)
    for shorter in _ever_shorter(content):
        wording = compose(event, purpose=told, content=shorter, language=language)
        data = _data(event, wording, shorter)
        if reminder is not None:
            data["reminder"] = reminded(reminder, tongue(language))
        body = json.dumps(_envelope(event, told, shorter, data), separators=(",", ":")).encode("ascii")
        if len(body) < LARGEST:
            return body
    raise AssertionError("a thin webhook always fits")


def _ever_shorter(content: Content) -> Iterator[Content]:
    yield content
    if content is Content.FULL:
        yield Content.THIN


def _envelope(event: AlertEvent, purpose: Purpose, content: Content, data: JsonObject) -> JsonObject:
    """`type` tells an exercise from the real thing, so that a receiver which looks at nothing else stays safe (P6)."""
    tense = Tense.TEST if purpose is Purpose.TEST and event.tense is Tense.ACTUAL else event.tense
    family = "tocsin.alert" if tense is Tense.ACTUAL else f"tocsin.{tense.value}.alert"
    subject: JsonObject = {} if content is Content.BARE else {"subject": event.number}
    return {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": "urn:tocsin:alerts",
        "type": f"{family}.{event.kind.value}",
        **subject,
        "time": event.decided_at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def _data(event: AlertEvent, wording: Wording, content: Content) -> JsonObject:
    common: JsonObject = {
        "content": content.value,
        "language": wording.language,
        "headline": f"{wording.mark} {wording.title}".strip(),
        "summary": " ".join((wording.mark, wording.mark_sentence, *wording.lead)).strip(),
        "alert_id": event.alert_id,
        "revision": event.revision,
        "kind": event.kind.value,
        "tense": event.tense.value,
        "level": int(event.level),
        "level_word": event.level.word,
        "handling": event.handling.value,
    }
    if content is Content.BARE:
        return common
    if content is Content.THIN:
        return {**common, "number": event.number}
    return {**common, **_everything(event)}


def _everything(event: AlertEvent) -> JsonObject:
    """The alert event as it stands on Kafka, but for the single reports: who sent them stays with the authorities.
    Nor does a reader learn that others have lost sight of it (`more_restricted`)."""
    facts: JsonObject = event.model_dump(mode="json", exclude={"sources", "withdrawn", "views", "more_restricted"})
    return {**facts, "reports": len(event.sources), "withdrawn_reports": len(event.withdrawn)}
