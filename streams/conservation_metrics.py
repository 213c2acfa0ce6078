"""Figures of conservation and freshness, for Prometheus; zeros but in the process that looks after them."""

from collections import Counter
from typing import Final

from prometheus_client import Gauge

from schemas.deliveries import DeliveryState
from storage.balance import Balance, RecordFate, Stage
from storage.conservation import EventFate
from storage.freshness import Heard
from storage.laboratories import LaboratoryState

gap: Final = Gauge("tocsin_conservation_gap", "What a stage took in and has neither passed on nor kept.", ["stage"])
records_in: Final = Gauge("tocsin_conservation_records_in", "Offsets that were read.")
records: Final = Gauge("tocsin_conservation_records", "What became of the offsets that were read.", ["fate"])
events: Final = Gauge("tocsin_conservation_events", "What became of the alert events in the outbox.", ["fate"])
deliveries: Final = Gauge("tocsin_conservation_deliveries", "Where the deliveries of all time stand.", ["state"])
laboratories: Final = Gauge(
    "tocsin_laboratories", "Laboratories by state and by when they were last heard.", ["state", "heard"]
)
stalest: Final = Gauge(
    "tocsin_laboratory_stalest_report_seconds", "How long the most silent laboratory of a state has been so.", ["state"]
)


def show(found: Balance) -> None:
    """Set every gauge; what is missing is zero."""
    for stage in Stage:
        gap.labels(stage.value).set(found.gaps.get(stage, 0))
    records_in.set(found.records_in)
    for record in RecordFate:
        records.labels(record.value).set(found.records.get(record, 0))
    for event in EventFate:
        events.labels(event.value).set(found.events.get(event, 0))
    for delivery in DeliveryState:
        deliveries.labels(delivery.value).set(found.deliveries.get(delivery, 0))
    heard = Counter((one.state, one.heard) for one in found.freshness)
    for state in LaboratoryState:
        silent = [one.silent.total_seconds() for one in found.freshness if one.state is state]
        stalest.labels(state.value).set(max(silent, default=0.0))
        for span in Heard:
            laboratories.labels(state.value, span.value).set(heard[(state, span)])


def clear() -> None:
    """Zeros everywhere."""
    show(Balance(records_in=0, records={}, events={}, deliveries={}, gaps={}, freshness=()))


clear()
