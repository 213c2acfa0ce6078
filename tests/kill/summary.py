"""What a run of the kill suite did in all: faults by kind, reports and what became of them, and the verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.kill.verdict import Verdict


@dataclass(frozen=True)
class Told:
    """What one trial told: kept with its test."""

    seed: int
    faults: Counter[str]
    verdict: Verdict
    left_out: tuple[str, ...] = ()

    @staticmethod
    def name() -> str:
        """Under which property of the test."""
        return "kill"


def lines(trials: Sequence[Told]) -> Iterator[str]:
    """The summary; nothing when no trial came to its verdict."""
    if not trials:
        return
    faults = sum((one.faults for one in trials), Counter[str]())
    yield f"{faults.total()} faults in {len(trials)} trials, TOCSIN_KILL_SEED={trials[0].seed}"
    yield from (f"  {times:>4} {name}" for name, times in sorted(faults.items()))
    verdicts = [one.verdict for one in trials]
    yield (
        f"{sum(one.records for one in verdicts):,} reports: {sum(one.applied for one in verdicts):,} applied, "
        f"{sum(one.duplicates for one in verdicts):,} duplicates, {sum(one.dead for one in verdicts):,} dead letters; "
        f"{sum(one.alerts for one in verdicts):,} alert events"
    )
    for reason in sorted({reason for one in trials for reason in one.left_out}):
        yield f"left out of the mix: {reason}"
    wrong = [each for one in verdicts for each in one.wrong]
    yield from (f"WRONG: {each}" for each in wrong)
    yield "verdict: " + ("not as in the reference" if wrong else "all as in the reference")
