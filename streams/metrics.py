"""Figures of a worker, for Prometheus: all labels come from closed lists and exist from the start."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from schemas.vocabularies import RejectionReason
from storage.positions import HoldCause, Partition, Position
from streams.transaction import BatchResult


class Fated(StrEnum):
    """What can become of an offset; `replayed` ones were counted before."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    DEAD = "dead"
    HOLE = "hole"
    REPLAYED = "replayed"


records: Final = Counter("tocsin_records_total", "Offsets of detections topics by what became of them.", ["outcome"])
dead: Final = Counter("tocsin_dead_letters_total", "Records refused, by reason.", ["reason"])
batch_seconds: Final = Histogram(
    "tocsin_batch_seconds",
    "From a batch in hand to its commit.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30),
)
gaps: Final = Counter("tocsin_gaps_total", "Times that offsets were skipped and read again from the log.")
lag: Final = Gauge("tocsin_position_lag_records", "Unread offsets over all registered partitions.")
withheld: Final = Counter("tocsin_records_withheld_total", "Records that passed unapplied: their partition is held.")
held: Final = Gauge("tocsin_partitions_held", "Partitions that are held, by cause.", ["cause"])
held_lag: Final = Gauge("tocsin_held_lag_records", "Unread offsets over all partitions that are held.")
outbox_age: Final = Gauge("tocsin_outbox_age_seconds", "Age of the oldest event that waits for the relay.")
published: Final = Counter("tocsin_events_published_total", "Outbox events acknowledged by Kafka, repeats included.")
parked: Final = Gauge("tocsin_events_parked", "Outbox events that Kafka will not take, left out by the relay.")
timers: Final = Counter("tocsin_timers_total", "Timers run.")

for _outcome in Fated:
    records.labels(_outcome.value)
for _cause in HoldCause:
    held.labels(_cause.value)
for _reason in RejectionReason:
    dead.labels(_reason.value)


def observe(result: BatchResult, seconds: float) -> None:
    """Count a committed batch."""
    counters = result.counters
    batch_seconds.observe(seconds)
    counts: Mapping[Fated, int] = {
        Fated.APPLIED: counters.applied,
        Fated.DUPLICATE: counters.duplicates,
        Fated.DEAD: counters.dead,
        Fated.HOLE: counters.holes,
        Fated.REPLAYED: counters.replayed,
    }
    withheld.inc(result.withheld)
    for outcome, count in counts.items():
        records.labels(outcome.value).inc(count)
    for reason, count in result.dead.items():
        dead.labels(reason.value).inc(count)


def show_lag(behind: Mapping[Partition, int], known: Mapping[Partition, Position]) -> None:
    """Set lag and holds from one look at all partitions; what is held counts apart, for nobody reads it."""
    causes = {one: position.cause for one, position in known.items() if position.held is not None}
    lag.set(sum(count for one, count in behind.items() if one not in causes))
    held_lag.set(sum(count for one, count in behind.items() if one in causes))
    for cause in HoldCause:
        held.labels(cause.value).set(sum(1 for one in causes.values() if one is cause))
