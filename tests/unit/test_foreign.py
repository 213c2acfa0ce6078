"""What tells a log from the one that was read; what was not seen proves nothing."""

from dataclasses import replace

import pytest

from storage.positions import Counters, LogEdges, Partition, Position
from streams.foreign import Difference, Seen, differences

WHERE = Partition(flow="live", topic="detections-a", partition=0)
POSITION = Position(
    partition=WHERE,
    first_offset=0,
    next_offset=10,
    counters=Counters(applied=10),
    last_offset=9,
    last_sha256=b"last",
    cluster_id="ours",
    held=None,
)
SAME = Seen(cluster="ours", edges={WHERE: LogEdges(start=0, end=12)}, last={WHERE: b"last"})


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (SAME, ()),
        (replace(SAME, edges={WHERE: LogEdges(start=0, end=10)}), ()),
        (replace(SAME, edges={WHERE: LogEdges(start=0, end=9)}, last={}), (Difference.SHORTER,)),
        (replace(SAME, last={WHERE: b"another"}), (Difference.RECORD,)),
        (replace(SAME, last={WHERE: None}), (Difference.RECORD,)),
        (replace(SAME, cluster="theirs"), (Difference.CLUSTER,)),
        (replace(SAME, last={}), ()),
        (replace(SAME, edges={}, last={}), ()),
    ],
)
def test_a_log_differs_by_what_was_seen_of_it_only(seen: Seen, expected: tuple[Difference, ...]) -> None:
    assert differences(POSITION, seen) == expected


def test_a_position_that_knows_no_cluster_accepts_any() -> None:
    assert differences(replace(POSITION, cluster_id=None), replace(SAME, cluster="theirs")) == ()
