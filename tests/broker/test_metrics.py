"""Figures over HTTP, from a real worker and courier: there from the start, counted, labelled from closed lists."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from notifiers.metrics import OF_PLANNING, OF_SENDING, Page, Returned, Whose
from notifiers.outcomes import Verdict
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, HoldReason, OutcomeReason
from schemas.languages import LANGUAGES
from schemas.plans import OPEN_STATES
from schemas.topics import DEAD_LETTERS
from schemas.vocabularies import RejectionReason
from storage.balance import RecordFate, Stage
from storage.conservation import EventFate
from storage.freshness import Heard
from storage.laboratories import LaboratoryState
from storage.positions import HoldCause
from storage.reconciling import Gap
from storage.unattended import Waits
from streams.metrics import Fated
from tests.broker.telling import Site as Telling
from tests.broker.telling import authority, comes, mail_to
from tests.broker.telling import site as telling_site
from tests.programs import Program, tocsin, until
from tests.receivers import Mailbox, mailbox
from tests.streaming.site import REAL, Site, report, site
from tests.telling import alert_event

LABELS: Final[dict[str, tuple[type[StrEnum], ...]]] = {
    "outcome": (Fated,),
    "reason": (RejectionReason, DeliveryReason, OutcomeReason, HoldReason),
    "state": (DeliveryState, LaboratoryState),
    "channel": (Channel,),
    "verdict": (Verdict,),
    "cause": (Page, HoldCause),
    "stage": (Stage,),
    "fate": (RecordFate, EventFate),
    "heard": (Heard,),
    "what": (Waits,),
    "gap": (Gap,),
    "said": (Returned,),
    "whose": (Whose,),
}
ENDINGS: Final = {"counter": ("_total",), "histogram": ("_seconds", "_bytes"), "gauge": ("",)}


class Scrape:
    """One look at the figures of a process."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The figure; a KeyError when the process does not show it."""
        return self.samples[(name, tuple(sorted(labels.items())))]


