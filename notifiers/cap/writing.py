"""Writes a CAP message as XML, elements in the order of the standard."""

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from notifiers.cap.message import NAMESPACE, Area, CapMessage, Info, Pair, Reference, told


def written(message: CapMessage) -> bytes:
    """UTF-8 with declaration; the same message gives the same bytes."""
    Xml.register_namespace("", NAMESPACE)
    root = Xml.Element(_tag("alert"))
    _add(
        root,
        ("identifier", message.identifier),
        ("sender", message.sender),
        ("sent", told(message.sent)),
        ("status", message.status.value),
        ("msgType", message.kind.value),
        ("scope", message.scope.value),
        ("restriction", message.restriction),
        ("addresses", " ".join(f'"{one}"' if " " in one else one for one in message.addresses)),
        ("note", message.note),
        ("references", " ".join(map(reference, message.references))),
        ("incidents", " ".join(message.incidents)),
    )
    for info in message.infos:
        _add_info(root, info)
    Xml.indent(root)
    body: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def reference(earlier: Reference) -> str:
    """`sender,identifier,sent`."""
    return f"{earlier.sender},{earlier.identifier},{told(earlier.sent)}"


def _add_info(root: Xml.Element, info: Info) -> None:
    element = Xml.SubElement(root, _tag("info"))
    _add(element, ("language", info.language), *(("category", one.value) for one in info.categories))
    _add(element, ("event", info.event), *(("responseType", one.value) for one in info.responses))
    _add(
        element,
        ("urgency", info.urgency.value),
        ("severity", info.severity.value),
        ("certainty", info.certainty.value),
    )
    _add_pairs(element, "eventCode", info.event_codes)
    _add(
        element,
        ("effective", told(info.effective) if info.effective else ""),
        ("expires", told(info.expires) if info.expires else ""),
        ("senderName", info.sender_name),
        ("headline", info.headline),
        ("description", info.description),
        ("instruction", info.instruction),
        ("contact", info.contact),
    )
    _add_pairs(element, "parameter", info.parameters)
    for area in info.areas:
        _add_area(element, area)


def _add_area(element: Xml.Element, area: Area) -> None:
    place = Xml.SubElement(element, _tag("area"))
    _add(place, ("areaDesc", area.description))
    _add_pairs(place, "geocode", area.geocodes)


def _add_pairs(element: Xml.Element, name: str, pairs: Iterable[Pair]) -> None:
    for pair in pairs:
        _add(Xml.SubElement(element, _tag(name)), ("valueName", pair.name), ("value", pair.value))


def _add(element: Xml.Element, *lines: tuple[str, str]) -> None:
    for name, text in lines:
        if text:
            Xml.SubElement(element, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
