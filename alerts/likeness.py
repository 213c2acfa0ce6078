"""Finds the listed substance whose structure is most alike: a suggestion for people, never an identity or a hazard."""

from dataclasses import dataclass
from functools import lru_cache

from alerts import chemistry
from alerts.catalogue import Catalogue
from alerts.chemistry import Shelf
from schemas.vocabularies import Category

CLOSE = 0.60
RELATED = 0.40
"""Tanimoto of Morgan fingerprints (radius 2, 2048 bits); below it the next class would be a guess."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A listed substance and how alike it is, from 0.40 to 1."""

    key: str
    name: str
    category: Category
    subgroup: str | None
    score: float

    @property
    def close(self) -> bool:
        """Whether it may be called a close analogue."""
        return self.score >= CLOSE

    @property
    def says(self) -> str:
        """How it is put to people."""
        how = f"close analogue of {self.name}" if self.close else f"related to {self.name} (weak)"
        return f"{how}, likeness {self.score:.2f}"


NO_ANALOGUE = "no close analogue in the catalogue"


@lru_cache(maxsize=chemistry.REMEMBERED)
def nearest(smiles: str, catalogue: Catalogue, *, without: str | None = None) -> Neighbour | None:
    """The most alike of the listed structures, `without` one of them; None where none reaches 0.40.

    The first question of a snapshot reads all of its structures, 0.2 s; each further one takes 0.2 ms.
    """
    found = chemistry.nearest(smiles, _shelf(catalogue), without=without)
    if found is None or found[1] < RELATED:
        return None
    entry = catalogue.entries[found[0]]
    return Neighbour(
        key=entry.key, name=entry.name, category=entry.category, subgroup=entry.subgroup, score=round(found[1], 4)
    )


def said(neighbour: Neighbour | None) -> str:
    """The same as words, where there is none too."""
    return neighbour.says if neighbour else NO_ANALOGUE


def may_be_a_tautomer(smiles: str, catalogue: Catalogue) -> bool:
    """Whether a listed structure has the same formula: else it is no tautomer of any, which costs 2 ms to find out."""
    return (chemistry.formula(smiles) or "") in _shelf(catalogue).formulas


@lru_cache(maxsize=2)
def _shelf(catalogue: Catalogue) -> Shelf:
    return chemistry.shelf({key: entry.smiles for key, entry in catalogue.entries.items() if entry.smiles})
