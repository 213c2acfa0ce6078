"""The summary adds up what all trials did, and one that failed fails the whole."""

from collections import Counter

from tests.kill.summary import Told, lines
from tests.kill.verdict import Verdict


def test_faults_and_reports_of_all_trials_are_added_and_one_difference_is_the_verdict() -> None:
    good = Told(7, Counter({"worker killed": 2}), _verdict(1_000), left_out=("no compiler",))
    bad = Told(7, Counter({"worker killed": 1, "disk full": 1}), _verdict(500, "cases: 1 differ"))
    said = list(lines([good, bad]))

    assert said[:3] == ["4 faults in 2 trials, TOCSIN_KILL_SEED=7", "     1 disk full", "     3 worker killed"]
    assert said[3].startswith("1,500 reports: 1,480 applied, 16 duplicates, 4 dead letters")
    assert said[4:] == [
        "left out of the mix: no compiler",
        "WRONG: cases: 1 differ",
        "verdict: not as in the reference",
    ]
    assert list(lines([good]))[-1] == "verdict: all as in the reference"
    assert list(lines([])) == []


def _verdict(records: int, *wrong: str) -> Verdict:
    return Verdict(
        wrong=wrong, records=records, applied=records - 10, duplicates=8, dead=2, cases=1, alerts=1, repeated=0
    )
