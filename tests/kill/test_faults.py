"""Each fault alone, under load: every report is decided about exactly once, as in the reference fold of the log.

`TOCSIN_KILL_SEED` repeats a run, `TOCSIN_KILL_REPORTS` and `TOCSIN_KILL_FAULTS` make the mixed one longer (full size:
200,000 and 200), `TOCSIN_KILL_DATABASE_AWAY` is how many seconds the database refuses (600 for the long variant).
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Final

import pytest

from tests.kill import faults
from tests.kill.engines import NoSmallDisk
from tests.kill.faults import Fault
from tests.kill.trial import Trial, trial

pytestmark = pytest.mark.long

SEED: Final = int(os.environ.get("TOCSIN_KILL_SEED", SystemRandom().randrange(10**6)))
REPORTS: Final = int(os.environ.get("TOCSIN_KILL_REPORTS", "5000"))
FAULTS: Final = int(os.environ.get("TOCSIN_KILL_FAULTS", "24"))

ALONE: Final[dict[str, Sequence[Fault]]] = {
    "worker killed twenty times": [faults.kill_worker] * 20,
    "worker ended in mid-batch, a third comes and goes": [faults.end_worker, faults.come_and_go, faults.end_worker],
    "worker stopped past its session, then in a transaction": [faults.zombie, faults.zombie_frees_its_cases],
    "worker dies before commit, relay, mark": [
        faults.crash_before_commit,
        faults.crash_before_relay,
        faults.crash_before_mark,
    ],
    "broker killed for 5 and 26 s": [partial(faults.kill_broker, seconds=each) for each in (5, 26)],
    "database killed, connections cut": [faults.kill_database, faults.cut_connections, faults.kill_database],
    "database refuses": [partial(faults.refuse_connections, seconds=faults.REFUSED)],
    "positions pushed back, committed offsets forward": [faults.push_positions_back, faults.push_committed_offsets],
}


@pytest.mark.parametrize("name", ALONE)
async def test_a_fault_alone_leaves_every_report_decided_about_once(name: str, tmp_path: Path) -> None:
    async with trial(tmp_path, seed=SEED) as hurt:
        await hurt.suffer(partial(_each, ALONE[name]))
        await _passes(hurt)
        if faults.push_committed_offsets in ALONE[name]:
            assert " gap " in hurt.site.log(), "the push skipped nothing: this run proved nothing"


async def test_without_any_fault_poison_and_a_bug_in_the_handler_end_as_dead_letters(tmp_path: Path) -> None:
    """The undisturbed run, which equals the reference too. One message in a hundred is poison, as in every trial."""
    async with trial(tmp_path, seed=SEED) as hurt:
        await hurt.suffer(partial(_each, ()), reports=2_600)
        await _passes(hurt)
        reasons = {row[0] for row in hurt.site.query("SELECT DISTINCT reason FROM dead_letters")}
        assert reasons >= {"empty", "undecodable", "invalid", "too_large", "reporter_mismatch", "internal_error"}


async def test_a_worker_whose_clock_is_an_hour_wrong_decides_the_same(tmp_path: Path) -> None:
    library = faults.faketime()
    if library is None:
        pytest.skip("libfaketime is not here and apt-get could not fetch it (Debian, Ubuntu)")
    async with trial(tmp_path, seed=SEED) as hurt:
        wrong = [partial(faults.wrong_clock, library=library, offset=offset) for offset in ("+1h", "-1h")]
        await hurt.suffer(partial(_each, wrong))
        await _passes(hurt)


async def test_a_full_disk_under_kafka_and_postgresql_loses_nothing(tmp_path: Path) -> None:
    try:
        async with trial(tmp_path, seed=SEED, small_disk=True) as hurt:
            await hurt.suffer(partial(_each, [faults.fill_disk]))
            await _passes(hurt)
    except NoSmallDisk as reason:
        pytest.skip(str(reason))


async def test_all_faults_mixed_at_random_leave_every_report_decided_about_once(tmp_path: Path) -> None:
    print(f"TOCSIN_KILL_SEED={SEED}")
    async with trial(tmp_path, seed=SEED) as hurt:
        await hurt.suffer(partial(faults.mixed, faults=FAULTS), reports=REPORTS)
        await _passes(hurt)


async def _each(some: Sequence[Fault], hurt: Trial) -> None:
    for fault in some:
        await fault(hurt)


async def _passes(hurt: Trial) -> None:
    verdict = await hurt.verdict()
    print(f"seed {SEED}: {dict(hurt.faults)} {verdict}")
    assert not verdict.wrong, f"TOCSIN_KILL_SEED={SEED} repeats it: {verdict}"
