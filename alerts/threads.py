"""The thread told to people about a case: its number, its revision, and what was said last."""

from datetime import datetime

from pydantic import AwareDatetime

from alerts.harm import HarmRank
from schemas.alert_events import AlertEvent
from schemas.base import Frozen, SortedSet
from schemas.vocabularies import Distribution, Level, Presentation


class Told(Frozen):
    """What the last message said; the next one speaks when something here has changed."""

    countries: SortedSet[str]
    harm: HarmRank
    presentations: SortedSet[Presentation]
    routes: SortedSet[Distribution]
    dose_band: int
    provisional: bool


class Thread(Frozen):
    """One alert. `announced` is the highest level told, lowered by people only; `ended` after a cancellation.

    `said` is the last event: what a cancellation withdraws when no report is left to compose from.
    """

    alert_id: str
    number: str
    revision: int
    announced: Level
    told: Told
    raised_at: AwareDatetime
    last_update: datetime | None = None
    gather_due: datetime | None = None
    references: tuple[str, ...] = ()
    ended: bool = False
    said: AlertEvent | None = None
