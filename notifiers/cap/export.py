"""Says an alert event as a CAP message: one `info` for each language, levels and confidence in CAP's own words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from notifiers.cap.message import (
    LONGEST_HEADLINE,
    Area,
    CapCategory,
    CapMessage,
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
from notifiers.purposes import Content, purpose_of
from notifiers.wording import compose
from notifiers.wording.compose import ENDINGS, Wording
from notifiers.wording.tongue import tongue
from schemas.alert_events import AlertEvent
from schemas.languages import ENGLISH
from schemas.vocabularies import AlertKind, Confidence, Handling, Level, Tense

STATUS: Final = {Tense.ACTUAL: Status.ACTUAL, Tense.EXERCISE: Status.EXERCISE, Tense.TEST: Status.TEST}
SEVERITY: Final = {
    Level.L0: CapSeverity.UNKNOWN,
    Level.L1: CapSeverity.MINOR,
    Level.L2: CapSeverity.MODERATE,
    Level.L3: CapSeverity.SEVERE,
    Level.L4: CapSeverity.EXTREME,
}
URGENCY: Final = {
    Level.L0: Urgency.UNKNOWN,
    Level.L1: Urgency.FUTURE,
    Level.L2: Urgency.FUTURE,
    Level.L3: Urgency.EXPECTED,
    Level.L4: Urgency.IMMEDIATE,
}
CERTAINTY: Final = {
    Confidence.A: Certainty.OBSERVED,
    Confidence.B: Certainty.LIKELY,
    Confidence.C: Certainty.POSSIBLE,
    Confidence.D: Certainty.UNKNOWN,
}
SCHEME: Final = "ISO 3166-1"


def exported(
    event: AlertEvent,
    *,
    sender: str,
    earlier: Sequence[AlertEvent] = (),
    languages: Sequence[str] = (ENGLISH,),
    content: Content = Content.FULL,
    addresses: tuple[str, ...] = (),
) -> CapMessage:
    """The message about one revision. `sender` is the site's own name; `earlier` are the revisions told before, which
    an update or cancel must name. Without `addresses` nothing is Private: what is not public is Restricted."""
    before = tuple(Reference(sender, identifier(one), one.decided_at) for one in earlier)
    public = event.handling is Handling.CLEAR and event.tense is Tense.ACTUAL
    private = bool(addresses) and not public
    return CapMessage(
        identifier=identifier(event),
        sender=sender,
        sent=event.decided_at,
        status=STATUS[event.tense],
        kind=_kind(event, before),
        scope=Scope.PRIVATE if private else Scope.PUBLIC if public else Scope.RESTRICTED,
        restriction="" if private or public else f"TLP:{event.handling.value}",
        addresses=addresses if private else (),
        note=_note(event, content),
        references=before,
        incidents=() if content is Content.BARE else (event.number,),
        infos=tuple(_info(event, language, content) for language in _distinct(languages)),
    )


def _distinct(languages: Sequence[str]) -> list[str]:
    """Each language once; one without a catalogue is English."""
    return list(dict.fromkeys(tongue(language).code for language in languages))


def identifier(event: AlertEvent) -> str:
    """One for each revision, the same wherever it is written."""
    return f"{event.alert_id}.{event.revision}"


def _kind(event: AlertEvent, before: Sequence[Reference]) -> MessageType:
    """A reader who is told nothing of what went before gets a new message of what holds now."""
    if not before:
        return MessageType.ALERT
    return MessageType.CANCEL if event.kind is AlertKind.CANCELLED else MessageType.UPDATE


def _note(event: AlertEvent, content: Content) -> str:
    if event.tense is Tense.ACTUAL:
        return ""
    return compose(event, purpose=purpose_of(event.kind), content=content).mark_sentence


def _info(event: AlertEvent, language: str, content: Content) -> Info:
    wording = compose(event, purpose=purpose_of(event.kind), content=content, language=language)
    ended, full = event.kind in ENDINGS, content is Content.FULL
    return Info(
        language=tongue(language).locale.language if language != ENGLISH else "en-IE",
        categories=(CapCategory.HEALTH,),
        event=_behind(wording, wording.band.word),
        responses=_responses(event, ended=ended),
        urgency=Urgency.PAST if ended else URGENCY[event.level],
        severity=SEVERITY[event.level],
        certainty=CERTAINTY[event.confidence],
        event_codes=(Pair("InChIKey", event.substance.inchikey),) if full and event.substance.inchikey else (),
        effective=event.decided_at,
        expires=_expires(event),
        headline=_behind(wording, wording.title)[:LONGEST_HEADLINE],
        description="\n".join((*_marked(wording), *wording.lead, *wording.notices, *wording.changed, *wording.why)),
        instruction="\n".join((*_marked(wording), *wording.advice)),
        parameters=_parameters(event, wording),
        areas=_areas(event, language) if full else (),
    )


def _responses(event: AlertEvent, *, ended: bool) -> tuple[ResponseType, ...]:
    if ended:
        return (ResponseType.ALL_CLEAR,)
    if event.level >= Level.L3:
        return (ResponseType.EXECUTE, ResponseType.MONITOR)
    return (ResponseType.ASSESS,) if event.level is Level.L2 else (ResponseType.MONITOR,)


def _expires(event: AlertEvent) -> datetime | None:
    return event.valid_until if event.valid_until and event.valid_until >= event.decided_at else None


def _parameters(event: AlertEvent, wording: Wording) -> tuple[Pair, ...]:
    return (
        Pair("TLP", event.handling.value),
        Pair("Level", f"L{event.level:d}"),
        Pair("Confidence", event.confidence.value),
        Pair("Revision", str(event.revision)),
        *((Pair("Mark", wording.mark),) if wording.mark else ()),
    )


def _areas(event: AlertEvent, language: str) -> tuple[Area, ...]:
    t = tongue(language)
    return tuple(
        Area(description=t.country(one.country), geocodes=(Pair(SCHEME, one.country),)) for one in event.countries
    )


def _behind(wording: Wording, text: str) -> str:
    return f"{wording.mark} {text}".strip()


def _marked(wording: Wording) -> tuple[str, ...]:
    """EXERCISE begins every text (P6)."""
    return (f"{wording.mark}: {wording.mark_sentence}",) if wording.mark else ()
