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
    """Pages once for each gap, whichever courier finds it and however often they start; one that was closed and opens
    again is a new one. The page comes before the commit: rather twice than never."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def look(self) -> tuple[Owed, ...]:
        """The gaps that no look before this one found; none where another courier looks at this moment."""
        with self._engine.begin() as connection:
            if not reconciling.alone(connection):
                return ()
            found = reconciling.gaps(connection)
            fresh = reconciling.not_found_before(connection, found)
            for one in fresh:
                _page(one)
        counts = Counter(one.gap for one in found)
        for gap in Gap:
            metrics.unreconciled.labels(gap.value).set(counts[gap])
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
