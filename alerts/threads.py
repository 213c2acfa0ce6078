"""The thread told to people about a case: its number, its revision, and what was said last."""

from datetime import datetime

from pydantic import AwareDatetime

from alerts.harm import HarmRank
from schemas.alert_events import AlertEvent, Source
from schemas.base import Frozen, SortedSet
from schemas.vocabularies import AlertKind, Distribution, Level, Presentation


class Told(Frozen):
    """What the last message said; the next one speaks when something here has changed.

    `first_in_union` is where and when it was first, once an alert called it new to the Union.
    """

    countries: SortedSet[str]
    harm: HarmRank
    presentations: SortedSet[Presentation]
    routes: SortedSet[Distribution]
    dose_band: int
    provisional: bool
    first_in_union: str = ""


class Thread(Frozen):
    """One alert. `announced` is the highest level told, lowered by people only; `ended` after an ending.

    `said` is the last event: what a cancellation withdraws when no report is left to compose from. `judged` is the
    computed level that a person saw when they told a lower one: only what goes beyond it escalates again. `withdrawn`
    are the reports taken back since the last message. `expires_at` holds while the alert is provisional.
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
    ended_as: AlertKind | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    valid_until: datetime | None = None
    review_at: datetime | None = None
    review_overdue: datetime | None = None
    judged: Level | None = None
    withdrawn: tuple[Source, ...] = ()
    said: AlertEvent | None = None

    @property
    def may_go_on(self) -> bool:
        """Whether new facts open it again: it expired or was closed; what was cancelled stays so."""
        return self.ended and self.ended_as in (AlertKind.EXPIRED, AlertKind.CLOSED)

    @property
    def cancelled(self) -> bool:
        return self.ended and not self.may_go_on
