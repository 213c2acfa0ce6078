"""Reads a CAP message from outside: bounded, without entities, nothing unknown, nothing twice, every rule checked."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from notifiers.cap.message import (
    NAMESPACE,
    Area,
    CapCategory,
    CapMessage,
    CapRefused,
    CapSeverity,
    Certainty,
    Info,
    MessageType,
    Pair,
    Reference,
    ResponseType,
    Scope,
    Status,
    Urgency,
)

LARGEST: Final = 256 * 1024
MOST_ELEMENTS: Final = 5_000
DEEPEST: Final = 5
"""alert → info → area → geocode → value."""

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_ADDRESS: Final = re.compile(r'"([^"]*)"|(\S+)')
Word = TypeVar("Word", bound=StrEnum)

_ALERT: Final = (
    "identifier sender sent status msgType source scope restriction addresses code* note references incidents info*"
)
_INFO: Final = (
    "language category* event responseType* urgency severity certainty audience eventCode* effective onset expires "
    "senderName headline description instruction web contact parameter* resource* area*"
)
_AREA: Final = "areaDesc polygon* circle* geocode* altitude ceiling"


def read(body: bytes) -> CapMessage:
    """The message. Raises CapRefused, and never anything else, for bytes that are not one."""
    root = _parsed(body)
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise CapRefused(f"alert: the document begins with “{root.tag[:80]}”, not with alert of CAP 1.2")
    parts = _parts(root, _ALERT)
    return CapMessage(
        identifier=_one(parts, "identifier"),
        sender=_one(parts, "sender"),
        sent=_instant("sent", _one(parts, "sent")),
        status=_word(Status, "status", _one(parts, "status")),
        kind=_word(MessageType, "msgType", _one(parts, "msgType")),
        scope=_word(Scope, "scope", _one(parts, "scope")),
        restriction=_text(parts, "restriction"),
        addresses=tuple(a or b for a, b in _ADDRESS.findall(_text(parts, "addresses"))),
        note=_text(parts, "note"),
        references=tuple(map(_reference, _text(parts, "references").split())),
        incidents=tuple(_text(parts, "incidents").split()),
        infos=tuple(_info(element) for element in parts.get("info", ())),
    )


def _parsed(body: bytes) -> Element:
    if len(body) > LARGEST:
        raise CapRefused(f"alert: {len(body)} bytes, at most {LARGEST} are read")
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(body)
        root = parser.close()
    except DefusedXmlException as error:
        raise CapRefused(f"alert: a document type or an entity, neither is taken ({type(error).__name__})") from None
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, CapRefused):
            raise
        raise CapRefused(f"alert: not well-formed XML ({error})") from None
    assert isinstance(root, Element)
    return root


class _Bounded:
    """Builds the tree as long as it is small: depth and number of elements are counted while reading."""

    def __init__(self) -> None:
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) >= DEEPEST:
            raise CapRefused(f"alert: more than {MOST_ELEMENTS} elements, or more than {DEEPEST} within each other")
        if attributes:
            raise CapRefused(f"{_name(tag)}: CAP has no attributes")
        element = Element(tag)
        if self._open:
            self._open[-1].append(element)
        elif self._root is None:
            self._root = element
        self._open.append(element)

    def data(self, text: str) -> None:
        """Text of the element that is open."""
        if self._open:
            self._open[-1].text = (self._open[-1].text or "") + text

    def end(self, tag: str) -> None:
        """The element ends."""
        self._open.pop()

    def close(self) -> Element:
        """The whole."""
        if self._root is None:
            raise CapRefused("alert: nothing in it")
        return self._root


Parts = dict[str, list[Element]]


def _parts(element: Element, allowed: str) -> Parts:
    """The children by name; refused where one is unknown, comes twice, or out of the order of the standard."""
    order = [name.rstrip("*") for name in allowed.split()]
    many = {name.rstrip("*") for name in allowed.split() if name.endswith("*")}
    found: Parts = {}
    reached = 0
    for child in element:
        name = _name(child.tag)
        if child.tag != f"{{{NAMESPACE}}}{name}" or name not in order:
            raise CapRefused(f"{name}: unknown in {_name(element.tag)}")
        if order.index(name) < reached:
            raise CapRefused(f"{name}: comes too late in {_name(element.tag)}")
        if name in found and name not in many:
            raise CapRefused(f"{name}: twice in {_name(element.tag)}")
        reached = order.index(name)
        found.setdefault(name, []).append(child)
    return found


def _info(element: Element) -> Info:
    parts = _parts(element, _INFO)
    return Info(
        language=_text(parts, "language") or "en-US",
        categories=tuple(_word(CapCategory, "category", text) for text in _texts(parts, "category")),
        event=_one(parts, "event"),
        responses=tuple(_word(ResponseType, "responseType", text) for text in _texts(parts, "responseType")),
        urgency=_word(Urgency, "urgency", _one(parts, "urgency")),
        severity=_word(CapSeverity, "severity", _one(parts, "severity")),
        certainty=_word(Certainty, "certainty", _one(parts, "certainty")),
        event_codes=tuple(map(_pair, parts.get("eventCode", ()))),
        effective=_maybe(parts, "effective"),
        expires=_maybe(parts, "expires"),
        sender_name=_text(parts, "senderName"),
        headline=_text(parts, "headline"),
        description=_text(parts, "description"),
        instruction=_text(parts, "instruction"),
        contact=_text(parts, "contact"),
        parameters=tuple(map(_pair, parts.get("parameter", ()))),
        areas=tuple(map(_area, parts.get("area", ()))),
    )


def _area(element: Element) -> Area:
    parts = _parts(element, _AREA)
    return Area(description=_one(parts, "areaDesc"), geocodes=tuple(map(_pair, parts.get("geocode", ()))))


def _pair(element: Element) -> Pair:
    parts = _parts(element, "valueName value")
    return Pair(_one(parts, "valueName"), _one(parts, "value"))


def _reference(text: str) -> Reference:
    pieces: Sequence[str] = text.split(",")
    if len(pieces) != 3:
        raise CapRefused(f"references: “{text[:80]}” is not sender,identifier,sent")
    return Reference(pieces[0], pieces[1], _instant("references", pieces[2]))


def _maybe(parts: Parts, name: str) -> datetime | None:
    text = _text(parts, name)
    return _instant(name, text) if text else None


def _instant(name: str, text: str) -> datetime:
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise CapRefused(f"{name}: “{text[:40]}” is not an instant like 2026-11-24T08:14:00+01:00") from None


def _word(words: type[Word], name: str, text: str) -> Word:
    try:
        return words(text)
    except ValueError:
        allowed = ", ".join(words)
        raise CapRefused(f"{name}: “{text[:40]}” is none of {allowed}") from None


def _one(parts: Parts, name: str) -> str:
    if text := _text(parts, name):
        return text
    raise CapRefused(f"{name}: is missing")


def _text(parts: Parts, name: str) -> str:
    return next(iter(_texts(parts, name)), "")


def _texts(parts: Parts, name: str) -> Iterator[str]:
    for element in parts.get(name, ()):
        if len(element):
            raise CapRefused(f"{name}: holds text only")
        yield (element.text or "").strip()


def _name(tag: str) -> str:
    return tag.rpartition("}")[2][:60]
