"""Proposes substances whose names are like one that nobody knows: for a reviewer to choose from, never to resolve by.

496 pairs of different substances are one edit apart, so nothing here may be called from the ladder.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.catalogue import Catalogue
from alerts.names import keys_of, without_remark

MOST = 5
SHORTEST = 6
LEAST_RATIO = 90.0


@dataclass(frozen=True, kw_only=True, order=True)
class Candidate:
    """A substance that a name may have meant: the strict key of its most alike name, and how alike in per cent.

    `distance` is 0 for a name that several substances have, 1 for one edit, 2 for more.
    """

    distance: int
    unlike: float
    key: str
    name: str
    written: str
    shared: bool

    @property
    def ratio(self) -> float:
        """100 · 2 · longest common subsequence / both lengths."""
        return 100 - self.unlike

    @property
    def why(self) -> str:
        """For the reviewer."""
        if self.distance == 0:
            return f"{self.name}: {'one of several substances with this name' if self.shared else 'it has this name'}"
        how = "one edit apart" if self.distance == 1 else "nearly the same letters and the same digits"
        return f'{self.name}: its name "{self.written}" is {how} ({self.ratio:.0f} %)'


def candidates(name: str, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """At most five, the most alike first, each substance once.

    >>> from alerts.catalogue import load
    >>> [one.name for one in candidates("Pregbalin", load())], candidates("2-MMC or so", load())
    (['Pregabalin'], ())
    """
    wanted = {key for text in (name, without_remark(name)) for step in keys_of(text) for key in step}
    best: dict[str, Candidate] = {}
    for key in wanted:
        for found in _alike(key, catalogue):
            known = best.get(found.key)
            best[found.key] = found if known is None else min(known, found)
    return tuple(sorted(best.values())[:MOST])


def _alike(wanted: str, catalogue: Catalogue) -> Iterator[Candidate]:
    masks, digits = _masks(wanted), _digits(wanted)
    for written, keys in catalogue.written():
        if abs(len(written) - len(wanted)) > max(1, len(wanted) // 5):
            continue
        near = len(wanted) >= SHORTEST and one_edit_at_most(wanted, written)
        if not near and written != wanted and digits != _digits(written):
            continue
        ratio = 200 * _common(masks, len(wanted), written) / (len(wanted) + len(written))
        if written == wanted or near or ratio >= LEAST_RATIO:
            distance = 0 if written == wanted else 1 if near else 2
            yield from _named(written, keys, distance, 100 - ratio, catalogue)


def _named(
    written: str, keys: frozenset[str], distance: int, unlike: float, catalogue: Catalogue
) -> Iterator[Candidate]:
    for key in keys:
        entry = catalogue.entry(key)
        if entry is not None:
            yield Candidate(
                distance=distance,
                unlike=unlike,
                key=key,
                name=entry.name,
                written=written,
                shared=len(keys) > 1,
            )


def one_edit_at_most(first: str, second: str) -> bool:
    """Whether the optimal string alignment distance is 0 or 1: one letter more, less or other, or two swapped."""
    if abs(len(first) - len(second)) > 1:
        return False
    start = next((at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), None)
    if start is None:
        return True
    rest, other_rest = first[start:], second[start:]
    if rest[1:] == other_rest or rest == other_rest[1:] or rest[1:] == other_rest[1:]:
        return True
    return rest[:2] == other_rest[:2][::-1] and rest[2:] == other_rest[2:]


def _digits(text: str) -> str:
    return "".join(mark for mark in text if mark.isdigit())


def _masks(text: str) -> dict[str, int]:
    masks: dict[str, int] = {}
    for at, mark in enumerate(text):
        masks[mark] = masks.get(mark, 0) | 1 << at
    return masks


def _common(masks: dict[str, int], length: int, other: str) -> int:
    """Length of the longest common subsequence, by bits (Hyyrö 2004)."""
    row = everything = (1 << length) - 1
    for mark in other:
        met = row & masks.get(mark, 0)
        row = (row + met | row - met) & everything
    return length - row.bit_count()
