"""Says a digest in one language: lines, and counts beside those of the time before."""

from dataclasses import dataclass
from datetime import timedelta

from notifiers.cleaning import shown
from notifiers.wording import phrases
from notifiers.wording.grammar import distinct
from notifiers.wording.tongue import Tongue, tongue
from schemas.digests import Count, Digest, Line
from schemas.languages import ENGLISH
from schemas.vocabularies import Audience


@dataclass(frozen=True, kw_only=True)
class DigestWording:
    """One digest in one language: plain strings that were cleaned."""

    subject: str
    bare_subject: str
    """What may stand outside an encrypted mail: nothing of how much there was."""
    handling: str
    title: str
    lead: str
    new: str
    lines: tuple[str, ...]
    by_class: str
    classes: tuple[str, ...]
    by_country: str
    countries: tuple[str, ...]
    footer: tuple[str, ...]
    unsubscribe: str
    language: str


def composed(made: Digest, *, language: str = ENGLISH) -> DigestWording:
    """The wording; dates are the first and the last day of the window."""
    t = tongue(language)
    first, last = made.window.start.date(), (made.window.end - timedelta(seconds=1)).date()
    dates = {"start": t.dated(first), "end": t.dated(last)}
    total = sum(count.now for count in made.classes.values())
    tlp, title = phrases.TLP.format(handling=made.handling.value), t.say(phrases.DIGEST_TITLE, **dates)
    subject = t.say(phrases.DIGEST_SUBJECT, **dates, alerts=t.count(phrases.DIGEST_ALERTS, max(total, len(made.lines))))
    return DigestWording(
        subject=f"[{tlp}] {subject}",
        bare_subject=f"[{tlp}] {title}",
        handling=t.say(phrases.HANDLING_SENTENCE, tlp=tlp, means=t.say(phrases.HANDLING[made.handling])),
        title=title,
        lead=t.say(phrases.DIGEST_LEAD),
        new=t.say(phrases.DIGEST_NEW),
        lines=(
            *(_line(line, t) for line in made.lines),
            *([t.say(phrases.DIGEST_MORE, n=t.number(made.more))] if made.more else []),
        ),
        by_class=t.say(phrases.DIGEST_CLASSES),
        classes=tuple(
            _counted(t, t.say(phrases.CATEGORY[category]), count) for category, count in made.classes.items()
        ),
        by_country=t.say(phrases.DIGEST_COUNTRIES),
        countries=tuple(_counted(t, t.country(code), count) for code, count in made.countries.items()),
        footer=_footer(made, t),
        unsubscribe=t.say(phrases.UNSUBSCRIBE),
        language=t.code,
    )


def _line(line: Line, t: Tongue) -> str:
    return t.say(
        phrases.DIGEST_LINE,
        title=shown(line.title or f"L{line.level}", limit=200),
        number=shown(line.number, limit=60),
        countries=t.joined(map(t.country, line.countries)) or t.say(phrases.NOWHERE),
    )


def _footer(made: Digest, t: Tongue) -> tuple[str, ...]:
    """For whom it is, under which conditions, and what the numbers count."""
    return (
        *((t.say(phrases.PRECURSOR_AUDIENCE),) if made.audience is Audience.PRECURSOR else ()),
        *(t.say(phrases.USE_CONDITION, condition=line) for line in distinct(made.use_conditions, limit=2000)),
        t.say(phrases.DIGEST_FOOTER),
        *(() if t.reviewed else (t.say(phrases.UNREVIEWED),)),
    )


def _counted(t: Tongue, what: str, count: Count) -> str:
    return t.say(phrases.DIGEST_COUNT, what=what, now=t.number(count.now), before=t.number(count.before))
