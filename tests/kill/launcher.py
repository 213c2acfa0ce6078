"""A worker or courier as the product starts it, that stops or dies at a chosen point, or lacks one safeguard.

`python -m tests.kill.launcher worker DIRECTORY [SAFEGUARD]` dies at a `Point` when DIRECTORY holds the file
`POINT.kill`, and stops there with `POINT.stop`; the one that takes the file away is the one that does it.
`… courier DIRECTORY [claim]` dies at the step between claim and result that DIRECTORY/die-at names. No setting of the
product can do either. What a control run does without is in `unsafe.py`.
"""

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Pool, PoolProxiedConnection, event
from sqlalchemy.pool import ConnectionPoolEntry

from schemas.records import Record
from streams.assess import Assessed
from streams.config import Flow
from streams.stage import Fate, Stage
from streams.worker import run
from tests.kill import unsafe
from tests.kill.ears import Driver, Ears
from tests.kill.messages import MARK
from tests.kill.points import Point, reached
from tests.kill.unsafe import CLAIM, FINISH, Safeguard
from tocsin import logs, wiring
from tocsin.commands import courier

POINTS: Final = {"NOTIFY": Point.COMMITTED, "UPDATE outbox SET published_at": Point.PUBLISHED}
"""Just before which statement. The third point is the commit of a transaction that moved a position."""

_DELIVERY: Final = ("ORDER BY delivery_id FOR UPDATE SKIP LOCKED", CLAIM, FINISH)
_MOVES: Final = "UPDATE stream_positions AS position SET"


def _watch(engine: Engine, ears: Ears, directory: Path) -> None:
    """Notice the points in what goes to the database."""
    moving: set[int] = set()

    def heard(driver: Driver, statement: str, parameters: object) -> tuple[str, object]:
        if _MOVES in statement:
            moving.add(id(driver))
        for words, point in POINTS.items():
            if words in statement:
                reached(point, directory)
        return statement, parameters

    def commit(connection: Connection) -> None:
        driver = id(connection.connection.driver_connection)
        if driver in moving:
            moving.remove(driver)
            reached(Point.COMMIT, directory)

    ears.add(heard)
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


def _worker(directory: Path, safeguard: Safeguard | None) -> int:
    settings = wiring.settings()
    logs.configure(settings.log_level)
    worker = wiring.worker(settings, Flow.LIVE)
    worker = dataclasses.replace(worker, stage=Faulty(worker.stage))
    ears = Ears(worker.engine)
    if safeguard is not Safeguard.RELAY_ORDER:
        _watch(worker.engine, ears, directory)
    return run(worker if safeguard is None else unsafe.without(safeguard, worker, directory, ears))


def _courier(directory: Path, safeguard: Safeguard | None) -> None:
    """Steps are counted from the claim's lock on: each statement up to the result, the commits, and after."""
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

    if safeguard is Safeguard.CLAIM:
        unsafe.forget_claims()
    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", lambda connection, *_: step(connection))
    event.listen(Engine, "commit", step)
    event.listen(Pool, "checkin", lambda _, entry: step(entry, last=True))
    courier.courier()


def main(kind: str, directory: Path, safeguard: Safeguard | None) -> int:
    """Run it until it is ended."""
    if kind == "courier":
        _courier(directory, safeguard)
        return 0
    if kind == "relay":
        asyncio.run(unsafe.careless_relay(directory))
        return 0
    return _worker(directory, safeguard)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Safeguard(sys.argv[3]) if len(sys.argv) > 3 else None))