def scraped(said: str) -> Scrape:
    """The figures of a process that has said on which port they are."""
    port = re.findall(r"metrics .*port=(\d+)", said)[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return Scrape(answer.read().decode())


def closed_list(label: str) -> Collection[str]:
    """Every value that the label may have."""
    return LANGUAGES if label == "language" else {each.value for kind in LABELS[label] for each in kind}


def check_names_and_labels(scrape: Scrape) -> None:
    """Counters end in `_total`, histograms in their unit; every label value is of a closed list, so that no address,
    substance or id can be one. `_created` is the client library's own."""
    ours = [one for one in scrape.families if one.name.startswith("tocsin_") and not one.name.endswith("_created")]
    assert ours
    for family in ours:
        shown = f"{family.name}_total" if family.type == "counter" else family.name
        assert shown.endswith(ENDINGS[family.type]), shown
        assert family.documentation, shown
        for sample in family.samples:
            for label, value in sample.labels.items():
                assert label == "le" or value in closed_list(label), sample


def waited(said: Callable[[], str], enough: Callable[[Scrape], bool]) -> Scrape:
    """The first look that is enough."""
    seen: list[Scrape] = []

    def looked() -> bool:
        seen.append(scraped(said()))
        return enough(seen[-1])

    until(looked, within=30)
    return seen[-1]


@pytest.fixture
def worker(kafka: str, database: str, tmp_path: Path) -> Iterator[Site]:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        made.start()
        until(lambda: " metrics " in made.log(), within=30)
        yield made


def test_a_worker_shows_every_outcome_and_reason_from_the_start(worker: Site) -> None:
    before = scraped(worker.log())
    check_names_and_labels(before)
    for outcome in Fated:
        assert before.value("tocsin_records_total", outcome=outcome) == 0
    for reason in RejectionReason:
        assert before.value("tocsin_dead_letters_total", reason=reason) == 0
    for name in ("tocsin_batch_seconds_count", "tocsin_position_lag_records", "tocsin_outbox_age_seconds"):
        assert before.value(name) == 0


def test_a_worker_counts_what_became_of_its_records(worker: Site) -> None:
    laboratory = worker.laboratories[0]
    good, other = report(laboratory, 1), report(laboratory, 2)
    asyncio.run(worker.send({worker.topics[0]: [good, other, good, b"not JSON"]}))
    worker.wait_for(4)
    counted = waited(worker.log, lambda now: now.value("tocsin_records_total", outcome=Fated.DEAD) == 1)
    assert counted.value("tocsin_records_total", outcome=Fated.APPLIED) == 2
    assert counted.value("tocsin_records_total", outcome=Fated.DUPLICATE) == 1
    assert counted.value("tocsin_dead_letters_total", reason=RejectionReason.UNDECODABLE) == 1
    assert counted.value("tocsin_batch_seconds_count") >= 1
    assert counted.value("tocsin_batch_seconds_sum") > 0
    check_names_and_labels(counted)
    published = worker.query(f"SELECT count(*) FROM outbox WHERE topic = '{DEAD_LETTERS}'")
    assert published == [(1,)]


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(kafka: str, database: str, box: Mailbox) -> Iterator[Telling]:
    found = telling_site(database, box, kafka)
    yield found
    found.engine.dispose()


@pytest.fixture
def courier(here: Telling, tmp_path: Path) -> Iterator[Program]:
    environment = {
        "TOCSIN_DATABASE__URL": here.url,
        "TOCSIN_KAFKA__BOOTSTRAP": here.kafka,
        "TOCSIN_SITE": here.name,
        "TOCSIN_SMTP__HOST": "127.0.0.1",
        "TOCSIN_SMTP__PORT": str(here.mailbox.port),
        "TOCSIN_SMTP__TLS": "none",
        "TOCSIN_DATA_DIR": str(tmp_path / "var"),
    }
    with Program(tocsin("courier"), log=tmp_path / "courier.log", environment=environment) as program:
        program.wait_for(" metrics ")
        yield program


async def test_a_courier_shows_every_state_with_every_reason_from_the_start(courier: Program) -> None:
    shown = await asyncio.to_thread(scraped, courier.said())
    check_names_and_labels(shown)
    for states, reasons in ((OF_PLANNING, DeliveryReason), (OF_SENDING, OutcomeReason)):
        for state in states:
            for reason in reasons:
                assert shown.value("tocsin_deliveries_total", state=state, reason=reason) == 0
    for channel in Channel:
        for state in OPEN_STATES:
            assert shown.value("tocsin_deliveries_open", state=state, channel=channel) == 0
    for name in ("tocsin_delivery_oldest_pending_seconds", "tocsin_outbox_unplanned_age_seconds"):
        assert shown.value(name) == 0


async def test_a_courier_counts_what_it_planned_and_sent_and_how_long_the_oldest_waits(
    courier: Program, here: Telling, box: Mailbox
) -> None:
    """The second alert's mail hangs at the relay: it is the one that waits."""
    here.import_(authority("si", mail_to("si")))
    here.told(alert_event())
    await comes(lambda: len(box.received) == 1)
    box.gate.clear()
    here.told(alert_event(thread="two"))
    await comes(lambda: len(box.received) == 2)
    shown = await asyncio.to_thread(
        waited, courier.said, lambda now: now.value("tocsin_deliveries_open", state="sending", channel="email") == 1
    )
    check_names_and_labels(shown)
    planned = sum(
        shown.value("tocsin_deliveries_total", state=DeliveryState.PLANNED, reason=reason) for reason in DeliveryReason
    )
    accepted = {"state": DeliveryState.ACCEPTED, "reason": OutcomeReason.ACCEPTED}
    assert planned == 2
    assert shown.value("tocsin_deliveries_total", **accepted) == 1
    assert shown.value("tocsin_delivery_attempts_total", channel=Channel.EMAIL, verdict=Verdict.ACCEPTED) == 1
    assert shown.value("tocsin_send_seconds_count", channel=Channel.EMAIL) == 1
    assert shown.value("tocsin_delivery_oldest_pending_seconds") > 0
    box.gate.set()
    await comes(lambda: here.open_count() == 0)
