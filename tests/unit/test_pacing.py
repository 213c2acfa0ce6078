"""A backfill's transactions stay short on a fast machine and on a slow one."""

from datetime import UTC, datetime

from schemas.records import Record
from streams.pacing import FEWEST, Short
from streams.transaction import Batch


class Machine:
    """Takes a while for each batch and for each report in it; its own clock says how long."""

    def __init__(self, *, each: float, fixed: float = 0.005) -> None:
        self.now, self.each, self.fixed = 0.0, each, fixed
        self.parts: list[tuple[int, ...]] = []
        self.took: list[float] = []

    async def handle(self, batch: Batch) -> None:
        self.parts.append(tuple(record.offset for record in batch.records))
        self.took.append(self.fixed + self.each * len(batch.records))
        self.now += self.took[-1]


def records(count: int) -> tuple[Record, ...]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return tuple(
        Record(topic="backfill-x", partition=0, offset=offset, timestamp=at, value=b"") for offset in range(count)
    )


async def through(machine: Machine, count: int, *, longest: float = 0.02) -> Short:
    short = Short(machine.handle, longest=longest, clock=lambda: machine.now)
    await short.handle(Batch(records(count)))
    return short


async def test_every_record_is_handed_on_once_and_in_order() -> None:
    machine = Machine(each=0.001)
    await through(machine, 100)
    assert [offset for part in machine.parts for offset in part] == list(range(100))


async def test_parts_take_about_as_long_as_they_should_however_fast_the_machine_is() -> None:
    for each in (0.0001, 0.0002, 0.001):
        machine = Machine(each=each)
        await through(machine, 2_000)
        assert max(machine.took) < 0.04
        assert sorted(machine.took)[len(machine.took) // 2] > 0.015, "as many as fit"


async def test_a_machine_that_grows_slow_gets_smaller_parts_but_not_one_by_one() -> None:
    machine = Machine(each=0.0001)
    short = await through(machine, 1_000)
    machine.each = 1.0
    await short.handle(Batch(records(1_000)))
    assert len(machine.parts[-2]) == FEWEST


async def test_an_empty_batch_is_no_work() -> None:
    machine = Machine(each=0.001)
    await through(machine, 0)
    assert machine.parts == []
