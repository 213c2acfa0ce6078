"""What is said of things that changed: what was wrong, what was withdrawn and what remains, what a person decided."""

from collections.abc import Iterator

from notifiers.cleaning import shown
from notifiers.wording import phrases
from notifiers.wording.tongue import Tongue
from schemas.alert_events import AlertEvent, Correction, Source
from schemas.vocabularies import AlertKind, Change, Distribution, Presentation, Statement

MOST_WITHDRAWN = 6


def amended(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    """Each statement that was wrong, each report that was taken back, and what carries the alert now."""
    return (*_corrected(event, t), *_withdrawn(event, t))


def decided(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    """Why a person decided so; who they are, where it is known."""
    reason = shown(event.reason, limit=600) if event.reason else ""
    who = shown(event.decided_by, limit=60) if event.decided_by else ""
    if reason and who:
        return (t.say(phrases.REASON_GIVEN_BY, who=who, reason=reason),)
    return (t.say(phrases.REASON_GIVEN, reason=reason),) if reason else ()


def overridden(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    """Beside the level, for as long as it is not the one that the rules give: who set it, until when, and why."""
    override = event.override
    if override is None:
        return ()
    return (
        t.say(
            phrases.OVERRIDE,
            level=f"L{override.level:d}",
            who=shown(override.by, limit=60),
            until=t.instant(override.until),
            computed=f"L{event.computed_level:d}",
            reason=shown(override.reason, limit=600),
        ),
    )


def _corrected(event: AlertEvent, t: Tongue) -> Iterator[str]:
    for correction in event.corrections:
        was, now = _word(correction, correction.was, t), _word(correction, correction.now, t)
        sentence = phrases.CORRECTION_TO[correction.what] if now else phrases.CORRECTION[correction.what]
        yield t.say(sentence, was=was, now=now)


def _word(correction: Correction, coded: str, t: Tongue) -> str:
    """The word for a coded value; one that this version does not know is shown as it is."""
    if not coded:
        return ""
    match correction.what:
        case Statement.COUNTRY:
            return t.in_country(coded)
        case Statement.PRESENTATION if coded in set(Presentation):
            return t.say(phrases.PRESENTATION[Presentation(coded)])
        case Statement.ROUTE_OF_SALE if coded in set(Distribution):
            return t.say(phrases.DISTRIBUTION[Distribution(coded)])
    return t.say(phrases.CORRECTED_WORD[coded]) if coded in phrases.CORRECTED_WORD else shown(coded, limit=60)


def _withdrawn(event: AlertEvent, t: Tongue) -> Iterator[str]:
    for source in event.withdrawn[-MOST_WITHDRAWN:]:
        yield _report(source, t)
    if len(event.withdrawn) > MOST_WITHDRAWN:
        yield t.count(phrases.WITHDRAWN_MORE, len(event.withdrawn) - MOST_WITHDRAWN)
    if event.kind is AlertKind.CANCELLED:
        if Change.WITHDRAWN in event.changes:
            yield t.say(phrases.REMAINS_NOTHING)
    elif event.withdrawn and event.countries:
        countries = t.joined(t.in_country(count.country) for count in event.countries)
        events = t.count(phrases.EVENTS, event.events_total)
        yield t.say(phrases.REMAINS, events=events, countries=countries, level=f"L{event.computed_level:d}")


def _report(source: Source, t: Tongue) -> str:
    country = t.in_country(source.country)
    if source.event_date is None:
        return t.say(phrases.WITHDRAWN_REPORT_UNDATED, country=country)
    return t.say(phrases.WITHDRAWN_REPORT, date=t.dated(source.event_date), country=country)
