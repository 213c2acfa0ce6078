"""English grammar of numbers, lists, dates and titles. Another language brings its own module of this shape."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

from notifiers.cleaning import shown
from notifiers.wording import phrases


def counted(forms: tuple[str, str], n: int) -> str:
    """`1 death`, `2 deaths`."""
    return forms[0 if n == 1 else 1].format(n=n)


def joined(words: Iterable[str], *, limit: int = 6) -> str:
    """`a, b and c`; beyond `limit` the rest is counted."""
    some = list(words)
    if (rest := len(some) - limit) > 0:
        return phrases.AND_OTHERS[0 if rest == 1 else 1].format(some=", ".join(some[:limit]), n=rest)
    if len(some) < 2:
        return "".join(some)
    return phrases.AND.format(some=", ".join(some[:-1]), last=some[-1])


def distinct(words: Iterable[str], *, limit: int = 80) -> tuple[str, ...]:
    """Foreign words cleaned, each once whatever its case, empty ones left out, in the order given."""
    cleaned = (shown(word, limit=limit) for word in words)
    return tuple({word.casefold(): word for word in reversed(list(cleaned)) if word}.values())[::-1]


def dated(day: date) -> str:
    """`12 February 2026`."""
    return phrases.DATE.format(day=day.day, month=phrases.MONTHS[day.month - 1], year=day.year)


def spanned(first: date, last: date) -> str:
    """` between 30 October and 22 November 2026`, ` on 22 November 2026`: the year once where it is one."""
    if first == last:
        return phrases.PERIOD_DAY.format(first=dated(first))
    month = phrases.MONTHS[first.month - 1]
    start = phrases.DATE_IN_YEAR.format(day=first.day, month=month) if first.year == last.year else dated(first)
    return phrases.PERIOD.format(first=start, last=dated(last))


def instant(moment: datetime) -> str:
    """`12 February 2026, 08:14 UTC`."""
    utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    return phrases.INSTANT.format(date=dated(utc.date()), time=utc.strftime("%H:%M"))


def titled(text: str) -> str:
    """The text with a capital where it begins with an ordinary word; `3-MMC` and `alpha-PVP` stay as they are."""
    first = text.split(" ")[0].rstrip(",")
    return text[0].upper() + text[1:] if first.isalpha() and first.islower() else text


def sentence(fragment: str) -> str:
    """A fragment such as a rule's `says` as a sentence of its own: `an extreme dose` → `An extreme dose.`"""
    text = fragment[:1].upper() + fragment[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def country(code: str) -> str:
    """The name of a country, or its code where we have no name."""
    return phrases.COUNTRY.get(code, shown(code, limit=8))


def in_country(code: str) -> str:
    """The name as it follows "in": `the Netherlands`."""
    return phrases.IN_COUNTRY.get(code, country(code))


def without_brackets(text: str) -> str:
    """`oxycodone (OxyContin 80 mg)` → `oxycodone`, unless nothing is left."""
    return re.sub(r"\s*\([^()]*\)", "", text).strip() or text
