"""Says which substance the sold-as words promise: a name, a brand or a street name, alone or inside a longer text."""

import re
from collections.abc import Iterator
from functools import lru_cache

from alerts.catalogue import Catalogue, Entry
from alerts.chemistry import REMEMBERED
from alerts.classification import class_inside, hedged
from alerts.names import keys_of, plain, strict_key
from schemas.vocabularies import SubstanceKind

_BETWEEN = re.compile(r",\s+|\s*[/;+&]\s*|\s+(?:and|with|or)\s+")
_WORD = re.compile(r"[^\s()\[\],;]+")
_DRUGS = frozenset({SubstanceKind.NPS, SubstanceKind.CLASSIC, SubstanceKind.MEDICINE})
_LONGEST_RUN = 4
_SHORTEST_KEY = 3


@lru_cache(maxsize=REMEMBERED)
def resolve_name(text: str, catalogue: Catalogue) -> Entry | None:
    """The substance promised, of several the first; `None` for a class ("benzodiazepine"), a mixture (tusi) or nothing.

    >>> from alerts.catalogue import load
    >>> resolve_name("oxycodone (OxyContin 80 mg)", load()).name, resolve_name("pink cocaine", load())
    ('Oxycodone', None)
    """
    if _called(strict_key(text), catalogue):
        return _exactly(text, catalogue)
    found = (_exactly(part, catalogue) or _inside(part, catalogue) for part in _BETWEEN.split(text))
    return next((entry for entry in found if entry is not None), None)


def _exactly(text: str, catalogue: Catalogue) -> Entry | None:
    for step in keys_of(text):
        found = {entry.key: entry for key in step for entry in _called(key, catalogue)}
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


def _called(key: str, catalogue: Catalogue) -> list[Entry]:
    """Substances sold under a name; a street name goes before a catalogue name."""
    if key in catalogue.street_names:
        promised = catalogue.entry(catalogue.street_names[key])
        return [promised] if promised else []
    return [entry for found in catalogue.by_name(key) if (entry := catalogue.entry(found))]


def _inside(text: str, catalogue: Catalogue) -> Entry | None:
    """The longest, then first, run of words that is a drug; none in a text that says "like" or names a class."""
    if hedged(text) or class_inside(text) is not None:
        return None
    for key in _runs(_WORD.findall(plain(text))):
        if catalogue.street_names.get(key) == "":
            return None
        found = [entry for entry in _called(key, catalogue) if entry.kind in _DRUGS]
        if len(found) == 1:
            return found[0]
    return None


def _runs(words: list[str]) -> Iterator[str]:
    """Keys of runs of words that are long enough not to be met by chance."""
    for length in range(min(_LONGEST_RUN, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            key = strict_key(" ".join(words[start : start + length]))
            if len(key) >= _SHORTEST_KEY:
                yield key
