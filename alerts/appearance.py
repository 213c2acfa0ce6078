"""What a product looks like, in words that two laboratories would share: the fingerprint of a case."""

import csv
import re
from functools import cache, lru_cache
from pathlib import Path

from schemas.detections import Appearance, Sample

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_TABLE = Path(__file__).parent / "data" / "appearance_words.csv"
ABSENT = "-"


@cache
def _table() -> dict[str, str]:
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return {row["word"]: row["normal"] for row in csv.DictReader(lines)}


@lru_cache(maxsize=20_000)
def normal(text: str | None) -> str:
    """Words lower-case, normalised by the table, in alphabetical order; `-` where nothing is left.

    >>> normal("Light grey, ROUND"), normal("round gray"), normal(None)
    ('grey round', 'grey round', '-')
    """
    words = {_table().get(word, word) for word in _WORD.findall((text or "").casefold())} - {""}
    return " ".join(sorted(words)) or ABSENT


def fingerprint(sample: Sample | None) -> tuple[str, str, str, str]:
    """Colour, shape, logo and imprint, normalised; `-` for what was not given."""
    seen = (sample.appearance if sample else None) or Appearance()
    return (normal(seen.colour), normal(seen.shape), normal(seen.logo), normal(seen.imprint))


def form(sample: Sample | None) -> str:
    """The physical form, `-` when not given."""
    return sample.physical_form.value if sample and sample.physical_form else ABSENT


def distinct(marks: tuple[str, str, str, str]) -> int:
    """How many of the four were given."""
    return sum(mark != ABSENT for mark in marks)


def described(sample: Sample | None) -> str | None:
    """The appearance as the laboratory wrote it, on one line."""
    seen = sample.appearance if sample else None
    if seen is None:
        return None
    words = [seen.colour, seen.shape, seen.logo and f"logo {seen.logo}", seen.imprint and f"imprint {seen.imprint}"]
    return ", ".join(word for word in words if word) or None
