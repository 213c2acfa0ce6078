"""Control runs: workers, relay and courier that lack one safeguard each. No setting of the product can do that."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection, Engine, event

from schemas.records import Record
from schemas.topics import ALERT_EVENTS
from storage import outbox
from storage.positions import Partition, Position
from streams.assess import Assessed
from streams.relay import Relay
from streams.stage import Fate, Stage
from streams.tasks import forever
from streams.transaction import Batch, Gap, Placement, place
from streams.worker import Worker
from tests.kill.ears import Driver, Ears, Rewrite
from tests.kill.points import Point, reached
from tests.streaming.launcher import believe
from tocsin import wiring


class Safeguard(StrEnum):
    """What a control run does without."""

    POSITIONS = "positions"
    CONTINUITY = "continuity"
    WATCHDOG = "watchdog"
    POSITION_LOCK = "position-lock"
    ATOMICITY = "atomicity"
    OUTBOX = "outbox"
    CASE_LOCKS = "case-locks"
    RELAY_ORDER = "relay-order"
    IDLE_TIMEOUT = "idle-timeout"
    CLAIM = "claim"


NEVER: Final = 10.0**6

_CASE_LOCKS: Final = "SELECT pg_advisory_xact_lock(number)"
_POSITION_LOCK: Final = "ORDER BY flow, topic, partition FOR UPDATE"
_OUTBOX: Final = "INSERT INTO outbox"
CLAIM: Final = "WITH wanted AS"
FINISH: Final = "UPDATE attempts SET"
"""What the courier says when it claims, and when it writes down what came of it."""


def without(safeguard: Safeguard, worker: Worker[Assessed], directory: Path, ears: Ears) -> Worker[Assessed]:
    """The same worker, less this one."""
    match safeguard:
        case Safeguard.POSITIONS:
            return dataclasses.replace(worker, place=believe)
        case Safeguard.CONTINUITY:
            return dataclasses.replace(worker, place=skip)
        case Safeguard.WATCHDOG:
            return dataclasses.replace(worker, stream=dataclasses.replace(worker.stream, watch_every=NEVER))
        case Safeguard.POSITION_LOCK:
            ears.add(_less(_POSITION_LOCK, ""))
            hasty = dataclasses.replace(worker.stream, watch_every=0.2, watch_patience=1.0)
            return dataclasses.replace(worker, stream=hasty)
        case Safeguard.ATOMICITY:
            return dataclasses.replace(worker, stage=Apart(worker.stage, worker.engine))
        case Safeguard.OUTBOX:
            _send_afterwards(worker.engine, ears, directory)
        case Safeguard.CASE_LOCKS:
            ears.add(_less(_CASE_LOCKS, "SELECT count(number)"))
        case Safeguard.IDLE_TIMEOUT:
            event.listen(worker.engine, "connect", _patient)
            worker.engine.dispose()  # what is connected already is not patient
        case Safeguard.RELAY_ORDER:
            return dataclasses.replace(worker, relay=False)
        case Safeguard.CLAIM:
            raise ValueError("a courier's, not a worker's")
    return worker


def skip(batch: Batch, known: Mapping[Partition, Position], *, flow: str) -> Placement:
    """What did not arrive is taken for holes, without a look at the log."""
    while True:
        try:
            return place(batch, known, flow=flow)
        except Gap as gap:
            known = {**known, gap.partition: dataclasses.replace(known[gap.partition], next_offset=gap.stop)}


@dataclasses.dataclass
class Apart(Stage[Assessed]):
    """What a batch causes is committed before its position is."""

    stage: Stage[Assessed]
    engine: Engine

    def prepare(self, records: Sequence[Record]) -> Sequence[Assessed]:
        return self.stage.prepare(records)

    def apply(self, connection: Connection, prepared: Sequence[Assessed]) -> Sequence[Fate]:
        with self.engine.begin() as another:
            return self.stage.apply(another, prepared)


class Careless(Relay):
    """Marks an event as published and publishes it then."""

    directory: ClassVar[Path]

    async def publish(self, connection: Connection, producer: AIOKafkaProducer) -> int | None:
        waiting, epoch = await asyncio.to_thread(self._unpublished, connection)
        if waiting:
            await asyncio.to_thread(outbox.mark_published, connection, [one.id for one in waiting])
            reached(Point.PUBLISHED, self.directory)
            await self._send(producer, waiting, epoch)
        return len(waiting)


async def careless_relay(directory: Path) -> None:
    """The relay of a site whose workers have none."""
    settings = wiring.settings()
    Careless.directory = directory
    relay = Careless(wiring.database(settings, "relay"), wiring.kafka(settings), settings.message_domain)
    await forever("relay", relay.step, every=0.0)


def _less(words: str, instead: str) -> Rewrite:
    """Statements lose these words, or have others in their place."""
    return lambda _, statement, parameters: (statement.replace(words, instead, 1), parameters)


def _send_afterwards(engine: Engine, ears: Ears, directory: Path) -> None:
    """What a transaction says goes into the outbox when it is committed, in another one."""
    unsaid: dict[int, list[tuple[str, Mapping[str, object]]]] = {}
    late: set[int] = set()

    def heard(driver: Driver, statement: str, parameters: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
        if _OUTBOX not in statement or id(driver) in late:
            return statement, parameters
        unsaid.setdefault(id(driver), []).append((statement, parameters))
        return "SELECT 1", {}

    def checked_in(driver: Driver, _: object) -> None:
        kept = unsaid.pop(id(driver), [])
        if any(ALERT_EVENTS in parameters["topics"] for _, parameters in kept):  # type: ignore[operator]
            reached(Point.UNSAID, directory)
        if kept:
            with engine.begin() as connection:
                another = connection.connection.driver_connection
                late.add(id(another))
                for statement, parameters in kept:
                    connection.exec_driver_sql(statement, dict(parameters))
                late.discard(id(another))

    ears.add(heard)
    event.listen(engine.pool, "checkin", checked_in)


def forget_claims() -> None:
    """A courier that sends first and writes down afterwards that it tried, as one without committed claims does."""
    claims: dict[str, tuple[str, object]] = {}

    def before(
        connection: Connection, cursor: object, statement: str, parameters: Mapping[str, object], *_: object
    ) -> None:
        if CLAIM in statement:
            claims[str(parameters["ids"])] = (statement, parameters)
            connection.info["claims"] = True
        elif FINISH in statement:
            told = [result["delivery_id"] for result in json.loads(str(parameters["results"]))]
            cursor.execute(*claims.pop(str(told)))  # type: ignore[attr-defined]

    def commit(connection: Connection) -> None:
        if connection.info.pop("claims", False):
            connection.connection.rollback()

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", commit)


def _patient(connection: object, _record: object) -> None:
    connection.execute("SET idle_in_transaction_session_timeout = 0")  # type: ignore[attr-defined]
    connection.commit()  # type: ignore[attr-defined]
