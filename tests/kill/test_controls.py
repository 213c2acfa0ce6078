"""Control runs: without one safeguard the same faults are noticed by the verdict, or the suite would prove nothing.

The courier's is in `test_courier_steps.py`.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.kill import faults
from tests.kill.faults import Fault
from tests.kill.trial import trial
from tests.kill.unsafe import Safeguard

pytestmark = pytest.mark.long

CONTROLS: Final[dict[Safeguard, tuple[Fault, str]]] = {
    Safeguard.POSITIONS: (faults.push_committed_offsets, "applied"),
    Safeguard.CONTINUITY: (faults.push_committed_offsets, "applied"),
    Safeguard.POSITION_LOCK: (faults.brief_stop, "audit"),
    Safeguard.ATOMICITY: (faults.crash_before_commit, "audit"),
    Safeguard.OUTBOX: (faults.crash_before_outbox, "alert events on Kafka"),
    Safeguard.CASE_LOCKS: (faults.calm, "cases"),
    Safeguard.RELAY_ORDER: (faults.crash_before_mark, "alert events on Kafka"),
}


@pytest.mark.parametrize("safeguard", CONTROLS)
async def test_without_a_safeguard_the_verdict_is_against_it(safeguard: Safeguard, tmp_path: Path) -> None:
    fault, said = CONTROLS[safeguard]
    async with trial(tmp_path, seed=1, safeguard=safeguard) as hurt:
        await hurt.suffer(fault)
        verdict = await hurt.verdict()
        assert any(said in one for one in verdict.wrong), verdict


async def test_without_the_idle_time_out_a_stopped_worker_keeps_its_cases(tmp_path: Path) -> None:
    async with trial(tmp_path, seed=1, safeguard=Safeguard.IDLE_TIMEOUT) as hurt:
        with pytest.raises(AssertionError, match="not within"):
            await hurt.suffer(faults.zombie_frees_its_cases)


async def test_without_the_watchdog_what_was_skipped_at_the_quiet_end_of_a_topic_is_never_read(tmp_path: Path) -> None:
    async with trial(tmp_path, seed=1, safeguard=Safeguard.WATCHDOG) as hurt:
        with pytest.raises(AssertionError, match="not within"):
            await hurt.suffer(faults.push_to_the_end)
