"""How each stage conserves what it took in, for gauges: what came, what became of it, what is missing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, text

from schemas.deliveries import DeliveryState
from storage import audit, conservation
from storage.audit import Snapshot
from storage.conservation import PASSED_ON, EventFate, Imbalance
from storage.engine import looking
from storage.freshness import Freshness, freshness


class Stage(StrEnum):
    """Where something can get lost: offsets read, rows of applied reports, of refused ones, alerts, events, cases."""

    RECORDS = "records"
    REPORTS = "reports"
    DEAD_LETTERS = "dead_letters"
    ALERTS = "alerts"
    EVENTS = "events"
    DELIVERIES = "deliveries"
    CASES = "cases"


class RecordFate(StrEnum):
    """What became of an offset. What waits is no longer counted as applied here."""

    APPLIED = "applied"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    DEAD = "dead"
    HOLE = "hole"


STAGE_OF: Final[Mapping[Imbalance, Stage]] = {
    Imbalance.ALERT_WITHOUT_EVENT: Stage.ALERTS,
    Imbalance.EVENT_WITHOUT_ALERT: Stage.ALERTS,
    Imbalance.ALERT_SAID_TWICE: Stage.ALERTS,
    Imbalance.DELIVERY_WITHOUT_EVENT: Stage.DELIVERIES,
    Imbalance.CASE_LEVEL: Stage.CASES,
}

_WAITING: Final = text("SELECT count(*) FROM waiting_revisions")


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """In = out + waiting + dead, by stage; `gaps` says by how much it is not, all stages named."""

    records_in: int
    records: Mapping[RecordFate, int]
    events: Mapping[EventFate, int]
    deliveries: Mapping[DeliveryState, int]
    gaps: Mapping[Stage, int]
    freshness: tuple[Freshness, ...]


def balance(engine: Engine) -> Balance:
    """As it is at one moment."""
    books = audit.read(engine)
    with looking(engine) as connection:
        waiting = int(connection.execute(_WAITING).scalar_one())
        found = conservation.stages(connection)
        events, deliveries = Counter[EventFate](), Counter[DeliveryState]()
        for (_, fate), count in found.events.items():
            events[fate] += count
        for (_, state), count in found.deliveries.items():
            deliveries[DeliveryState(state)] += count
        gaps = _gaps(connection, books)
        gaps[Stage.EVENTS] += events[EventFate.UNEXPLAINED]
        return Balance(
            records_in=sum(one.next_offset - one.first_offset for one in books.positions),
            records=_records(books, waiting),
            events=events,
            deliveries=deliveries,
            gaps={stage: gaps[stage] for stage in Stage},
            freshness=freshness(connection),
        )


def _records(books: Snapshot, waiting: int) -> dict[RecordFate, int]:
    counted = [one.counters for one in books.positions]
    return {
        RecordFate.APPLIED: sum(one.applied for one in counted) - waiting,
        RecordFate.WAITING: waiting,
        RecordFate.DUPLICATE: sum(one.duplicates for one in counted),
        RecordFate.DEAD: sum(one.dead for one in counted),
        RecordFate.HOLE: sum(one.holes for one in counted),
    }


def _gaps(connection: Connection, books: Snapshot) -> Counter[Stage]:
    gaps = Counter[Stage]()
    for one in books.positions:
        counters = one.counters
        gaps[Stage.RECORDS] += abs(one.next_offset - one.first_offset - counters.accounted)
        gaps[Stage.REPORTS] += abs(counters.applied - books.applied.get(one.partition, 0))
        gaps[Stage.DEAD_LETTERS] += abs(counters.dead - books.dead.get(one.partition, 0))
    for found in conservation.imbalances(connection, PASSED_ON):
        gaps[STAGE_OF[found.imbalance]] += found.count
    return gaps
