"""Live and backfill read one laboratory side by side: apart in topic, position and batch, together in what is known."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from alerts.catalogue import load
from alerts.grading import european_grading
from alerts.pipeline import Setting
from schemas.records import Record
from schemas.topics import backfill_topic, detections_topic
from streams.assess import Assess
from streams.config import Flow
from streams.pacing import FEWEST
from streams.stage import Applied, Duplicate, Fate
from tests.programs import until
from tests.streaming.site import REAL, ROOT, Site, laboratory, report, site

REPORTS = 400
PART = 40
EVERY = 5
"""One event in so many is amended."""

LABORATORY = "test-flows"
SETTING = Setting(catalogue=load(), grading=european_grading())


def test_the_same_reports_by_both_flows_at_once_are_applied_once_and_none_fails(
    kafka: str, database: str, tmp_path: Path
) -> None:
    """Part by part both topics get the same, by turns the one first: each flow is first with some events."""
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        name = made.laboratories[0]
        values = [message for number in range(REPORTS) for message in _said(name, number)]
        made.start(0)
        made.start(1, "--flow", "backfill")
        asyncio.run(_sent_by_both(made, values[:1]))
        made.wait_for(2)
        asyncio.run(_sent_by_both(made, values[1:-2]))
        made.wait_for(2 * len(values) - 4, within=120)
        for place, value in enumerate(values[-2:]):  # whichever flow is quicker: each is first with one of these
            _sent_by_one_then_the_other(made, value, backfill_first=bool(place))

        assert made.query("SELECT reason, problems FROM dead_letters") == []
        assert made.query("SELECT count(*) FROM detections") == [(len(values),)]
        found = {position.partition.flow: position.counters for position in made.positions().values()}
        assert sum(each.applied for each in found.values()) == len(values)
        assert sum(each.duplicates for each in found.values()) == len(values)
        assert all(each.applied for each in found.values()), "one flow was never first: this run proved nothing"
        groups = made.query("SELECT DISTINCT flow, topic FROM stream_positions ORDER BY flow")
        assert groups == [(Flow.BACKFILL, backfill_topic(name)), (Flow.LIVE, detections_topic(name))]
        books = _command(made, "audit", "--json")
        assert books.returncode == 0, books.stdout


def test_a_report_that_comes_by_both_flows_waits_for_the_other_and_is_a_duplicate(engine: Engine) -> None:
    first, second = _record(Flow.LIVE, _revision(1)), _record(Flow.BACKFILL, _revision(1))
    with _begun(engine, first) as (fates, follow):
        later = follow(second)
    assert fates == [Applied()]
    assert later.result(20) == [Duplicate()]


def test_a_late_revision_by_the_backfill_does_not_replace_the_newer_one_that_was_being_applied(engine: Engine) -> None:
    """What is known of an event is read before its cases are locked: only the lock of the event keeps that true."""
    with _begun(engine, _record(Flow.LIVE, _revision(1, found="unknown powder"))):
        pass
    with _begun(engine, _record(Flow.LIVE, _revision(3, found="brorphine"))) as (_, follow):
        later = follow(_record(Flow.BACKFILL, _revision(2, found="etizolam")))
    assert later.result(20) == [Applied()]
    with engine.begin() as connection:
        filed = connection.execute(text("SELECT case_key FROM case_reports")).scalars().all()
        standing = connection.execute(text("SELECT revision, standing FROM detections ORDER BY revision")).all()
        brorphine = connection.execute(text("SELECT case_key FROM findings WHERE revision = 3")).scalar_one()
    assert [tuple(row) for row in standing] == [(1, "first"), (2, "late"), (3, "replaces")]
    assert filed == [brorphine]


def test_history_goes_to_its_own_topic_and_is_read_by_its_own_worker_in_short_parts(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        name, file = made.laboratories[0], tmp_path / "history.jsonl"
        file.write_bytes(b"\n".join(report(name, number) for number in range(200)))
        assert _published(made, file, "--flow", "backfill") == {"topic": backfill_topic(name), "sent": 200}
        assert _published(made, file) == {"topic": detections_topic(name), "sent": 200}
        made.start(0, "--flow", "backfill")
        made.wait_for(200)

        assert [one.partition.flow for one in made.positions().values()] == [Flow.BACKFILL]
        parts = [int(found) for found in re.findall(r"batch .*?applied=(\d+)", made.log())]
        assert sum(parts) == 200
        assert parts[0] <= FEWEST and max(parts) <= 100


def _published(made: Site, file: Path, *words: str) -> object:
    """What `tocsin publish --json` printed."""
    done = _command(made, "publish", "--lab", made.laboratories[0], str(file), "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _command(made: Site, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words],
        cwd=ROOT,
        env={**os.environ, **made.environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


def _sent_by_one_then_the_other(made: Site, value: bytes, *, backfill_first: bool) -> None:
    topics = [detections_topic(made.laboratories[0]), backfill_topic(made.laboratories[0])]
    seen = sum(each.counters.applied + each.counters.duplicates for each in made.positions().values())
    for topic in reversed(topics) if backfill_first else topics:
        asyncio.run(made.send({topic: [value]}))
        seen += 1
        made.wait_for(seen)


async def _sent_by_both(made: Site, values: Sequence[bytes]) -> None:
    """Each part goes to both topics at once."""
    topics = [detections_topic(made.laboratories[0]), backfill_topic(made.laboratories[0])]
    for start in range(0, len(values), PART):
        topics.reverse()
        part = values[start : start + PART]
        await asyncio.gather(*(made.send({topic: part}) for topic in topics))


Follow = Callable[[Record], "Future[Sequence[Fate]]"]


@contextmanager
def _begun(engine: Engine, record: Record) -> Iterator[tuple[Sequence[Fate], Follow]]:
    """One process has decided about a record and commits when the block ends; `follow` sets another on its heels."""
    with ThreadPoolExecutor(1) as thread, engine.begin() as connection:
        stage = _process()
        fates = stage.apply(connection, stage.prepare([record]))

        def follow(after: Record) -> "Future[Sequence[Fate]]":
            future = thread.submit(_apply, engine, after)
            until(lambda: _waits(engine), within=20)
            return future

        yield fates, follow


def _waits(engine: Engine) -> bool:
    """Whether a connection of this database waits for another one's lock."""
    with engine.connect() as connection:
        return bool(
            connection.execute(
                text("""
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'
                """)
            ).scalar_one()
        )


def _apply(engine: Engine, record: Record) -> Sequence[Fate]:
    stage = _process()
    with engine.begin() as connection:
        return stage.apply(connection, stage.prepare([record]))


def _process() -> Assess:
    return Assess(SETTING, {LABORATORY: laboratory(LABORATORY)})


def _record(flow: Flow, value: bytes) -> Record:
    topic = detections_topic(LABORATORY) if flow is Flow.LIVE else backfill_topic(LABORATORY)
    return Record(topic=topic, partition=0, offset=0, timestamp=datetime(2021, 2, 1, tzinfo=UTC), value=value)


def _revision(number: int, *, found: str = "brorphine", event: int = 1, lab: str = LABORATORY) -> bytes:
    document = json.loads(report(lab, event))
    document["components"][0]["name_reported"] = found
    document |= {"revision": number, "action": "new" if number == 1 else "amend"}
    return json.dumps(document).encode()


def _said(name: str, number: int) -> list[bytes]:
    """What a laboratory says of one event: some are amended at once, to another substance."""
    if number % EVERY:
        return [report(name, number)]
    return [report(name, number), _revision(2, found="xylazine", event=number, lab=name)]
