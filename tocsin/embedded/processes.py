"""Child processes: started so that none outlives us, stopped in order, found again after a crash."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tocsin.errors import Refusal

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)  # loaded before any fork
_LOG_LIMIT: Final = 10_000_000

Say = Callable[[str], None]
"""Takes one sentence for the log of the supervisor."""


@dataclass(frozen=True)
class Account:
    """The user a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to start. `log` gets both outputs; without it they come back through a pipe, joined."""

    argv: Sequence[str]
    cwd: Path | None = None
    log: Path | None = None
    environment: Mapping[str, str] | None = None
    account: Account | None = None
    dies_with_us: signal.Signals = signal.SIGTERM


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Start in a session of its own; on Linux it gets a signal when we die, however we die."""
    with contextlib.ExitStack() as files:
        output: int = asyncio.subprocess.PIPE
        if command.log is not None:
            _rotate(command.log)
            output = files.enter_context(command.log.open("ab")).fileno()
        identity: dict[str, object] = {}
        if command.account is not None:
            identity = {"user": command.account.uid, "group": command.account.gid, "extra_groups": []}
        return await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.cwd,
            env=dict(command.environment if command.environment is not None else engine_environment()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(os.getpid(), command.dies_with_us),
            **identity,  # type: ignore[arg-type]  # typeshed wants each keyword
        )


async def run(command: Command) -> None:
    """Run a command that ends by itself; its failure is ours."""
    process = await spawn(command)
    try:
        code = await process.wait()
    finally:
        await stop(process, (signal.SIGKILL,), grace=5)
    if code:
        raise Refusal(f"{Path(command.argv[0]).name} failed with exit code {code}: {tail(command.log)}")


async def stop(process: asyncio.subprocess.Process | None, signals: Iterable[signal.Signals], *, grace: float) -> None:
    """Ask with each signal in turn, then kill; returns when it has ended."""
    if process is None or process.returncode is not None:
        return
    for number in (*signals, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace)
            return


def end_orphans(marks: frozenset[str], say: Say) -> None:
    """End what an earlier run left behind: processes with one of these exact arguments, backends in such a directory.

    Safe only while the directory's lock is held: then nobody else owns such a process.
    """
    orphans = [process for process in psutil.process_iter() if _marked(process, marks)]
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            server = not marks.isdisjoint(process.cmdline())
            if server:
                say(f"ending {process.name()} (pid {process.pid}), left by an earlier run")
            process.send_signal(signal.SIGINT if server and process.name() == "postgres" else signal.SIGTERM)
    for process in _left_after(10, orphans):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _left_after(5, orphans)


def _left_after(seconds: float, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after so long; one that has ended but is buried by nobody does not run."""
    end = time.monotonic() + seconds
    while (left := [process for process in processes if _runs(process)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def tail(log: Path | None, size: int = 800) -> str:
    """The end of a log, for an error message."""
    if log is None or not log.exists():
        return "it said nothing"
    return f"{log} ends with: {log.read_text(errors='replace')[-size:].strip()}"


def child_mark(directory: Path) -> str:
    """What a Python child of this directory carries as an `-X` option, which Python ignores."""
    return f"tocsin={directory}"


def python(directory: Path, module: str, *arguments: str) -> tuple[str, ...]:
    """A command of ours; `-P`, so that nothing in the current directory is imported in place of our packages."""
    return (sys.executable, "-P", "-X", child_mark(directory), "-m", module, *arguments)


def engine_environment() -> dict[str, str]:
    """Ours, with a fixed locale and zone: file names and logs are then the same everywhere."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _marked(process: psutil.Process, marks: frozenset[str]) -> bool:
    if process.pid == os.getpid() or not _runs(process):
        return False
    try:
        if not marks.isdisjoint(process.cmdline()):
            return True
        return process.name() == "postgres" and process.cwd() in marks  # a backend renames its arguments
    except psutil.Error:
        return False


def die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """To be run in a new child: on Linux it gets this signal when the parent dies, however that dies."""

    def in_child() -> None:
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:
                os._exit(1)

    return in_child


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.rename(log.with_suffix(log.suffix + ".1"))
