"""What the demo shows, as values: the stage it is in, how far, how long still, and the board of cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from schemas.base import Frozen
from schemas.deliveries import Channel, DeliveryState
from schemas.vocabularies import AlertKind
from storage.overview import BoardRow

GATHERING_SECONDS: Final = 20
HISTORY_PER_SECOND: Final = 150.0
STARTING_SECONDS: Final = 15.0
"""First guesses; the real ones take their place."""


class Stage(StrEnum):
    """Where the demo is; the value is what people read."""

    STARTING = "Starting Kafka, PostgreSQL, mailbox, worker and courier"
    HISTORY = "History: 19 years of one country's police list"
    LIVE = "Live: documented events since 2019, moved to end today"
    SETTLING = "Waiting for gathered updates and the failing webhook"
    SETTLED = "Everyone entitled has been told"
    STOPPING = "Stopping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tempo:
    """`gap`: seconds between live reports that are new, for the eye. `out_of_order`: how long the webhook fails."""

    gap: float
    out_of_order: float


WATCHED: Final = Tempo(gap=0.4, out_of_order=12.0)
UNWATCHED: Final = Tempo(gap=0.0, out_of_order=4.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One moment. `seconds_left` is None while it cannot be known."""

    stage: Stage = Stage.STARTING
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    note: str = ""
    board: tuple[BoardRow, ...] = ()


class Screen(Protocol):
    """Somebody who looks."""

    @property
    def tempo(self) -> Tempo:
        """How fast they can follow."""

    def show(self, scene: Scene) -> None:
        """Show this moment instead of the one before."""

    def hear(self, sentence: str) -> None:
        """What the supervisor says."""

    def close(self) -> None:
        """Leave what was shown last."""


class Reach(Frozen):
    """Seconds from the broker's time of a report to the relay's acceptance."""

    p50: float
    p99: float


class Figures(Frozen):
    """What `tocsin demo --json` prints. The first three are of this run, the others of the data directory.

    `report_to_accepted_s` is of mails that a report caused at once; gathered updates wait on purpose.
    """

    reports: int
    duplicates: int
    dead_letters: int
    cases_by_level: Mapping[str, int]
    alert_events_by_kind: Mapping[AlertKind, int]
    deliveries: Mapping[Channel, Mapping[DeliveryState, int]]
    report_to_accepted_s: Reach | None


def seconds_left(*, history: int, rate: float, live: int, tempo: Tempo, settling: float | None) -> float:
    """An estimate: reports still to publish at their pace, then the last gathering window or webhook retry."""
    per_report = max(tempo.gap, 0.05)
    return history / rate + live * per_report + (GATHERING_SECONDS if settling is None else settling)


def until_due(last_due: datetime | None, now: datetime) -> float:
    """Seconds until the last known piece of work is tried; something that is under way takes a second."""
    return 1.0 if last_due is None else max(1.0, (last_due - now).total_seconds())
