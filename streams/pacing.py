"""Cuts a backfill's batches so that each transaction is short: that is how long a live report may wait for a case."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from streams.transaction import Batch

LONGEST: Final = 0.02
"""Seconds that a part should take. In one piece, 100 reports of frequent substances hold their cases for as long as all
of them take, and live reports of the same substances wait for that."""

FEWEST: Final = 10
"""Reports in a part however slow the machine is: with fewer, it is busy with transactions and not with reports."""


class Short:
    """Hands on a batch in parts, each about `longest` seconds of work, however fast the machine is at the moment."""

    def __init__(
        self,
        handle: Callable[[Batch], Awaitable[None]],
        *,
        longest: float = LONGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handle, self._longest, self._clock = handle, longest, clock
        self._size = FEWEST

    async def handle(self, batch: Batch) -> None:
        """Returns when all parts are done, in their order."""
        rest = batch.records
        while rest:
            part, rest = rest[: self._size], rest[self._size :]
            began = self._clock()
            await self._handle(Batch(part))
            self._learn(len(part), self._clock() - began)

    def _learn(self, count: int, took: float) -> None:
        """Twice as many at most, half at least: one slow commit says little."""
        fitting = count * self._longest / max(took, 1e-6)
        self._size = max(FEWEST, min(int(fitting), 2 * self._size), self._size // 2)
