"""A CAP 1.2 message and the rules that its schema cannot say; what breaks one is refused with the element's name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"

_TOKEN: Final = re.compile(r"[^\s,<&]{1,200}")
"""`identifier` and `sender` hold no spaces, commas or restricted characters (CAP 1.2, 3.2.1)."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
LONGEST_HEADLINE: Final = 160


class CapRefused(ValueError):
    """Not a CAP message that we would send or take; says which element and why."""


class Status(StrEnum):
    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MessageType(StrEnum):
    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Urgency(StrEnum):
    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class CapSeverity(StrEnum):
    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class CapCategory(StrEnum):
    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


@dataclass(frozen=True)
class Pair:
    """`valueName` and `value` of an event code, a parameter or a geocode."""

    name: str
    value: str


@dataclass(frozen=True)
class Reference:
    """An earlier message, as `references` names it."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, kw_only=True)
class Area:
    description: str
    geocodes: tuple[Pair, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Info:
    """What is said in one language."""

    language: str
    categories: tuple[CapCategory, ...]
    event: str
    responses: tuple[ResponseType, ...] = ()
    urgency: Urgency
    severity: CapSeverity
    certainty: Certainty
    event_codes: tuple[Pair, ...] = ()
    effective: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    contact: str = ""
    parameters: tuple[Pair, ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CapMessage:
    """One message; raises CapRefused when it breaks a rule of CAP 1.2, 3.2."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    kind: MessageType
    scope: Scope
    restriction: str = ""
    addresses: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[Info, ...] = ()

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise CapRefused(problem)


def _problems(message: CapMessage) -> Iterator[str]:
    for name, text in (("identifier", message.identifier), ("sender", message.sender)):
        if not _TOKEN.fullmatch(text):
            yield f"{name}: “{text[:60]}” must be 1 to 200 characters without blanks, commas, < and &"
    yield from _instants("sent", message.sent)
    if (message.scope is Scope.RESTRICTED) != bool(message.restriction):
        yield "restriction: must be there when, and only when, scope is Restricted"
    if message.scope is Scope.PRIVATE and not message.addresses:
        yield "addresses: must name someone when scope is Private"
    if message.kind in (MessageType.UPDATE, MessageType.CANCEL, MessageType.ACK, MessageType.ERROR):
        if not message.references:
            yield f"references: {message.kind} must name the messages it is about"
    elif message.references:
        yield "references: a new Alert refers to no earlier message"
    if message.kind is MessageType.ERROR and not message.note:
        yield "note: Error must say what is wrong"
    if message.status is Status.EXERCISE and not message.note:
        yield "note: an Exercise must say which"
    for earlier in message.references:
        yield from _instants("references", earlier.sent)
        if earlier.sent > message.sent:
            yield "references: an earlier message was sent later than this one"
        if earlier.identifier == message.identifier:
            yield "references: a message does not refer to itself"
    if len({info.language for info in message.infos}) != len(message.infos):
        yield "info: one for each language"
    for info in message.infos:
        yield from _problems_of(info)


def _problems_of(info: Info) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(info.language):
        yield f"language: “{info.language[:20]}” is not a code like en-IE"
    if not info.categories:
        yield "category: at least one"
    if not info.event.strip():
        yield "event: must say what it is"
    if len(info.headline) > LONGEST_HEADLINE:
        yield f"headline: at most {LONGEST_HEADLINE} characters"
    for name, moment in (("effective", info.effective), ("expires", info.expires)):
        yield from _instants(name, moment)
    if info.effective and info.expires and info.expires < info.effective:
        yield "expires: before it is effective"
    for area in info.areas:
        if not area.description.strip():
            yield "areaDesc: must name the area"
    for pair in (*info.event_codes, *info.parameters, *(code for area in info.areas for code in area.geocodes)):
        if not pair.name.strip() or not pair.value.strip():
            yield "valueName, value: neither may be empty"


def _instants(name: str, moment: datetime | None) -> Iterator[str]:
    if moment is not None and moment.tzinfo is None:
        yield f"{name}: must carry its offset from UTC"


def told(moment: datetime) -> str:
    """`2026-11-24T08:14:00-00:00`: whole seconds, an offset always, and never Z (CAP 1.2, 3.3.2)."""
    text = moment.replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "-00:00" if moment.utcoffset() == timedelta(0) else text
