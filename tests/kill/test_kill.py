"""Workers are killed and their committed offsets pushed while reports come: every one is applied exactly once (P1)."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.streaming.site import BELIEVING, REAL, ROOT, Site, report, site

REPORTS = 3_000
HURTS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)
PUSHED = 60
LABORATORIES = 4


def test_every_report_is_applied_once_through_kills_and_skipped_offsets(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=LABORATORIES, worker=REAL) as made:
        asyncio.run(_hurt(made, HURTS, reports=REPORTS))
        made.wait_for(REPORTS)

        code, books = _audit(made)
        assert code == 0, books
        assert _applied(made) == {UUID(int=number, version=4) for number in range(REPORTS)}
        for position in made.positions().values():
            assert position.counters.applied == position.next_offset - position.first_offset, position
        assert " gap " in made.log(), "the push skipped nothing: this run proved nothing"


@pytest.mark.long
def test_control_without_positions_reports_are_missing_and_the_audit_says_so(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=LABORATORIES, worker=BELIEVING) as made:
        asyncio.run(_hurt(made, (), reports=1_600))
        made.wait_for(1_600)

        code, books = _audit(made)
        assert len(_applied(made)) < 1_600
        assert code == 1
        assert '"counters"' in books


async def _hurt(made: Site, hurts: tuple[signal.Signals, ...], *, reports: int) -> None:
    """Reports come in as many parts as there are hurts, one of them a push; each falls into the middle of its part."""
    part = reports // (len(hurts) + 2)
    sent = 0
    for number in (0, 1):
        made.start(number)
    for place, hurt in enumerate(_faults(hurts)):
        feeding = asyncio.create_task(_feed(made, range(sent, sent + part // 2)))
        await asyncio.to_thread(made.wait_for, sent + part // 4)
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
    for number in list(made.running):
        made.end(number, signal.SIGTERM)
    await _feed(made, numbers)
    await made.push_committed_offsets(PUSHED)
    for number in (0, 1):
        made.start(number)


async def _feed(made: Site, numbers: range) -> None:
    """In turn over the laboratories; paced, so that the hurts fall between reports that come."""
    for start in range(numbers.start, numbers.stop, 50):
        few = range(start, min(start + 50, numbers.stop))
        await made.send(
            {
                topic: [report(made.laboratories[place], number) for number in few if number % LABORATORIES == place]
                for place, topic in enumerate(made.topics)
            }
        )
        await asyncio.sleep(0.1)


def _applied(made: Site) -> set[object]:
    """The event ids of all reports that were applied; the table's key refuses one applied twice."""
    return {row[0] for row in made.query("SELECT event_id FROM detections")}


def _audit(made: Site) -> tuple[int, str]:
    """`tocsin audit --json`: its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "audit", "--json"],
        cwd=ROOT,
        env={**os.environ, **made.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 1) and isinstance(json.loads(done.stdout), dict), done.stderr
    return done.returncode, done.stdout
