"""What the clock does for the people at the desk: opens drafts of notifications, shows what waits for somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Gauge
from sqlalchemy import Engine

from storage import notifications, unattended
from storage.unattended import Waits

log: Final = structlog.get_logger("streams.desk")

LOOK_EVERY: Final = timedelta(seconds=30)

waiting: Final = Gauge("tocsin_waiting_for_people", "What waits for a person, and should not wait long.", ["what"])
for _what in Waits:
    waiting.labels(_what.value)


@dataclass
class Desk:
    """Calling it opens the drafts that are due and says how many; twice a minute it looks what waits."""

    engine: Engine
    looked_at: datetime | None = None

    def __call__(self, now: datetime) -> int:
        """Open and look."""
        with self.engine.begin() as connection:
            opened = notifications.open_due(connection)
            if self.looked_at is None or now - self.looked_at >= LOOK_EVERY:
                self.looked_at = now
                for what, count in unattended.counts(connection, now.date()).items():
                    waiting.labels(what.value).set(count)
        for number in opened:
            log.info("notification_draft", number=number)
        return len(opened)
