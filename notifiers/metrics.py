"""Figures of a courier, for Prometheus: all labels come from closed lists and exist from the start."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from notifiers.outcomes import Verdict
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, HoldReason, OutcomeReason
from schemas.languages import ENGLISH, LANGUAGES
from schemas.plans import OPEN_STATES
from storage.reconciling import Gap

SECONDS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 45)
REPORT_SECONDS: Final = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 60, 300, 900, 3600)


class Page(StrEnum):
    """What a person must look at now."""

    UNKNOWN_TWICE = "unknown_twice"
    FAILED = "failed"
    RELAY_TROUBLE = "relay_trouble"
    ADDRESS_LOST = "address_lost"
    EVENT_HELD = "event_held"
    BOUNCED = "bounced"
    NOBODY_LEFT = "nobody_left"
    NOT_RECONCILED = "not_reconciled"


class Whose(StrEnum):
    """Whose certificate it is: the one that the site signs with, or one that mails are encrypted for."""

    SITE = "site"
    READER = "reader"


class Returned(StrEnum):
    """What a mail that came back was: about a delivery of ours, or not counted, and why."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    NOTHING = "nothing"
    REPEATED = "repeated"
    FORGED = "forged"
    UNKNOWN = "unknown"


OF_PLANNING: Final = (DeliveryState.PLANNED, DeliveryState.SUPPRESSED, DeliveryState.SUPERSEDED, DeliveryState.EXPIRED)
OF_SENDING: Final = (DeliveryState.ACCEPTED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN, DeliveryState.FAILED)

deliveries: Final = Counter(
    "tocsin_deliveries_total", "Deliveries by the state they came into, and why.", ["state", "reason"]
)
open_deliveries: Final = Gauge("tocsin_deliveries_open", "Deliveries that may still move.", ["state", "channel"])
oldest_pending: Final = Gauge("tocsin_delivery_oldest_pending_seconds", "How long the oldest due delivery waits.")
outbox_age: Final = Gauge("tocsin_outbox_unplanned_age_seconds", "Age of the oldest alert event not yet planned.")
held_events: Final = Counter("tocsin_events_held_total", "Alert events that told nobody until released.", ["reason"])
attempts: Final = Counter("tocsin_delivery_attempts_total", "Attempts by channel and verdict.", ["channel", "verdict"])
send_seconds: Final = Histogram(
    "tocsin_send_seconds", "One attempt, claim and answer included.", ["channel"], buckets=SECONDS
)
report_seconds: Final = Histogram(
    "tocsin_report_to_accepted_seconds",
    "From the decision time of the report to the channel's word that it has the message.",
    ["channel"],
    buckets=REPORT_SECONDS,
)
unreconciled: Final = Gauge(
    "tocsin_deliveries_unreconciled",
    "L3 and L4 that a statutory destination neither has nor will get by itself.",
    ["gap"],
)
pages: Final = Counter("tocsin_delivery_pages_total", "Times a person must look at deliveries.", ["cause"])
countries_unreached: Final = Gauge(
    "tocsin_countries_unreached", "Reporting countries without a statutory contact that could be told of anything."
)
missing_sentences: Final = Counter(
    "tocsin_sentences_missing_total", "Sentences said in English because a catalogue lacks them.", ["language"]
)

bounces: Final = Counter("tocsin_bounces_total", "Mails that came back, by what they said.", ["said"])
certificate_expiry: Final = Gauge(
    "tocsin_certificate_expiry_timestamp_seconds",
    "When the first certificate for mail ends, as seconds of the epoch; 0 where there is none.",
    ["whose"],
)

for _state in OF_PLANNING:
    for _planned_why in DeliveryReason:
        deliveries.labels(_state.value, _planned_why.value)
for _state in OF_SENDING:
    for _sent_why in OutcomeReason:
        deliveries.labels(_state.value, _sent_why.value)
for _channel in Channel:
    send_seconds.labels(_channel.value)
    report_seconds.labels(_channel.value)
    for _open in OPEN_STATES:
        open_deliveries.labels(_open.value, _channel.value)
    for _verdict in Verdict:
        attempts.labels(_channel.value, _verdict.value)
for _hold in HoldReason:
    held_events.labels(_hold.value)
for _returned in Returned:
    bounces.labels(_returned.value)
for _whose in Whose:
    certificate_expiry.labels(_whose.value)
for _gap in Gap:
    unreconciled.labels(_gap.value)
for _page in Page:
    pages.labels(_page.value)
for _language in LANGUAGES:
    if _language != ENGLISH:
        missing_sentences.labels(_language)


def came_into(state: DeliveryState, reason: DeliveryReason | OutcomeReason, count: int = 1) -> None:
    """Count deliveries that came into a state."""
    deliveries.labels(state.value, reason.value).inc(count)


def show_open(counts: Mapping[tuple[DeliveryState, Channel], int]) -> None:
    """Set the gauges of what may still move; what is missing is zero."""
    for state in OPEN_STATES:
        for channel in Channel:
            open_deliveries.labels(state.value, channel.value).set(counts.get((state, channel), 0))
