"""Our own programs as children of the supervisor: their lines get a prefix, their readiness is awaited."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from tocsin.embedded.processes import Command, Say, python, spawn

_LONGEST_LINE: Final = 65_536
_PATIENCE: Final = 30.0

Process = asyncio.subprocess.Process


@dataclass(frozen=True, kw_only=True)
class Part:
    """`tocsin <arguments>`, kept running. `say` gets each line it writes."""

    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)
    ports: ClassVar[tuple[int, ...]] = ()
    log: ClassVar[Path | None] = None

    name: str
    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    say: Say
    notices: "Notices"

    async def start(self) -> Process:
        """Start it and pass on what it writes, for as long as it lives."""
        heard = self.notices.expect(self.name)
        process = await spawn(
            Command(
                argv=python(self.directory, "tocsin", *self.arguments),
                environment={**self.environment, "NOTIFY_SOCKET": heard, "PYTHONUNBUFFERED": "1"},
            )
        )
        self.notices.started(self.name)
        if process.stdout is not None:
            self.notices.follow(pass_on(process.stdout, self.say))
        return process

    async def ready(self, process: Process) -> bool:
        """Whether it said so; one that says nothing but lives is left alone after half a minute."""
        if process.returncode is not None:
            return False
        return self.notices.heard(self.name)


class Notices:
    """The sockets on which parts say that they are ready (`tocsin.readiness`), and the readers of their lines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sockets: dict[str, socket.socket] = {}
        self._since: dict[str, float] = {}
        self._readers: set[asyncio.Task[None]] = set()

    def expect(self, name: str) -> str:
        """A fresh socket for the next start of this part; returns its address."""
        path = self._folder / name
        if name in self._sockets:
            self._sockets.pop(name).close()
            path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(str(path))
        self._sockets[name] = sock
        return str(path)

    def started(self, name: str) -> None:
        """From now on it is waited for."""
        self._since[name] = time.monotonic()

    def heard(self, name: str) -> bool:
        """Whether it said that it is ready, or has had the time to."""
        try:
            return self._sockets[name].recv(64).startswith(b"READY=1")
        except BlockingIOError:
            return time.monotonic() - self._since[name] > _PATIENCE

    def follow(self, reader: Coroutine[object, object, None]) -> None:
        """Run a reader for as long as there is something to read."""
        task = asyncio.create_task(reader)
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def close(self) -> None:
        """Read the last lines and let go of the sockets."""
        if self._readers:
            await asyncio.wait(self._readers, timeout=2)
        for sock in self._sockets.values():
            sock.close()


async def pass_on(stream: asyncio.StreamReader, say: Say) -> None:
    """Line by line; control characters of hostile input never reach a terminal, endless lines are cut."""
    rest = b""
    while chunk := await stream.read(_LONGEST_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            say(_plain(line))
        if len(rest) > _LONGEST_LINE:
            say(_plain(rest))
            rest = b""
    if rest:
        say(_plain(rest))


def _plain(line: bytes) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "·" for c in line.decode("utf-8", "replace").rstrip("\r"))


def child_environment(extra: Mapping[str, str], *, known: frozenset[str]) -> dict[str, str]:
    """Ours without misspelt settings (we said so already), and what the supervisor supplies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_") or name in known}
    return {**kept, **extra}
