"""Each fault alone, then all mixed at random, under load: every report is decided about exactly once, as in the fold.

`make test-all ARGS="tests/kill"` is the whole suite, at its full size: 200 faults and more over 200,000 reports and
more; at the end it says what it did, with the seed. `TOCSIN_KILL_SEED` repeats a run; `TOCSIN_KILL_ROUNDS`,
`TOCSIN_KILL_REPORTS` and `TOCSIN_KILL_FAULTS` (both of a round) make the mix smaller; `TOCSIN_KILL_DATABASE_AWAY` is
how many seconds the database server is away (600 for the long variant).
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Final

import pytest

from tests.kill import faults
from tests.kill.clock import NoClock, machine_clock
from tests.kill.engines import no_small_disk
from tests.kill.summary import Told
from tests.kill.trial import Say, Trial, trial, widest_trial

pytestmark = pytest.mark.long

SEED: Final = int(os.environ.get("TOCSIN_KILL_SEED", SystemRandom().randrange(10**6)))
ROUNDS: Final = int(os.environ.get("TOCSIN_KILL_ROUNDS", "4"))
REPORTS: Final = int(os.environ.get("TOCSIN_KILL_REPORTS", "45000"))
FAULTS: Final = int(os.environ.get("TOCSIN_KILL_FAULTS", "45"))
SEVERAL: Final = 400
"""Reports a second in the mix; the workers of this machine take more, and have to catch up after each fault."""

ALONE: Final[dict[str, Sequence[str]]] = {
    "worker killed twenty times": ["worker killed"] * 20,
    "worker ended in mid-batch, a third comes and goes": [
        "worker ended",
        "third worker came and went",
        "worker ended",
    ],
    "worker stopped past its session, then in a transaction": [
        "worker stopped and continued",
        "worker stopped before commit, the others go on",
    ],
    "worker dies before commit, relay, mark": [
        "worker died before commit",
        "worker died before relay",
        "worker died before mark",
    ],
    "broker killed for 5, 26 and 60 s": [
        "broker killed for 5 s",
        "broker killed for 26 s",
        "broker killed for 60 s",
    ],
    "database killed, connections cut": ["database killed", "connections cut", "database killed"],
    "database away": ["database refused for 60 s", f"database killed for {faults.AWAY:.0f} s"],
    "positions pushed back, committed offsets forward": [
        "positions pushed back",
        "committed offsets pushed",
        "committed offsets pushed to the end",
    ],
}

Tell = Callable[[str, object], None]


@pytest.mark.parametrize("name", ALONE)
async def test_a_fault_alone_leaves_every_report_decided_about_once(
    name: str, tmp_path: Path, record_property: Tell, say: Say
) -> None:
    async with trial(tmp_path, seed=SEED) as hurt:
        hurt.say = say
        await hurt.suffer(partial(faults.each, names=ALONE[name]))
        await _passes(hurt, record_property)
        if "committed offsets pushed" in ALONE[name]:
            assert " gap " in hurt.site.log(), "the push skipped nothing: this run proved nothing"
            assert " stalled " in hurt.site.log(), "the watchdog had nothing to do: this run proved nothing"


async def test_without_any_fault_poison_and_a_bug_in_the_handler_end_as_dead_letters(
    tmp_path: Path, record_property: Tell, say: Say
) -> None:
    """The undisturbed run, which equals the reference too. One message in a hundred is poison, as in every trial."""
    async with trial(tmp_path, seed=SEED) as hurt:
        hurt.say = say
        await hurt.suffer(partial(faults.each, names=()), reports=2_600)
        await _passes(hurt, record_property)
        reasons = {row[0] for row in hurt.site.query("SELECT DISTINCT reason FROM dead_letters")}
        assert reasons >= {"empty", "undecodable", "invalid", "too_large", "reporter_mismatch", "internal_error"}


async def test_a_clock_that_is_an_hour_wrong_of_one_worker_or_of_the_machine_changes_nothing(
    tmp_path: Path, record_property: Tell, say: Say
) -> None:
    wrong = ("worker an hour ahead", "worker an hour behind", *("clock moved",) * 4)
    try:
        with machine_clock() as clock:
            async with trial(tmp_path, seed=SEED, clock=clock) as hurt:
                hurt.say = say
                await hurt.suffer(partial(faults.each, names=wrong))
                await _passes(hurt, record_property)
    except NoClock as reason:
        pytest.skip(str(reason))


async def test_a_full_disk_under_kafka_and_postgresql_loses_nothing(
    tmp_path: Path, record_property: Tell, say: Say
) -> None:
    if reason := no_small_disk():
        pytest.skip(reason)
    async with trial(tmp_path, seed=SEED, small_disk=True) as hurt:
        hurt.say = say
        await hurt.suffer(partial(faults.each, names=("disk full",) * 2))
        await _passes(hurt, record_property)


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_all_faults_mixed_at_random_leave_every_report_decided_about_once(
    number: int, tmp_path: Path, record_property: Tell, say: Say
) -> None:
    async with widest_trial(tmp_path, seed=SEED + number) as hurt:
        hurt.say = say
        hurt.rate = SEVERAL
        await hurt.suffer(partial(faults.mixed, faults=FAULTS), reports=REPORTS)
        await _passes(hurt, record_property)


async def _passes(hurt: Trial, tell: Tell) -> None:
    verdict = await hurt.verdict()
    tell(Told.name(), Told(SEED, hurt.faults, verdict, hurt.left_out))
    hurt.say(f"{verdict}; TOCSIN_KILL_SEED={SEED}")
    assert not verdict.wrong, f"TOCSIN_KILL_SEED={SEED} repeats it: {verdict}"
