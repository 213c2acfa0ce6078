"""An Atom feed (RFC 4287) of the latest revision of each alert, for whoever may see what is of a given handling."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as Xml

from notifiers.purposes import Content, purpose_of
from notifiers.wording import compose
from schemas.alert_events import AlertEvent
from schemas.languages import ENGLISH
from schemas.vocabularies import Audience, Handling, Tense

ATOM: Final = "http://www.w3.org/2005/Atom"
NEVER: Final = "1970-01-01T00:00:00Z"


def visible(events: Sequence[AlertEvent], *, within: Handling) -> list[AlertEvent]:
    """What a reader of this handling may see, newest first: real, for everyone, and no stricter than `within`."""
    shown = (
        event
        for event in events
        if event.tense is Tense.ACTUAL and event.audience is Audience.GENERAL and event.handling.within(within)
    )
    return sorted(shown, key=lambda event: (event.decided_at, event.alert_id), reverse=True)


def feed(
    events: Sequence[AlertEvent], *, site: str, within: Handling = Handling.CLEAR, language: str = ENGLISH
) -> bytes:
    """The document; the same events give the same bytes, and so the same `etag`."""
    listed = visible(events, within=within)
    Xml.register_namespace("", ATOM)
    root = Xml.Element(_tag("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": language})
    _add(root, "id", f"urn:tocsin:{site}:alerts:{within.value.lower()}")
    _add(root, "title", f"Tocsin alerts, TLP:{within.value}")
    _add(root, "updated", _instant(listed[0].decided_at) if listed else NEVER)
    _add(Xml.SubElement(root, _tag("author")), "name", site)
    for event in listed:
        _entry(root, event, language)
    Xml.indent(root)
    body: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def etag(body: bytes) -> str:
    """A strong entity tag (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _entry(root: Xml.Element, event: AlertEvent, language: str) -> None:
    wording = compose(event, purpose=purpose_of(event.kind), content=Content.FULL, language=language)
    entry = Xml.SubElement(root, _tag("entry"))
    _add(entry, "id", f"urn:tocsin:alert:{event.alert_id}")
    _add(entry, "title", f"{wording.band.word}: {wording.title} ({event.number})")
    _add(entry, "updated", _instant(event.decided_at))
    _add(entry, "summary", " ".join((*wording.lead, *wording.changed)))
    _add(entry, "content", "\n".join((*wording.lead, *wording.advice, *wording.why)), type="text")
    for term in (f"L{event.level:d}", event.kind.value, *(one.country for one in event.countries)):
        Xml.SubElement(entry, _tag("category"), {"term": term})


def _instant(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()


def _add(element: Xml.Element, name: str, text: str, **attributes: str) -> None:
    Xml.SubElement(element, _tag(name), attributes).text = text


def _tag(name: str) -> str:
    return f"{{{ATOM}}}{name}"
