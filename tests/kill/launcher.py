"""A worker or courier as the product starts it, that stops or dies at a chosen point, or lacks one safeguard.

`python -m tests.kill.launcher worker DIRECTORY [SAFEGUARD]` dies at a `Point` when DIRECTORY holds the file
`POINT.kill`, and stops there with `POINT.stop`; the one that takes the file away is the one that does it.
`… courier DIRECTORY` dies at the step between claim and result that DIRECTORY/die-at names. No setting of the product
can do either.
"""

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import ClassVar, Final

from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection, Engine, Pool, PoolProxiedConnection, event
from sqlalchemy.pool import ConnectionPoolEntry

from schemas.records import Record
from storage import outbox
from streams.assess import Assessed
from streams.config import Flow
from streams.relay import BATCH, Relay
from streams.stage import Fate, Stage
from streams.tasks import forever
from streams.worker import Worker, run
from tests.kill.messages import MARK
from tests.streaming.launcher import believe
from tocsin import logs, wiring
from tocsin.commands import courier


class Point(StrEnum):
    """Where a worker can be made to end or to stop."""

    COMMIT = "commit"
    COMMITTED = "committed"
    PUBLISHED = "published"


class Safeguard(StrEnum):
    """What a control run does without."""

    POSITIONS = "positions"
    ATOMICITY = "atomicity"
    CASE_LOCKS = "case-locks"
    RELAY_ORDER = "relay-order"
    IDLE_TIMEOUT = "idle-timeout"


POINTS: Final = {"NOTIFY": Point.COMMITTED, "UPDATE outbox SET published_at": Point.PUBLISHED}
"""Just before which statement. The third point is the commit of a transaction that moved a position."""

_DELIVERY: Final = ("WITH asked AS", "UPDATE deliveries d SET", "UPDATE attempts SET")
_MOVES: Final = "UPDATE stream_positions AS position SET"
_CASE_LOCKS: Final = "SELECT pg_advisory_xact_lock(number)"


def _reached(point: Point, directory: Path) -> None:
    for how, number in (("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)):
        try:
            (directory / f"{point}.{how}").unlink()
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), number)


def _watch(engine: Engine, directory: Path) -> None:
    """Notice the points in what goes to the database."""

    def before(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if _MOVES in statement:
            connection.info["moves"] = True
        for words, point in POINTS.items():
            if words in statement:
                _reached(point, directory)

    def commit(connection: Connection) -> None:
        if connection.info.pop("moves", False):
            _reached(Point.COMMIT, directory)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", commit)


@dataclasses.dataclass
class Faulty(Stage[Assessed]):
    """The handler of the poison trial: it has a bug that one marked report brings out."""

    stage: Stage[Assessed]

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        return self.stage.prepare(records)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        fates = self.stage.apply(connection, prepared)
        if any(MARK in (one.record.value or b"") for one in prepared):
            raise ZeroDivisionError("a bug in the handler")
        return fates


@dataclasses.dataclass
class Apart(Stage[Assessed]):
    """Control: what a batch causes is committed before its position is."""

    stage: Stage[Assessed]
    engine: Engine

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        return self.stage.prepare(records)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        with self.engine.begin() as another:
            return self.stage.apply(another, prepared)


class Careless(Relay):
    """Control: marks an event as published and publishes it then."""

    directory: ClassVar[Path]

    async def publish(self, connection: Connection, producer: AIOKafkaProducer) -> int | None:
        waiting = await asyncio.to_thread(outbox.unpublished, connection, BATCH)
        if waiting:
            await asyncio.to_thread(outbox.mark_published, connection, [one.id for one in waiting])
            _reached(Point.PUBLISHED, self.directory)
            await self._send(producer, waiting)
        return len(waiting)


def _without(safeguard: Safeguard | None, worker: Worker[Assessed], directory: Path) -> Worker[Assessed]:
    if safeguard is Safeguard.POSITIONS:
        return dataclasses.replace(worker, place=believe)
    if safeguard is Safeguard.ATOMICITY:
        return dataclasses.replace(worker, stage=Apart(worker.stage, worker.engine))
    if safeguard is Safeguard.CASE_LOCKS:
        event.listen(worker.engine, "before_cursor_execute", _unlocked, retval=True)
    if safeguard is Safeguard.IDLE_TIMEOUT:
        event.listen(worker.engine, "connect", _patient)
    if safeguard is Safeguard.RELAY_ORDER:
        return dataclasses.replace(worker, relay=False)
    return worker


def _unlocked(
    connection: Connection, cursor: object, statement: str, parameters: object, *_: object
) -> tuple[str, object]:
    return statement.replace(_CASE_LOCKS, "SELECT count(number)", 1), parameters


def _patient(connection: object, _record: object) -> None:
    connection.execute("SET idle_in_transaction_session_timeout = 0")  # type: ignore[attr-defined]
    connection.commit()  # type: ignore[attr-defined]


def _worker(directory: Path, safeguard: Safeguard | None) -> int:
    settings = wiring.settings()
    logs.configure(settings.log_level)
    worker = wiring.worker(settings, Flow.LIVE)
    worker = dataclasses.replace(worker, stage=Faulty(worker.stage))
    if safeguard is not Safeguard.RELAY_ORDER:
        _watch(worker.engine, directory)
    return run(_without(safeguard, worker, directory))


async def _relay(directory: Path) -> None:
    """Control: the relay of a site whose workers have none."""
    settings = wiring.settings()
    Careless.directory = directory
    relay = Careless(wiring.database(settings, "relay"), wiring.kafka(settings))
    await forever("relay", relay.step, every=0.0)


def _courier(directory: Path) -> None:
    """Steps are counted from the claim on: each of its statements and those of the result, their commit, and after."""
    die_at = int((directory / "die-at").read_text())
    steps = count(1)

    def step(connection: Connection | PoolProxiedConnection | ConnectionPoolEntry, *, last: bool = False) -> None:
        said = connection.info.get("step") if not last else connection.info.pop("step", None)
        if said is not None and next(steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if any(words in statement for words in _DELIVERY):
            connection.info["step"] = True
        step(connection)

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", lambda connection, *_: step(connection))
    event.listen(Engine, "commit", step)
    event.listen(Pool, "checkin", lambda _, entry: step(entry, last=True))
    courier.courier()


def main(kind: str, directory: Path, safeguard: Safeguard | None) -> int:
    """Run it until it is ended."""
    if kind == "courier":
        _courier(directory)
        return 0
    if kind == "relay":
        asyncio.run(_relay(directory))
        return 0
    return _worker(directory, safeguard)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Safeguard(sys.argv[3]) if len(sys.argv) > 3 else None))
