"""How processes speak on stderr: one structured line per event, coloured on a terminal only."""

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from io import StringIO, TextIOBase
from typing import Final, TextIO, cast

import structlog
from structlog.typing import ExcInfo

from schemas.personal_data import masked
from tocsin.settings import LogLevel

_ID: Final = re.compile(r"[0-9a-f-]{32,36}")


def configure(level: LogLevel) -> None:
    """Set up once per process. Tracebacks carry no local variables: these hold what laboratories and people wrote."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING))
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Masking("%(levelname)s %(name)s %(message)s"))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _mask,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback, pad_event_to=20),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Enduring(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Masking(logging.Formatter):
    """What libraries say, with what names a person masked."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        return masked(super().format(record))


def _mask(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """The values of a line; an id is left as it is."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = value if _ID.fullmatch(value) else masked(value)
        elif isinstance(value, bytes | list | tuple | dict | BaseException):
            event[name] = masked(f"{value!r}")
    return event


def _traceback(out: TextIO, error: ExcInfo) -> None:
    said = StringIO()
    structlog.dev.plain_traceback(said, error)
    out.write(masked(said.getvalue()))


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
