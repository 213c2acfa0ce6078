"""Every five minutes: has each authority each L3 and L4, or is it on its way? If neither, a person must look."""

from collections import Counter
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers import metrics
from notifiers.metrics import Page
from storage import reconciling
from storage.reconciling import Gap, Owed

log: Final = structlog.get_logger("notifiers.reconciliation")

EVERY: Final = 300.0


class Reconciliation:
    """Pages once for each gap that it finds; a gap that was closed and opens again is a new one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: frozenset[Owed] = frozenset()

    def look(self) -> tuple[Owed, ...]:
        """The gaps that were not there at the last look; none where another courier looks at this moment."""
        with self._engine.begin() as connection:
            if not reconciling.alone(connection):
                return ()
            found = reconciling.gaps(connection)
        counts = Counter(one.gap for one in found)
        for gap in Gap:
            metrics.unreconciled.labels(gap.value).set(counts[gap])
        fresh = tuple(one for one in found if one not in self._known)
        self._known = frozenset(found)
        for one in fresh:
            _page(one)
        return fresh


def _page(owed: Owed) -> None:
    metrics.pages.labels(Page.NOT_RECONCILED.value).inc()
    log.error(
        "page",
        cause=Page.NOT_RECONCILED,
        gap=owed.gap,
        alert=owed.alert_id,
        revision=owed.revision,
        subscriber=owed.subscriber,
        destination=owed.destination,
        delivery=owed.delivery_id,
        reason=owed.reason,
    )
