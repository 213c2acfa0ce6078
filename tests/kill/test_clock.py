"""The clock that trials move is that of the processes they start, while these run, and of nobody else."""

import subprocess
import sys
import time

import pytest

from tests.kill.clock import NoClock, machine_clock

_ECHO = "import sys, time\nfor _ in sys.stdin: print(time.time(), flush=True)"


def test_a_running_process_sees_its_clock_jump_and_ours_stays() -> None:
    before = time.time()
    try:
        with machine_clock() as clock, _echoing() as process:
            seen = []
            for hours in (0.0, 1.0, -1.0):
                clock.move(hours)
                seen.append(_asked(process) - time.time())
    except NoClock as reason:
        pytest.skip(str(reason))
    assert [round(one / 3600) for one in seen] == [0, 1, -1]
    assert before <= time.time() < before + 600


def _echoing() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def _asked(process: "subprocess.Popen[str]") -> float:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("now\n")
    return float(process.stdout.readline())
