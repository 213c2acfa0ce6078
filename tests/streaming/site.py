"""A site of its own for one test: a database, some laboratories with topics, a consumer group, worker processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, text

from schemas.topics import SHARED_TOPICS, detections_topic, laboratory_topics
from schemas.vocabularies import ReporterRole
from storage import laboratories, positions
from storage.engine import connect
from storage.laboratories import Laboratory
from storage.positions import Position
from streams.config import Kafka
from streams.publishing import publisher
from streams.topics import apply
from tests.programs import until
from tests.streaming.launcher import CREATE

ROOT: Final = Path(__file__).parents[2]
WITHIN: Final = 60.0
REAL: Final = ("-m", "tocsin", "worker")
SMALL: Final = ("-m", "tests.streaming.launcher", "small")
TAIL: Final = ("-m", "tests.streaming.launcher", "tail")
MENDED: Final = ("-m", "tests.streaming.launcher", "mended")
WATCHFUL: Final = ("-m", "tests.streaming.launcher", "watchful")
HALTING: Final = ("-m", "tests.streaming.launcher", "halting")
UNCOMMITTED: Final = ("-m", "tests.streaming.launcher", "uncommitted")
BELIEVING: Final = ("-m", "tests.streaming.launcher", "believing")


@dataclass
class Site:
    """What a test needs to hurt workers and to look at what became of the reports."""

    kafka: Kafka
    engine: Engine
    laboratories: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    worker: Sequence[str]
    running: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """The laboratories' topics."""
        return tuple(detections_topic(name) for name in self.laboratories)

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return self.environment["TOCSIN_KAFKA__GROUP"] + "-live"

    def start(self, number: int = 0, *arguments: str) -> None:
        """Start a worker process, with these words added to its command."""
        with (self.directory / f"worker-{number}.log").open("ab") as log:
            self.running[number] = subprocess.Popen(
                [sys.executable, *self.worker, *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )

    def end(self, number: int = 0, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal a worker; its exit code."""
        worker = self.running[number]
        worker.send_signal(how)
        return worker.wait(40)

    def close(self) -> None:
        """End what still runs."""
        for worker in self.running.values():
            worker.kill()
            worker.wait()
        self.engine.dispose()

    def positions(self) -> dict[str, Position]:
        """Where each topic stands."""
        with self.engine.begin() as connection:
            return {one.partition.topic: one for one in positions.all_positions(connection)}

    def read_to(self) -> int:
        """How many offsets lie below the positions, over all topics."""
        return sum(one.next_offset for one in self.positions().values())

    def wait_for(self, count: int, *, within: float = WITHIN) -> None:
        """Until that many offsets have been read; on failure the workers' logs speak."""
        try:
            until(lambda: self.read_to() >= count, within=within)
        except AssertionError as error:
            raise AssertionError(f"{self.read_to()} of {count} read\n{self.log()[-8000:]}") from error

    def wait_for_topic(self, topic: str, next_offset: int) -> None:
        """Until one topic has been read so far."""
        until(lambda: self.positions()[topic].next_offset >= next_offset, within=WITHIN)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Rows of this site's database."""
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def log(self) -> str:
        """What the workers wrote."""
        return "\n".join(file.read_text() for file in sorted(self.directory.glob("worker-*.log")))

    async def send(self, values: Mapping[str, Iterable[bytes]]) -> None:
        """Put messages on topics, acknowledged."""
        async with publisher(self.kafka) as out:
            for topic, messages in values.items():
                async for _ in out.publish(topic, messages):
                    pass

    async def push_committed_offsets(self, by: int) -> None:
        """Move the group's committed offsets beyond what was read; waits until nobody is in the group any more."""
        read = {topic: one.next_offset for topic, one in self.positions().items()}
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=self.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            where = [TopicPartition(topic, 0) for topic in self.topics]
            consumer.assign(where)
            ends = await consumer.end_offsets(where)
            ahead = {one: min(read[one.topic] + by, ends[one]) for one in where}
            assert all(offset > read[one.topic] for one, offset in ahead.items()), "nothing to skip: send more"
            await asyncio.wait_for(_commit(consumer, ahead), 30)
        finally:
            await consumer.stop()


async def _commit(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    """A group that still has members refuses."""
    while True:
        try:
            await consumer.commit(offsets)
        except KafkaError:
            await asyncio.sleep(1.0)
        else:
            return


@contextmanager
def site(kafka: str, database: str, directory: Path, *, count: int, worker: Sequence[str]) -> Iterator[Site]:
    """A fresh site with `count` laboratories whose topics exist."""
    tag = uuid.uuid4().hex[:8]
    names = tuple(f"test-{tag}-{number}" for number in range(count))
    cluster = Kafka(bootstrap=kafka)
    asyncio.run(apply(cluster, [*SHARED_TOPICS, *(spec for name in names for spec in laboratory_topics(name))]))
    engine = connect(database, name="test")
    with engine.begin() as connection:
        connection.execute(text(CREATE))
        for name in names:
            laboratories.put(connection, laboratory(name))
    environment = {
        "TOCSIN_KAFKA__BOOTSTRAP": kafka,
        "TOCSIN_KAFKA__GROUP": f"test-{tag}",
        "TOCSIN_KAFKA__SESSION_TIMEOUT": "6s",
        "TOCSIN_DATABASE__URL": database,
        "TOCSIN_DATA_DIR": str(directory / "data"),
        "TOCSIN_SITE": f"test-{tag}.example",
    }
    made = Site(cluster, engine, names, environment, directory, worker)
    try:
        yield made
    finally:
        made.close()


def laboratory(name: str) -> Laboratory:
    """An example laboratory of this id."""
    return Laboratory(
        id=name,
        display_name="Example laboratory",
        country="SI",
        roles=frozenset({ReporterRole.FORENSIC_LAB}),
        topic=detections_topic(name),
    )


SUBSTANCES: Final = ("brorphine", "fentanyl", "MDMA", "etizolam", "cocaine", "mephedrone", "isotonitazene", "xylazine")


def report(laboratory: str, number: int) -> bytes:
    """A valid report, of one of eight substances; its event id is its number."""
    return json.dumps(
        {
            "schema_version": "1.0",
            "event_id": str(uuid.UUID(int=number, version=4)),
            "revision": 1,
            "action": "new",
            "status": "actual",
            "report_type": "collected_sample",
            "reporter": {"lab": laboratory, "role": "forensic_lab", "case_ref": f"EX-{number}"},
            "reported_at": "2021-01-20T09:30:00Z",
            "event_date": {"value": f"2021-01-{1 + number % 19:02}", "precision": "day"},
            "country": "SI",
            "components": [
                {
                    "name_reported": SUBSTANCES[number % len(SUBSTANCES)],
                    "role": "main_active",
                    "methods": ["gc_ms"],
                    "reference_standard": "yes",
                    "identification": "confirmed",
                }
            ],
            "sample": {"physical_form": "powder"},
            "handling": "AMBER",
            "public_consent": {"given": False},
        }
    ).encode()
