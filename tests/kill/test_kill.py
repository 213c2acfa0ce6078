"""Workers are killed and their committed offsets pushed while reports come: every one is applied exactly once (P1)."""

import asyncio
import dataclasses
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from storage import audit
from storage.audit import Account, Finding
from streams.accounts import logs_of
from streams.publishing import publisher
from tests.kill.crew import Site, site, spread, wait_for

REPORTS = 5_000
HURTS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)
PUSHED = 60


def test_every_report_is_applied_once_through_kills_and_skipped_offsets(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, laboratories=4) as made:
        asyncio.run(_hurt(made, HURTS, reports=REPORTS))
        wait_for(made, REPORTS)

        rows = made.rows()
        assert len(rows) == len(set(rows)) == REPORTS, f"{REPORTS - len(set(rows))} missing"
        assert [one.findings for one in _audit(made)] == [()] * 4
        assert sum(one.position.counters.holes for one in _audit(made)) == 0
        assert '"gap"' in made.log() or " gap " in made.log(), "the push never made a gap: this run proved nothing"


def test_control_without_positions_reports_are_missing_and_the_audit_says_so(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, laboratories=4, believing=True) as made:
        asyncio.run(_hurt(made, (), reports=1_600))
        wait_for(made, 1_600)

        assert len(set(made.rows())) < 1_600
        assert any(Finding.COUNTERS in one.findings for one in _audit(made))


async def _hurt(made: Site, hurts: tuple[signal.Signals, ...], *, reports: int) -> None:
    """Reports come in as many parts as there are hurts, one of them a push; each falls into the middle of its part."""
    part = reports // (len(hurts) + 2)
    sent = 0
    for number in (0, 1):
        made.start(number)
    for place, hurt in enumerate(_faults(hurts)):
        feeding = asyncio.create_task(_feed(made, range(sent, sent + part // 2)))
        await asyncio.to_thread(wait_for, made, sent + part // 4)
        if hurt is None:
            await _push(made, range(sent + part // 2, sent + part))
        else:
            made.end(place % 2, hurt)
            made.start(place % 2)
            await _feed(made, range(sent + part // 2, sent + part))
        await feeding
        sent += part
    await _feed(made, range(sent, reports))


def _faults(hurts: tuple[signal.Signals, ...]) -> Iterator[signal.Signals | None]:
    """The push, None, comes third or last."""
    yield from hurts[:2]
    yield None
    yield from hurts[2:]


async def _push(made: Site, numbers: range) -> None:
    """Reports come while nobody reads; the group's committed offsets skip some of them; more come afterwards."""
    for number in list(made.workers):
        made.end(number, signal.SIGTERM)
    await _feed(made, numbers)
    await made.push_committed_offsets(PUSHED)
    for number in (0, 1):
        made.start(number)


async def _feed(made: Site, numbers: range) -> None:
    """Paced, so that the hurts fall between reports that come."""
    async with publisher(made.kafka) as out:
        for start in range(numbers.start, numbers.stop, 50):
            few = range(start, min(start + 50, numbers.stop))
            for topic, values in spread(made.topics, few).items():
                async for _ in out.publish(topic, values):
                    pass
            await asyncio.sleep(0.1)


def _audit(made: Site) -> tuple[Account, ...]:
    """The books of a small stage that keeps its rows in a table of its own."""
    snapshot = audit.read(made.engine)
    applied = Counter(topic for topic, _ in made.rows())
    cluster, logs = asyncio.run(logs_of(made.kafka, [one.partition for one in snapshot.positions]))
    own = dataclasses.replace(
        snapshot, applied={one.partition: applied[one.partition.topic] for one in snapshot.positions}
    )
    return audit.accounts(own, logs=logs, cluster_id=cluster)
