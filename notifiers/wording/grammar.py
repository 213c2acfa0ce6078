"""What holds in every language: foreign words cleaned, titles and sentences begun and ended."""

import re
from collections.abc import Iterable
from typing import Final

from notifiers.cleaning import shown

_TONOS: Final = str.maketrans("ΆΈΉΊΌΎΏ", "ΑΕΗΙΟΥΩ")


def distinct(words: Iterable[str], *, limit: int = 80) -> tuple[str, ...]:
    """Foreign words cleaned, each once whatever its case, empty ones left out, in the order given."""
    cleaned = (shown(word, limit=limit) for word in words)
    return tuple({word.casefold(): word for word in reversed(list(cleaned)) if word}.values())[::-1]


def capitals(text: str) -> str:
    """A heading in capitals; Greek ones carry no accent."""
    return text.upper().translate(_TONOS)


def titled(text: str) -> str:
    """The text with a capital where it begins with an ordinary word; `3-MMC` and `alpha-PVP` stay as they are."""
    first = text.split(" ")[0].rstrip(",")
    return text[0].upper() + text[1:] if first.isalpha() and first.islower() else text


def sentence(fragment: str) -> str:
    """A fragment such as a rule's `says` as a sentence of its own: `an extreme dose` → `An extreme dose.`"""
    text = fragment[:1].upper() + fragment[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def without_brackets(text: str) -> str:
    """`oxycodone (OxyContin 80 mg)` → `oxycodone`, unless nothing is left."""
    return re.sub(r"\s*\([^()]*\)", "", text).strip() or text
