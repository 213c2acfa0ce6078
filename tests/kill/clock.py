"""The clock of the machine as the processes of one trial see it, moved while they run; that of the machine stays."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.programs import open_directory

SOURCE: Final = Path(__file__).with_name("clock.c")


class NoClock(Exception):
    """Why processes cannot be given a clock of their own here."""


@dataclass(frozen=True)
class Clock:
    """What is started with its environment lives by it. An open transaction, a socket or a sleep does not notice."""

    library: Path
    directory: Path

    def environment(self, name: str = "clock") -> Mapping[str, str]:
        """For processes that live by the clock of this name."""
        file = self.directory / name
        if not file.exists():
            file.write_bytes(bytes(8))
            file.chmod(0o644)
        return {"LD_PRELOAD": str(self.library), "TEST_CLOCK": str(file)}

    def move(self, hours: float, name: str = "clock") -> None:
        """It is so much later or earlier than it is, from now on."""
        with Path(self.environment(name)["TEST_CLOCK"]).open("r+b") as file:
            file.write(int(hours * 3600 * 10**9).to_bytes(8, sys.byteorder, signed=True))


@contextmanager
def machine_clock() -> Iterator[Clock]:
    """Everything that this process starts within the block lives by the clock, engines too; or `NoClock`."""
    with open_directory() as directory:
        clock = Clock(_built(directory), directory)
        before = {name: os.environ.get(name) for name in clock.environment()}
        os.environ.update(clock.environment())
        try:
            yield clock
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _built(directory: Path) -> Path:
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise NoClock("a clock of their own is given to processes on Linux with a C compiler (cc) only")
    library = directory / "clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoClock(f"cc could not build {SOURCE.name}: {done.stderr.strip()[-300:]}")
    library.chmod(0o755)
    return library
