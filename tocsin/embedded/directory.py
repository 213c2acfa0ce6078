"""One data directory: what it is for, who holds it, which ports it keeps and what runs in it now."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from schemas.base import Frozen
from tocsin.errors import Refusal

ADMIN: Final = "admin"
"""The login that may do everything, at an embedded Kafka that asks for one."""


class DataPurpose(StrEnum):
    """What a data directory is for, written into it once; one purpose never starts on another's directory."""

    UP = "up"
    DEMO = "demo"
    TEST = "test"


class Ports(Frozen):
    """Loopback ports, kept from start to start; 0 means none yet."""

    kafka: int = 0
    controller: int = 0
    postgres: int = 0
    smtp: int = 0
    mailbox: int = 0
    portal: int = 0


class State(Frozen):
    """What a directory keeps between runs."""

    ports: Ports = Ports()
    password: str = Field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    postgres_home: str | None = None
    """Where PostgreSQL's files are when they cannot be here (started as root, directory closed to others)."""
    kafka_password: str | None = Field(default=None, repr=False)
    """The administrator's at a Kafka with logins and rights; None: a Kafka without them."""


class Running(Frozen):
    """What runs now, for the commands of another terminal. None: not ours, it was given by a setting."""

    pid: int
    started: float
    kafka: str | None = None
    kafka_password: str | None = Field(default=None, repr=False)
    """The administrator's, where Kafka asks for a login."""
    database_url: str | None = Field(default=None, repr=False)
    smtp: str | None = None
    mailbox: str | None = None
    portal: str | None = None

    def alive(self) -> bool:
        """Whether the supervisor that wrote this still runs; a pid used again by a stranger does not count."""
        import psutil  # an installation without the embedded engines has none, and never comes here

        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        except psutil.Error:
            return False


class DataDirectory:
    """The files of one directory. `path` is absolute and resolved."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()

    @contextlib.contextmanager
    def held(self, purpose: DataPurpose) -> Iterator[None]:
        """Hold the directory for this process alone; taken before any engine touches it."""
        self._make()
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise Refusal(
                    f"{self.path} is in use: another Tocsin runs there (pid {lock.read().strip() or 'unknown'}). "
                    "Stop that one, or choose another directory with --data-dir."
                ) from None
            lock.truncate(0)
            print(os.getpid(), file=lock, flush=True)
            self._mark(purpose)
            self._running_file.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._running_file.unlink(missing_ok=True)

    def state(self) -> State:
        """What was kept, or a fresh state."""
        file = self.path / "state.json"
        try:
            return State.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return State()
        except ValidationError:
            raise Refusal(
                f"{file} cannot be read: it is not what Tocsin wrote there. Put it back from a copy "
                "(it holds the database's password), or start in another directory with --data-dir."
            ) from None

    def keep(self, state: State) -> None:
        """Write the state so that a crash leaves the old or the new one."""
        self._write(self.path / "state.json", state)

    def announce(self, running: Running) -> None:
        """Tell other terminals what runs here."""
        self._write(self._running_file, running)

    def running(self) -> Running | None:
        """What runs here now, or None."""
        try:
            running = Running.model_validate_json(self._running_file.read_bytes())
        except (OSError, ValidationError):
            return None
        return running if running.alive() else None

    @property
    def _running_file(self) -> Path:
        return self.path / "running.json"

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(
                f"The data directory {self.path} cannot be made ({error.strerror}). Choose another with --data-dir."
            ) from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise Refusal(f"The data directory {self.path} is not writable. Choose another with --data-dir.")

    def _mark(self, purpose: DataPurpose) -> None:
        mark = self.path / "purpose"
        found = mark.read_text().strip() if mark.exists() else None
        if found is None:
            mark.write_text(f"{purpose}\n")
        elif found != purpose:
            raise Refusal(
                f"{self.path} was made for `{found}` and is not used for `{purpose}`. "
                "Choose another directory with --data-dir."
            )

    def _write(self, file: Path, content: Frozen) -> None:
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(0o600)
        new.write_text(content.model_dump_json())
        new.rename(file)
