"""Programs under test as processes of their own: started, heard, waited for, never left behind."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from tocsin.embedded.processes import die_with


class Program:
    """A command that runs for the time of a `with` block; on leaving it is told to stop, in the end killed."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env=clean_environment(environment or {}),
                start_new_session=True,
                preexec_fn=die_with(os.getpid(), signal.SIGTERM),
            )

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()

    def said(self) -> str:
        """Everything so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str, *, within: float = 60, times: int = 1) -> None:
        """Until it has said this so many times; that it ended before is a failure which shows what it said."""
        end = time.monotonic() + within
        while self.said().count(text) < times:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{text!r} was not said {times} times; it said:\n{self.said()}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals, *, within: float = 60) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)

    def pids(self, name: str) -> list[int]:
        """The processes that were announced under this name, latest last."""
        return [int(pid) for pid in re.findall(rf"{name} ready.*\(pid (\d+)\)", self.said())]


def tocsin(*arguments: str) -> list[str]:
    """Our command line."""
    return [sys.executable, "-P", "-m", "tocsin", *arguments]


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    return subprocess.run(
        tocsin(*arguments), capture_output=True, text=True, timeout=60, env=clean_environment(environment or {})
    )


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without any setting of Tocsin, and these on top."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")} | dict(more)


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's user reaches too: pytest's own are closed, for root they would not do."""
    path = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def until(condition: Callable[[], object], *, within: float) -> None:
    """Wait for a condition; a failure names how long was waited."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"nothing within {within:.0f} s")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether it still runs; what nobody has buried does not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
