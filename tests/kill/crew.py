"""Two real workers that are hurt while reports keep coming."""

import asyncio
import dataclasses
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, text

from schemas.topics import SHARED_TOPICS, detections_topic, laboratory_topics
from storage import positions
from storage.engine import connect
from streams.config import Kafka
from streams.topics import apply
from tests.kill.launcher import CREATE, Order
from tests.programs import until

ROOT = Path(__file__).parents[2]
JOIN = 60.0


@dataclass
class Site:
    """A database, some laboratories with topics, and the workers of one application."""

    kafka: Kafka
    engine: Engine
    order: Order
    directory: Path
    workers: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    signals: list[str] = field(default_factory=list)

    @property
    def topics(self) -> tuple[str, ...]:
        """The laboratories' topics."""
        return self.order.topics

    def start(self, number: int) -> None:
        """Start a worker process."""
        file = self.directory / f"order-{number}.json"
        mine = dataclasses.replace(self.order, directory=str(self.directory / f"faust-{number}"))
        file.write_text(json.dumps(dataclasses.asdict(mine)))
        with (self.directory / f"worker-{number}.log").open("ab") as log:
            self.workers[number] = subprocess.Popen(
                [sys.executable, "-m", "tests.kill.launcher", str(file)], cwd=ROOT, stdout=log, stderr=log
            )

    def end(self, number: int, how: signal.Signals) -> int:
        """Signal a worker and wait for its end."""
        worker = self.workers.pop(number)
        worker.send_signal(how)
        return worker.wait(40)

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers.values():
            worker.kill()
            worker.wait()
        self.engine.dispose()

    def read_to(self) -> int:
        """How many offsets lie below the positions, over all topics."""
        with self.engine.begin() as connection:
            return sum(one.next_offset for one in positions.all_positions(connection))

    def rows(self) -> list[tuple[str, int]]:
        """Topic and offset of every applied record, as often as it was."""
        with self.engine.begin() as connection:
            found = connection.execute(text('SELECT topic, "offset" FROM seen ORDER BY 1, 2'))
            return [(row[0], row[1]) for row in found]

    def log(self) -> str:
        """What the workers wrote."""
        return "\n".join(file.read_text() for file in sorted(self.directory.glob("worker-*.log")))

    def next_offsets(self) -> dict[str, int]:
        """How far each topic was read."""
        with self.engine.begin() as connection:
            return {one.partition.topic: one.next_offset for one in positions.all_positions(connection)}

    async def push_committed_offsets(self, by: int) -> None:
        """Move the group's committed offsets beyond what was read; waits until nobody is in the group any more."""
        read = self.next_offsets()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=self.order.application, enable_auto_commit=False
        )
        await consumer.start()
        try:
            where = [TopicPartition(topic, 0) for topic in self.topics]
            consumer.assign(where)
            ends = await consumer.end_offsets(where)
            ahead = {one: min(read[one.topic] + by, ends[one]) for one in where}
            assert all(offset > read[one.topic] for one, offset in ahead.items()), "nothing to skip: feed more"
            await asyncio.wait_for(_commit(consumer, ahead), 30)
        finally:
            await consumer.stop()


async def _commit(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    while True:
        try:
            await consumer.commit(offsets)
        except KafkaError:
            await asyncio.sleep(1.0)
        else:
            return


@contextmanager
def site(
    kafka: str, database: str, directory: Path, *, laboratories: int, believing: bool = False, patience: float = 8.0
) -> Iterator[Site]:
    """A fresh site with its own topics and group."""
    tag = uuid.uuid4().hex[:8]
    names = [f"kill-{tag}-{number}" for number in range(laboratories)]
    cluster = Kafka(bootstrap=kafka)
    specs = [spec for name in names for spec in laboratory_topics(name)]
    asyncio.run(apply(cluster, [*specs, *SHARED_TOPICS]))
    engine = connect(database, name="test")
    with engine.begin() as connection:
        connection.execute(text(CREATE))
    order = Order(
        kafka=kafka,
        database=database,
        application=f"tocsin-{tag}",
        topics=tuple(detections_topic(name) for name in names),
        registry=0,
        directory="",
        believing=believing,
        watch_patience=patience,
    )
    made = Site(cluster, engine, order, directory)
    try:
        yield made
    finally:
        made.close()


def spread(topics: Sequence[str], numbers: range) -> dict[str, list[bytes]]:
    """Numbered reports, in turn over the topics."""
    values: dict[str, list[bytes]] = {topic: [] for topic in topics}
    for number in numbers:
        values[topics[number % len(topics)]].append(f"report {number}".encode())
    return values


def wait_for(made: Site, count: int, *, within: float = JOIN) -> None:
    """Until that many offsets have been read; on failure the workers' logs speak."""
    try:
        until(lambda: made.read_to() >= count, within=within)
    except AssertionError as error:
        raise AssertionError(f"{made.read_to()} of {count} read\n{made.log()[-8000:]}") from error
