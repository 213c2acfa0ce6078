"""Keeps the catalogues of the other languages in step with the English sentences.

`python -m tocsin.translations` gives each catalogue what is new, empty, and takes out what is no longer said.
With `--check` it writes nothing and says what is amiss, with exit code 1: a sentence that is missing, a place that a
translation lost, a sentence that is no longer said.
"""

import re
import string
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from alerts.responses import responses
from alerts.rulebook import european
from notifiers.wording import phrases, tongue
from notifiers.wording.tongue import AWAITS, FOLDER, RULE, Counted
from portal import phrases as pages
from schemas.languages import ENGLISH, LANGUAGES

_WRITTEN: Final = datetime(2026, 11, 24, tzinfo=UTC)
_UNSPOKEN: Final = frozenset({"MARK", "QUOTED", "TLP"})

KEPT: Final = re.compile(r"TLP:\S+|TOC-\S+|\bUTC\b|\bCAS\b|\bInChIKey\b")
"""What no translation changes."""


class Sentence(NamedTuple):
    """One thing that may be said, where it stands, and in which context."""

    text: str | Counted
    name: str
    context: str | None = None


def sentences() -> Iterator[Sentence]:
    """Everything that a message can hold and that is ours, in the order in which it is written down."""
    for words in (tongue.PERIOD, tongue.PERIOD_DAY, tongue.INSTANT, tongue.AND_OTHERS):
        yield Sentence(words, "dates and lists")
    for module in (phrases, pages):
        for name, spoken in vars(module).items():
            if name.isupper() and name not in _UNSPOKEN:
                yield from _of(spoken, name)
    for name, heading in asdict(phrases.Headings()).items():
        yield Sentence(heading, f"heading: {name}")
    for number, says in enumerate((*responses().advice, *responses().questions)):
        yield Sentence(says.says, f"advice or question {number + 1}")
    rules = european().rules
    for rule in (*rules.impact, *rules.spread, *rules.confidence, *rules.overrides):
        yield Sentence(rule.says, f"rule {rule.id}", RULE)


def _of(words: object, name: str) -> Iterator[Sentence]:
    match words:
        case Counted() | str():
            yield Sentence(words, name)
        case dict():
            for key, value in words.items():
                yield from _of(value, f"{name} {key}")
        case tuple():
            for value in words:
                yield from _of(value, name)


def template(comment: str = "") -> Catalog:
    """All of it as a catalogue without translations."""
    made = Catalog(
        project="Tocsin",
        version="1",
        header_comment=comment,
        msgid_bugs_address="the issues of the project",
        last_translator="see the first lines",
        language_team="Tocsin",
        creation_date=_WRITTEN,
        revision_date=_WRITTEN,
        fuzzy=False,
    )
    for sentence in sentences():
        text = sentence.text
        made.add(
            text if isinstance(text, str) else (text.one, text.other),
            auto_comments=[sentence.name],
            context=sentence.context,
        )
    return made


def problems(code: str) -> Iterator[str]:
    """What is amiss with a language: nothing when it is whole."""
    held, wanted = read(code), template()
    for message in wanted:
        if not message.id:
            continue
        told = held.get(message.id, message.context)
        if told is None or not _whole(told, held.num_plurals):
            yield f"{code}: not translated: {_shown(message)}"
        else:
            yield from (f"{code}: {what}: {_shown(message)}" for what in _faults(told))
    stale = {(m.id, m.context) for m in held if m.id} - {(m.id, m.context) for m in wanted if m.id}
    yield from (f"{code}: no longer said: {text}" for text, _ in stale)


def read(code: str) -> Catalog:
    """The catalogue of a language; an empty one where there is no file."""
    path = path_of(code)
    if not path.exists():
        return Catalog(locale=code, project="Tocsin", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def update(code: str) -> None:
    """Add what is new, drop what is gone, keep every translation and the word on its review."""
    held = read(code)
    fresh = template(held.header_comment if path_of(code).exists() else _comment(held))
    fresh.locale = code
    for message in fresh:
        told = held.get(message.id, message.context) if message.id else None
        if told is not None:
            message.string = told.string
            message.user_comments = told.user_comments
    with path_of(code).open("wb") as file:
        write_po(file, fresh, width=110)


def _comment(held: Catalog) -> str:
    name = held.locale.english_name if held.locale else ""
    return f"# Tocsin in {name}. Licence: EUPL-1.2.\n# Review: {AWAITS}."


def path_of(code: str) -> Path:
    """Where the catalogue of a language is."""
    return FOLDER / f"{code}.po"


def _whole(message: Message, forms: int) -> bool:
    if isinstance(message.id, str):
        return bool(message.string)
    return len(_strings(message.string)) == forms and all(_strings(message.string))


def _faults(message: Message) -> Iterator[str]:
    originals, told = _strings(message.id), _strings(message.string)
    for text in told:
        differ = _places(originals[-1]) ^ _places(text)
        if differ - ({"n"} if len(told) > 1 else set()):
            yield f"places differ in “{text}”"
        if set(KEPT.findall(originals[-1])) - set(KEPT.findall(text)):
            yield f"a fixed term is lost in “{text}”"
        if text != text.strip() or any(ord(character) < 32 for character in text):
            yield f"blanks or controls in “{text}”"


def _strings(told: str | Sequence[str] | None) -> list[str]:
    """One string, or all forms of a counted one."""
    return [told] if isinstance(told, str) else list(told or ())


def _places(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def _shown(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[1]


def main() -> int:
    """Bring every catalogue up to date, or with `--check` say what is amiss."""
    others = [code for code in LANGUAGES if code != ENGLISH]
    if "--check" not in sys.argv[1:]:
        for code in others:
            update(code)
        return 0
    found = [problem for code in others for problem in problems(code)]
    print("\n".join(found[:200]), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
