"""Says a digest in one language: lines, and counts beside those of the time before."""

from dataclasses import dataclass
from datetime import timedelta

from notifiers.cleaning import shown
from notifiers.wording import phrases
from notifiers.wording.tongue import Tongue, tongue
from schemas.digests import Count, Digest
from schemas.languages import ENGLISH


@dataclass(frozen=True, kw_only=True)
class DigestWording:
    """One digest in one language: plain strings that were cleaned."""

    subject: str
    title: str
    lead: str
    new: str
    lines: tuple[str, ...]
    by_class: str
    classes: tuple[str, ...]
    by_country: str
    countries: tuple[str, ...]
    footer: tuple[str, ...]
    language: str


def composed(made: Digest, *, language: str = ENGLISH) -> DigestWording:
    """The wording; dates are the first and the last day of the window."""
    t = tongue(language)
    first, last = made.window.start.date(), (made.window.end - timedelta(seconds=1)).date()
    dates = {"start": t.dated(first), "end": t.dated(last)}
    total = sum(count.now for count in made.classes.values())
    return DigestWording(
        subject=t.say(phrases.DIGEST_SUBJECT, **dates, alerts=t.count(phrases.DIGEST_ALERTS, total)),
        title=t.say(phrases.DIGEST_TITLE, **dates),
        lead=t.say(phrases.DIGEST_LEAD),
        new=t.say(phrases.DIGEST_NEW),
        lines=tuple(
            t.say(
                phrases.DIGEST_LINE,
                title=shown(line.title, limit=200),
                number=shown(line.number, limit=60),
                countries=t.joined(map(t.country, line.countries)) or t.say(phrases.NOWHERE),
            )
            for line in made.lines
        ),
        by_class=t.say(phrases.DIGEST_CLASSES),
        classes=tuple(
            _counted(t, t.say(phrases.CATEGORY[category]), count) for category, count in made.classes.items()
        ),
        by_country=t.say(phrases.DIGEST_COUNTRIES),
        countries=tuple(_counted(t, t.country(code), count) for code, count in made.countries.items()),
        footer=(t.say(phrases.DIGEST_FOOTER), *(() if t.reviewed else (t.say(phrases.UNREVIEWED),))),
        language=t.code,
    )


def _counted(t: Tongue, what: str, count: Count) -> str:
    return t.say(phrases.DIGEST_COUNT, what=what, now=t.number(count.now), before=t.number(count.before))
