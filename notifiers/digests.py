"""Digests: which window is over, and what it tells a reader. Pure; sending is `notifiers.digesting`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from notifiers.purposes import Content, purpose_of
from notifiers.sending import allowed_content
from notifiers.wording import compose
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel
from schemas.digests import Count, Digest, DigestWish, Every, Line, Window
from schemas.vocabularies import AlertKind, Audience, Category, Handling, Tense

MOST_LINES: Final = 50
_STRICTNESS: Final = list(Handling)
_EVERYBODY: Final = Audience.GENERAL
STANDARD: Final = DigestWish()
"""Monday, 8:00 in Brussels, for whoever wished for nothing else."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One alert event that a reader was told or that waited for the digest. `handling` is the thread's of now."""

    event: AlertEvent
    at: datetime
    waited: bool
    content: Content
    handling: Handling


def window(wish: DigestWish, now: datetime) -> Window:
    """The last window that is over at `now`. An hour that the clock skips counts as the one after, one that comes
    twice as the first."""
    local = now.astimezone(ZoneInfo(wish.zone)).date()
    step = timedelta(days=7 if wish.every is Every.WEEK else 1)
    day = local - timedelta(days=(local.weekday() - wish.weekday) % 7) if wish.every is Every.WEEK else local
    if _at(day.isoformat(), wish) > now:
        day -= step
    return Window(start=_at((day - step).isoformat(), wish), end=_at(day.isoformat(), wish))


def _at(day: str, wish: DigestWish) -> datetime:
    local = datetime.combine(datetime.fromisoformat(day).date(), time(wish.hour), ZoneInfo(wish.zone))
    return local.astimezone(UTC)


def digest_id(destination: str, over: Window) -> str:
    """32 hexadecimal digits: one destination and one end of a window are one digest for ever."""
    return sha256(f"digest\x1f{destination}\x1f{over.end.isoformat()}".encode()).hexdigest()[:32]


def digest(
    over: Window, heard: Sequence[Heard], *, channel: Channel, clearance: Handling | None, language: str
) -> Digest:
    """What one reader is told. An alert that was told at once since, or that was withdrawn, has left the lines; what
    the reader may not see any more is in no line and no count, and what may be named alone has no more than its number
    and level."""
    seen = [(one, _content(one, channel, clearance)) for one in heard if one.event.tense is Tense.ACTUAL]
    visible = [one for one, content in seen if content is not Content.BARE]
    whole = [one for one, content in seen if content is Content.FULL]
    before = Window(start=over.start - (over.end - over.start), end=over.start)
    waiting = _waiting(over, visible)
    named = {one.event.event_id for one in whole}
    told = [*waiting, *(one for one in whole if one.at in over or one.at in before)]
    return Digest(
        handling=max(map(_handling, told), key=_STRICTNESS.index, default=Handling.CLEAR),
        use_conditions=tuple(sorted({line for one in told for line in one.event.use_conditions})),
        audience=Audience.PRECURSOR if any(one.event.audience is Audience.PRECURSOR for one in told) else _EVERYBODY,
        window=over,
        lines=tuple(_line(one, language, named=one.event.event_id in named) for one in waiting[:MOST_LINES]),
        more=max(0, len(waiting) - MOST_LINES),
        classes=_classes(over, before, whole),
        countries=_countries(over, before, whole),
    )


def _content(one: Heard, channel: Channel, clearance: Handling | None) -> Content:
    return allowed_content(one.content, channel, _handling(one), clearance)


def _handling(one: Heard) -> Handling:
    """The stricter of the revision's and the thread's of now."""
    return max(one.event.handling, one.handling, key=_STRICTNESS.index)


def _waiting(over: Window, heard: Iterable[Heard]) -> list[Heard]:
    """The latest revision of each alert that waits, in the order of their numbers."""
    latest: dict[str, Heard] = {}
    gone: set[str] = set()
    for one in sorted(heard, key=lambda each: each.event.revision):
        if not one.waited:
            gone.add(one.event.alert_id)
        elif one.at in over:
            latest[one.event.alert_id] = one
        if one.event.kind is AlertKind.CANCELLED:
            gone.add(one.event.alert_id)
    return sorted((one for id_, one in latest.items() if id_ not in gone), key=lambda each: each.event.number)


def _line(one: Heard, language: str, *, named: bool) -> Line:
    event = one.event
    if not named:
        return Line(number=event.number, title=None, level=int(event.level), countries=())
    wording = compose(event, purpose=purpose_of(event.kind), content=Content.FULL, language=language)
    return Line(
        number=event.number, title=wording.title, level=int(event.level), countries=tuple(sorted(event.affected))
    )


def _classes(over: Window, before: Window, heard: Sequence[Heard]) -> dict[Category, Count]:
    found = {one.event.substance.category for one in heard if one.at in over or one.at in before}
    return {
        category: _count(over, before, [one for one in heard if one.event.substance.category is category])
        for category in sorted(found)
    }


def _countries(over: Window, before: Window, heard: Sequence[Heard]) -> dict[str, Count]:
    found = {code for one in heard if one.at in over or one.at in before for code in one.event.affected}
    return {code: _count(over, before, [one for one in heard if code in one.event.affected]) for code in sorted(found)}


def _count(over: Window, before: Window, heard: Sequence[Heard]) -> Count:
    return Count(
        now=len({one.event.alert_id for one in heard if one.at in over}),
        before=len({one.event.alert_id for one in heard if one.at in before}),
    )
