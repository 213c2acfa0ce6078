"""A burst of structures never seen before: chemistry in the stage's thread leaves the loop its heartbeats."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from alerts.catalogue import load
from alerts.grading import european_grading
from alerts.pipeline import Setting
from schemas.records import Record
from streams.assess import Assess
from tests.bench.structures import cold_structures
from tests.streaming.site import REAL, laboratory, report, site

BURST = 5_000
LABORATORY = "test-burst"


def drawn(name: str, number: int, smiles: str) -> bytes:
    """A report of one structure, under a name that says nothing."""
    message = json.loads(report(name, number))
    message["components"][0] |= {"name_reported": f"sample {number}", "smiles": smiles}
    return json.dumps(message).encode()


def test_the_loop_turns_while_the_thread_reads_structures() -> None:
    """The library holds the interpreter for one call, never for a batch: the loop misses little of the work."""
    messages = [drawn(LABORATORY, number, smiles) for number, smiles in enumerate(cold_structures(400))]
    assess = Assess(Setting(catalogue=load(), grading=european_grading()), {LABORATORY: laboratory(LABORATORY)})
    now = datetime(2026, 11, 1, tzinfo=UTC)
    topic = laboratory(LABORATORY).topic
    records = [
        Record(topic=topic, partition=0, offset=offset, timestamp=now, value=value)
        for offset, value in enumerate(messages)
    ]

    async def ticked() -> list[float]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:
            reading = loop.run_in_executor(thread, assess.prepare, records)
            ticks = [loop.time()]
            while not reading.done():
                await asyncio.wait({reading}, timeout=0.001)
                ticks.append(loop.time())
            assert len(await reading) == len(records)
        return ticks

    ticks = asyncio.run(ticked())
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    assert len(ticks) > 20 and longest < (ticks[-1] - ticks[0]) / 3


@pytest.mark.long
def test_five_thousand_structures_at_once_leave_the_worker_in_its_group(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        name, topic = made.laboratories[0], made.topics[0]
        asyncio.run(made.send({topic: [report(name, BURST)]}))
        made.start()
        made.wait_for(1)
        before = asyncio.run(members(kafka, made.group))
        burst = [drawn(name, number, smiles) for number, smiles in enumerate(cold_structures(BURST))]
        asyncio.run(made.send({topic: burst}))
        made.wait_for(BURST + 1, within=300)

        assert before == asyncio.run(members(kafka, made.group)) and len(before) == 1
        assert made.query("SELECT reason FROM dead_letters") == []
        assert made.query("SELECT count(*) FROM findings WHERE rung LIKE 'R3%'") == [(BURST,)]
        (unlisted,) = made.query("SELECT count(*) FROM findings WHERE class_rules <> '' AND likeness >= 0.4")
        assert isinstance(unlisted[0], int) and unlisted[0] > 0.7 * BURST


async def members(kafka: str, group: str) -> set[str]:
    """Who is in a consumer group; one that lost its session comes back under another id."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        return {member[0] for described in answer.groups for member in described[5]}
    finally:
        await admin.close()
