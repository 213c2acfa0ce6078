"""One language as a message speaks it: sentences, counts, lists, dates, numbers and names of countries.

English sentences are the keys of the catalogues in `notifiers/locale`. What a catalogue lacks is said in English, each
sentence by itself, and counted.
"""

import gettext
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from notifiers.cleaning import shown
from notifiers.metrics import missing_sentences
from notifiers.wording import classes
from schemas.languages import ENGLISH, LANGUAGES

FOLDER: Final = Path(__file__).parent.parent / "locale"
RULE: Final = "rule"
"""The context of sentences that rules fill in: they are told apart from all others by it."""

AWAITS: Final = "awaits a native reviewer"
"""What the head of a catalogue says until a person who grew up with the language has read it and put a name there."""

_PLACE: Final = re.compile(r"\{(\w+)\}")
_SPOKEN_IN_THE_UNION: Final = {"pt": "pt_PT"}
"""Where the bare code names the language of another continent."""

_ARTICLES: Final = {"GB": "the United Kingdom", "NL": "the Netherlands", "US": "the United States"}


class Counted(NamedTuple):
    """A sentence that holds a number `n`: for one, and for any other number. Languages have up to six forms of it."""

    one: str
    other: str


@dataclass(frozen=True)
class Tongue:
    """A language and its catalogue. Pure: the same words in, the same words out."""

    code: str
    locale: Locale
    words: gettext.NullTranslations
    reviewed: bool
    retellings: Sequence[tuple[re.Pattern[str], str]] = field(default=(), repr=False)

    def say(self, sentence: str, /, **places: object) -> str:
        """The sentence in this language, what it holds put in its places. What is put in is never formatted again."""
        told = self.words.gettext(sentence)
        return told.format(**places) if places else told

    def count(self, forms: Counted, n: int) -> str:
        """`1 death`, `2 deaths`."""
        return self.words.ngettext(forms.one, forms.other, n).format(n=self.number(n))

    def retold(self, sentence: str) -> str:
        """A sentence that was filled in English, by a rule or a list of advice, in this language where it is known."""
        if self.code == ENGLISH:
            return classes.in_words(sentence)
        for pattern, told in self.retellings:
            if found := pattern.fullmatch(sentence):
                return self.words.pgettext(RULE, told).format(
                    **{name: self._value(text) for name, text in _named(found)}
                )
        return self.words.gettext(sentence)

    def _value(self, text: str) -> str:
        """What a rule filled in: a number or the word of a class as this language has it, anything else as it is."""
        try:
            return self.number(float(text))
        except ValueError:
            return classes.word(text, self.words.gettext) or text

    def number(self, value: float) -> str:
        """`1,500`, `3.2`."""
        return format_decimal(value, locale=self.locale, decimal_quantization=False)

    def joined(self, words: Iterable[str], *, limit: int = 6) -> str:
        """`a, b and c`; beyond `limit` the rest is counted."""
        some = list(words)
        if (rest := len(some) - limit) > 0:
            forms = AND_OTHERS
            told = self.words.ngettext(forms.one, forms.other, rest)
            return told.format(some=", ".join(some[:limit]), n=self.number(rest))
        return format_list(some, locale=self.locale) if some else ""

    def dated(self, day: date) -> str:
        """`12 February 2026`."""
        return format_date(day, "long", locale=self.locale)

    def spanned(self, first: date, last: date) -> str:
        """` between 30 October and 22 November 2026`, ` on 22 November 2026`: the year once where it is one."""
        if first == last:
            return " " + self.say(PERIOD_DAY, first=self.dated(first))
        once = self.code == ENGLISH and first.year == last.year
        start = format_skeleton("MMMMd", first, locale=self.locale) if once else self.dated(first)
        return " " + self.say(PERIOD, first=start, last=self.dated(last))

    def instant(self, moment: datetime) -> str:
        """`12 February 2026, 08:14 UTC`: the offset is always printed."""
        utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
        return self.say(INSTANT, date=self.dated(utc.date()), time=utc.strftime("%H:%M"))

    def country(self, code: str) -> str:
        """The name of a country, or its code where there is none."""
        name: str = self.locale.territories.get(code, shown(code, limit=8))
        return name

    def in_country(self, code: str) -> str:
        """The name as it follows "in": `the Netherlands`. Other languages are worded so that the name stands alone."""
        return _ARTICLES.get(code, self.country(code)) if self.code == ENGLISH else self.country(code)


PERIOD: Final = "between {first} and {last}"
PERIOD_DAY: Final = "on {first}"
INSTANT: Final = "{date}, {time} UTC"
AND_OTHERS: Final = Counted("{some} and {n} other", "{some} and {n} others")


@cache
def tongue(code: str) -> Tongue:
    """The language of this code; English for one that has no catalogue."""
    path = FOLDER / f"{code}.po"
    if code not in LANGUAGES or code == ENGLISH or not path.exists():
        return Tongue(ENGLISH, Locale.parse("en_IE"), gettext.NullTranslations(), reviewed=True)
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    words = gettext.GNUTranslations(compiled)
    words.add_fallback(_Counting(code))
    reviewed = AWAITS not in catalogue.header_comment
    told = [message.id for message in catalogue if message.context == RULE and isinstance(message.id, str)]
    locale = Locale.parse(_SPOKEN_IN_THE_UNION.get(code, code))
    return Tongue(code, locale, words, reviewed, [(_pattern(text), text) for text in told])


class _Counting(gettext.NullTranslations):
    """English for what a catalogue lacks, and a count of it."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._lacks: Callable[[], None] = missing_sentences.labels(language=code).inc

    def gettext(self, message: str) -> str:
        """The English sentence."""
        self._lacks()
        return message

    def pgettext(self, context: str, message: str) -> str:
        """The English sentence."""
        return self.gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The English sentence of this number."""
        self._lacks()
        return msgid1 if n == 1 else msgid2


def _pattern(told: str) -> re.Pattern[str]:
    pieces = _PLACE.split(told)
    seen: set[str] = set()
    out = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            out.append(re.escape(piece))
        else:
            out.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)")
            seen.add(piece)
    return re.compile("".join(out))


def _named(found: re.Match[str]) -> Iterable[tuple[str, str]]:
    return ((name, text) for name, text in found.groupdict().items() if text is not None)
