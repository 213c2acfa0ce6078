"""How processes speak on stderr: one structured line per event, coloured on a terminal only."""

import contextlib
import logging
import sys
from io import TextIOBase
from typing import TextIO, cast

import structlog

from tocsin.settings import LogLevel


def configure(level: LogLevel) -> None:
    """Set up once per process. Tracebacks carry no local variables: these hold what laboratories and people wrote."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=20
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Enduring(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class Enduring(TextIOBase):
    """A stream whose reader may go away (a killed supervisor, a closed terminal): what is then written is lost,
    and the process still does and ends what it was doing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As the stream's."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As the stream's."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
