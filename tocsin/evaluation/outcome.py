"""What every evaluation gives back: numbers for machines, lines for people, and whether it holds."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from schemas.base import Frozen


class Evaluation(Frozen, ABC):
    """The fields are the `--json` answer."""

    @property
    @abstractmethod
    def holds(self) -> bool:
        """Whether nothing unforgivable was found; the exit code is 1 when it does not."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """The same for people, the most important first."""
