"""The journal as a file: what is sealed counts, what a crash left does not, what was changed is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streaming.site import report
from tocsin import journal
from tocsin.errors import Refusal
from tocsin.journal import Entry, identified

TOPIC = "detections-test"


def entries(*numbers: int) -> list[Entry]:
    """Identified example reports."""
    found = [identified(report("test", number)) for number in numbers]
    return [one for one in found if isinstance(one, Entry)]


def filled(directory: Path, *numbers: int, acknowledged: int = 0) -> bytes:
    """The bytes of a journal that holds these."""
    with journal.held(directory, TOPIC) as kept:
        kept.add(entries(*numbers))
        if acknowledged:
            kept.acknowledge(acknowledged)
    return (directory / journal.FILE).read_bytes()


def test_reports_come_back_byte_by_byte_and_in_order_after_it_is_opened_again(tmp_path: Path) -> None:
    filled(tmp_path, *range(1203), acknowledged=700)
    with journal.held(tmp_path, TOPIC) as kept:
        assert list(kept.waiting()) == [report("test", number) for number in range(700, 1203)]
        assert (kept.standing.kept, kept.standing.acknowledged, kept.standing.waiting) == (1203, 700, 503)


def test_the_same_report_in_other_bytes_is_known_and_another_content_is_a_conflict(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    same = json.dumps(json.loads(report("test", 1)), indent=1, sort_keys=True).encode()
    other = report("test", 1).replace(b"powder", b"tablet")
    with journal.held(tmp_path, TOPIC) as kept:
        again, changed = identified(same), identified(other)
        assert isinstance(again, Entry) and isinstance(changed, Entry)
        assert not kept.conflict(again)
        assert kept.conflict(changed)
        assert kept.add([again]) == 0


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"event_id": "x", "revision": 1}', b"\xff", b'{"a": 1e999}'])
def test_what_could_not_be_known_again_is_told_so(value: bytes) -> None:
    assert isinstance(identified(value), str)


def test_a_crash_at_any_byte_leaves_whole_blocks_and_the_rest_is_added_again(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole", 1, 2)
    first = len(filled(tmp_path / "first", 1, 2))
    with journal.held(tmp_path / "whole", TOPIC) as kept:
        kept.add(entries(3, 4))
    data = (tmp_path / "whole" / journal.FILE).read_bytes()
    assert data.startswith(whole)
    for length in range(first, len(data), 13):
        cut = tmp_path / "cut" / str(length)
        cut.mkdir(parents=True)
        (cut / journal.FILE).write_bytes(data[:length])
        with journal.held(cut, TOPIC) as kept:
            assert kept.standing.kept == 2
            assert kept.add(entries(1, 2, 3, 4)) == 2
        assert (cut / journal.FILE).read_bytes() == data


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_damage_before_the_last_seal_is_refused_and_nothing_is_cut(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    filled(directory, 1, 2)
    sealed = (directory / journal.FILE).stat().st_size
    data = bytearray(filled(directory, 3, 4, acknowledged=4))
    data[int(place * sealed)] ^= flip
    (directory / journal.FILE).write_bytes(data)
    with pytest.raises(Refusal), journal.held(directory, TOPIC):
        pass
    assert (directory / journal.FILE).read_bytes() == data


def test_a_journal_serves_one_topic_and_one_process(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with (
        pytest.raises(Refusal, match="is for detections-test, not for detections-other"),
        journal.held(tmp_path, "detections-other"),
    ):
        pass
    with (
        journal.held(tmp_path, TOPIC),
        pytest.raises(Refusal, match="in use by another process"),
        journal.held(tmp_path, TOPIC),
    ):
        pass


def test_its_standing_is_told_while_another_process_holds_it_and_changes_nothing(tmp_path: Path) -> None:
    with journal.held(tmp_path, TOPIC) as kept:
        kept.add(entries(1, 2, 3))
        kept.acknowledge(2)
        with (tmp_path / journal.FILE).open("ab") as file:
            file.write(b'{"event_id":')
        before = (tmp_path / journal.FILE).read_bytes()
        assert journal.standing(tmp_path).waiting == 1
    assert (tmp_path / journal.FILE).read_bytes() == before
