"""From a report on Kafka to its committed row and to the relay's word that it has the mail: a quiet system, one alert
for each report, one recipient each, at a steady pace. Times begin with the broker's timestamp of the report.

The commit is taken from the worker's log line of the batch, the relay's word from the ledger (`accepted_at`). The bare
loop does the same with one row and one fixed mail.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from alerts.catalogue import load
from schemas.deliveries import Channel, Ground, SubscriberKind
from schemas.subscribers import DestinationEntry, SubscriberEntry, SubscriptionEntry
from schemas.topics import detections_topic
from schemas.vocabularies import Handling, SubstanceKind
from storage import subscribers
from streams.publishing import publisher
from tests.bench.figures import Figure, quantile
from tests.bench.reports import Report, laboratories, product
from tests.bench.site import Run, Site, wait
from tests.programs import Program

ALERTS: Final = 300
PER_SECOND: Final = 20
WARMING: Final = 40
_BATCH: Final = re.compile(r"^(\S+) \[info +\] batch +applied=(\d+)", re.MULTILINE)
_DECIDED: Final = 'SELECT extract(epoch FROM decided_at) FROM detections ORDER BY decided_at, topic, "offset"'
_ACCEPTED: Final = "SELECT count(*) FROM deliveries WHERE state = 'accepted'"
_TOOK: Final = """
    SELECT extract(epoch FROM accepted_at - decided_at) * 1000 FROM deliveries WHERE state = 'accepted'
    ORDER BY decided_at
"""

Say = Callable[[str], None]
_Runs = list[list[float]]


def telling(site: Site, *, runs: int, say: Say) -> list[Figure]:
    """Milliseconds to the row and to the mail, p50 and p99 of each run."""
    rows, mails, bare_rows, bare_mails = _Runs(), _Runs(), _Runs(), _Runs()
    for number in range(runs):
        measured = (*_bare(site, laboratories(f"bare-{number}")), *_told(site, laboratories(f"told-{number}")))
        for found, into in zip(measured, (bare_rows, bare_mails, rows, mails), strict=True):
            into.append(found)
        p50, p99 = quantile(mails[-1], 0.5), quantile(mails[-1], 0.99)
        say(f"report → mail at {PER_SECOND} alerts/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return [
        _figure("report → committed row", rows, bare_rows, 0.5, "7 ms"),
        _figure("report → committed row", rows, bare_rows, 0.99, "12 ms"),
        _figure("report → mail accepted", mails, bare_mails, 0.5, "≤ 30 ms"),
        _figure("report → mail accepted", mails, bare_mails, 0.99, "≤ 100 ms"),
    ]


def _figure(name: str, took: Sequence[list[float]], bare: Sequence[list[float]], share: float, target: str) -> Figure:
    return Figure(
        name=f"{name}, {PER_SECOND} alerts/s, p{share * 100:.0f}",
        unit="ms",
        runs=tuple(quantile(run, share) for run in took),
        baseline_name="bare loop",
        baseline=tuple(quantile(run, share) for run in bare),
        target=target,
    )


def _told(site: Site, names: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds to the row and to the mail of each alert after the first ones."""
    messages = _alerts(names)
    site.open_topics(names)
    with site.run("telling", names) as run, run.mailbox() as port:
        with run.engine.begin() as connection:
            subscribers.bring_in(connection, [_reader()])
        with run.worker() as worker, run.courier(port) as courier:
            worker.wait_for("relay_leads")
            asyncio.run(_paced(site, messages[:WARMING]))
            wait(courier, lambda: run.number(_ACCEPTED) == WARMING)
            asyncio.run(_paced(site, messages[WARMING:]))
            wait(courier, lambda: run.number(_ACCEPTED) == len(messages))
            return _committed(run, worker)[WARMING:], run.numbers(_TOOK)[WARMING:]


def _committed(run: Run, worker: Program) -> list[float]:
    """The reports in the order of the broker's times, the commits in the order of the log: the n-th is the n-th."""
    commits = [
        datetime.fromisoformat(at).timestamp()
        for at, applied in _BATCH.findall(worker.said())
        for _ in range(int(applied))
    ]
    return [(commit - decided) * 1000 for commit, decided in zip(commits, run.numbers(_DECIDED), strict=True)]


def _bare(site: Site, names: Sequence[str]) -> tuple[list[float], list[float]]:
    messages = _alerts(names)
    site.open_topics(names)
    with site.run("bare", ()) as run, run.mailbox() as port:
        arguments = (
            "mail",
            site.kafka.bootstrap,
            run.url,
            str(len(messages)),
            str(port),
            *map(detections_topic, names),
        )
        with run.module("tests.bench.bare", *arguments) as loop:
            loop.wait_for("ready")
            asyncio.run(_paced(site, messages))
            if loop.process.wait(60) != 0:
                raise AssertionError(loop.said())
        lines = [line.split() for line in loop.said().splitlines() if line != "ready"][WARMING:]
    return [float(row) for row, _ in lines], [float(mail) for _, mail in lines]


async def _paced(site: Site, messages: Sequence[Report]) -> None:
    """One message after the other, at the pace."""
    loop = asyncio.get_running_loop()
    async with publisher(site.kafka) as out:
        begin = loop.time()
        for number, message in enumerate(messages):
            await asyncio.sleep(begin + number / PER_SECOND - loop.time())
            async for _ in out.publish(detections_topic(message.laboratory), [message.value]):
                pass


def _alerts(names: Sequence[str]) -> list[Report]:
    """One report for each new psychoactive substance of the catalogue, sold as a medicine on the internet."""
    entries = (
        entry for entry in load().entries.values() if entry.kind is SubstanceKind.NPS and entry.key.startswith("S:")
    )
    now = datetime.now(UTC)
    return [
        product(names[number % len(names)], entry.name, entry.inchikey, at=now, number=number)
        for number, entry in zip(range(ALERTS + WARMING), entries, strict=False)
    ]


def _reader() -> SubscriberEntry:
    """One recipient of everything that is an alert."""
    return SubscriberEntry(
        id="bench",
        name="Example reader",
        kind=SubscriberKind.VOLUNTARY,
        example=True,
        destinations=(
            DestinationEntry(
                name="mail", channel=Channel.EMAIL, address="one@example.org", clearance=Handling.AMBER_STRICT
            ),
        ),
        subscriptions=(SubscriptionEntry(name="all", ground=Ground.VOLUNTARY),),
    )
