"""The two kinds of closed list, words and ranks, with a value that is read at once.

Python 3.11 reads it through code of its own, and every JSON that is written asks each member for it: that was 23 µs of
the 800 that a report took.
"""

from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING


class Word(StrEnum):
    """A closed list of words."""

    if not TYPE_CHECKING:
        value = property(attrgetter("_value_"))


class Rank(IntEnum):
    """A closed list of ranks, in their order."""

    if not TYPE_CHECKING:
        value = property(attrgetter("_value_"))
