"""Placing records against positions: nothing twice, nothing skipped unseen, holes only where the log was read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Record
from storage.positions import Counters, Partition, Position
from streams.transaction import Batch, Gap, Passed, Placement, place

WHERE = Partition(flow="live", topic="detections-a", partition=0)


def record(offset: int) -> Record:
    return Record(topic="detections-a", partition=0, offset=offset, timestamp=datetime(2026, 1, 1, tzinfo=UTC))


def placed(offsets: list[int], *, next_offset: int, passed: tuple[int, int] | None = None) -> Placement:
    position = Position(
        partition=WHERE,
        first_offset=0,
        next_offset=next_offset,
        counters=Counters(),
        last_offset=None,
        last_sha256=None,
        cluster_id=None,
        held=None,
    )
    proof = None if passed is None else Passed(WHERE, *passed)
    return place(Batch(tuple(map(record, offsets)), proof), {WHERE: position}, flow="live")


def test_records_below_the_position_are_replayed_and_those_from_it_are_new() -> None:
    found = placed([3, 4, 5, 6], next_offset=5)
    assert found.fresh == (2, 3)
    assert (found.reached[WHERE].next_offset, found.reached[WHERE].replayed) == (7, 2)


@pytest.mark.parametrize("offsets", [[7], [5, 7], [4, 6]])
def test_a_skipped_offset_is_a_gap_and_says_which(offsets: list[int]) -> None:
    with pytest.raises(Gap) as gap:
        placed(offsets, next_offset=5)
    assert gap.value.start in (5, 6) and gap.value.stop == offsets[-1]


def test_what_the_log_was_read_through_without_a_record_is_a_hole() -> None:
    found = placed([6, 8], next_offset=5, passed=(5, 12))
    assert found.fresh == (0, 1)
    assert (found.reached[WHERE].next_offset, found.reached[WHERE].holes) == (12, 5)


def test_a_stretch_that_begins_after_the_position_proves_nothing_before_it() -> None:
    with pytest.raises(Gap) as gap:
        placed([8], next_offset=5, passed=(7, 9))
    assert (gap.value.start, gap.value.stop) == (5, 8)


def test_a_stretch_that_was_overtaken_changes_nothing() -> None:
    found = placed([5, 6], next_offset=9, passed=(5, 8))
    assert (found.fresh, found.reached[WHERE].next_offset, found.reached[WHERE].holes) == ((), 9, 0)


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(0, 6))
def test_whatever_arrives_every_offset_is_new_at_most_once_and_none_is_passed_over(
    offsets: list[int], start: int
) -> None:
    try:
        found = placed(offsets, next_offset=start)
    except Gap as gap:
        assert gap.start < gap.stop
        return
    fresh = [offsets[index] for index in found.fresh]
    assert fresh == list(range(start, found.reached[WHERE].next_offset))
    assert found.reached[WHERE].replayed == len(offsets) - len(fresh)


@given(st.sets(st.integers(0, 20), min_size=2), st.integers(0, 3))
def test_the_halves_of_a_stretch_say_together_what_the_whole_says(offsets: set[int], before: int) -> None:
    start, stop = max(0, min(offsets) - before), max(offsets) + 3
    whole = Batch(tuple(map(record, sorted(offsets))), Passed(WHERE, start, stop))
    first, second = whole.halves()
    assert first.records + second.records == whole.records
    assert first.passed is not None and second.passed is not None
    assert (first.passed.start, first.passed.stop, second.passed.stop) == (start, second.passed.start, stop)
    assert all(one.offset < first.passed.stop for one in first.records)
