"""The grid of 29 tiles that stands for a map: one per reporting country, readable where a real map is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_GRID: Final = """
. . . NO SE FI .
. . . DK . EE .
IE . NL DE PL LV .
. BE LU CZ SK LT .
. FR . AT HU RO .
PT ES IT SI HR BG TR
. . MT . . GR CY
"""


@dataclass(frozen=True)
class Tile:
    """One cell; `country` is empty where the grid is, `step` is the shade: 0 for none to 3 for most."""

    country: str
    events: int
    step: int


def grid(events: Mapping[str, int]) -> tuple[tuple[Tile, ...], ...]:
    """Seven rows of seven tiles with the number of events of each country. Countries off the grid have no tile."""
    return tuple(tuple(_tile(cell, events) for cell in row.split()) for row in _GRID.strip().splitlines())


def _tile(cell: str, events: Mapping[str, int]) -> Tile:
    if cell == ".":
        return Tile("", 0, 0)
    count = events.get(cell, 0)
    return Tile(cell, count, 0 if count == 0 else 1 if count == 1 else 2 if count < 5 else 3)
