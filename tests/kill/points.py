"""Where a worker can be made to end or to stop: by a file, which the one that goes into the trap takes away."""

import signal
import threading
from enum import StrEnum
from pathlib import Path


class Point(StrEnum):
    """Where a worker can be made to end or to stop."""

    COMMIT = "commit"
    COMMITTED = "committed"
    UNSAID = "unsaid"
    PUBLISHED = "published"


def reached(point: Point, directory: Path) -> None:
    """Die or stop here if that is wanted."""
    for how, number in (("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)):
        try:
            (directory / f"{point}.{how}").unlink()
        except FileNotFoundError:
            continue
        # To this thread: of one sent to the process another takes notice first, and this one may still commit.
        signal.pthread_kill(threading.get_ident(), number)
