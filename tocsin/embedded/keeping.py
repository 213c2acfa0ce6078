"""Brings one child up, and keeps it up: restarted with back-off when it dies, and said so."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Final, Protocol

from tocsin.embedded.processes import Say, stop, tail
from tocsin.errors import Refusal

READY_WITHIN: Final = 90.0
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_STEADY_AFTER: Final = 60.0
_WISHED_AFTER: Final = 1.0

Process = asyncio.subprocess.Process


class Child(Protocol):
    """Something that runs as a process of its own."""

    @property
    def name(self) -> str:
        """One word, the prefix of its lines."""

    @property
    def ports(self) -> tuple[int, ...]:
        """The loopback ports that it must get."""

    @property
    def log(self) -> Path | None:
        """Where it writes, when that is not our own log."""

    @property
    def stop_signals(self) -> tuple[signal.Signals, ...]:
        """How it is asked to end, gently first."""

    async def start(self) -> Process:
        """Start it; `ready` says when it is there."""

    async def ready(self, process: Process) -> bool:
        """Whether it answers now."""


async def bring_up(child: Child, processes: dict[str, Process], say: Say) -> None:
    """Start and wait until it answers; `Refusal` when it ends or is silent for 90 s."""
    process = await child.start()
    processes[child.name] = process
    end = time.monotonic() + READY_WITHIN
    while not await child.ready(process):
        if process.returncode is not None:
            raise Refusal(f"{child.name} ended while starting, {_ending(process.returncode)}. {tail(child.log)}")
        if time.monotonic() > end:
            raise Refusal(f"{child.name} did not answer within {READY_WITHIN:.0f} s. {tail(child.log)}")
        await asyncio.sleep(0.05)
    where = f" on port {child.ports[0]}" if child.ports else ""
    say(f"{child.name} ready{where} (pid {process.pid})")


async def keep(child: Child, processes: dict[str, Process], say: Say) -> None:
    """Until cancelled: whenever it has ended, start it again, each time a little later.

    A child that ends by its own wish (exit code 0, after a second or more) is started again at once.
    """
    delay = _FIRST_DELAY
    while True:
        since = time.monotonic()
        code = await processes[child.name].wait()
        lived = time.monotonic() - since
        if code == 0 and lived > _WISHED_AFTER:
            say(f"{child.name} ended by its own wish; starting it again")
        else:
            delay = _FIRST_DELAY if lived > _STEADY_AFTER else delay
            say(f"{child.name} ended, {_ending(code)}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        await _again(child, processes, say)


async def stop_all(children: list[Child], processes: dict[str, Process], say: Say, *, grace: float) -> None:
    """Stop these children, all at once; returns when they have ended."""
    alive = [child for child in children if child.name in processes]
    await asyncio.gather(*(stop(processes.pop(child.name), child.stop_signals, grace=grace) for child in alive))
    if alive:
        say(f"{', '.join(child.name for child in alive)} stopped")


async def _again(child: Child, processes: dict[str, Process], say: Say) -> None:
    try:
        await bring_up(child, processes, say)
    except (Refusal, OSError) as error:
        say(str(error))
        await stop(processes[child.name], child.stop_signals, grace=5)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
