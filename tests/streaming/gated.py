"""`python -m tests.streaming.gated FOLDER …`: `tocsin …` on a disk that is slow: a journal's sync waits for us.

Each time it is about to be synced, `FOLDER/asked` is there; it ends when `FOLDER/go` is.
"""

import os
import sys
import time
from pathlib import Path

from tocsin import cli
from tocsin.journal import FILE

_sync = os.fsync


def gated(folder: Path) -> None:
    """Take the place of the system's own."""

    def sync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name == FILE:
            (folder / "asked").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)
        _sync(handle)

    os.fsync = sync  # type: ignore[assignment]  # a journal syncs by handle


if __name__ == "__main__":
    gated(Path(sys.argv.pop(1)))
    cli.main()
