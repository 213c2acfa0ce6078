"""Reads reports from files: JSON Lines, one JSON object, several, a list of them, or a CSV; told apart by content.

The bytes of a JSON report come through untouched, so that what is wrong with them is found where it is looked for.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tocsin.errors import Refusal
from tocsin.report_tables import TableFault, is_table, rows

_SPACE: Final = " \t\r\n"
_HEAD: Final = 4096
_SCAN: Final = json.JSONDecoder()


class Unreadable(Refusal):
    """A file that cannot be read; names it and the system's reason."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One report as it stands in a file; the first line is 1."""

    number: int
    value: bytes


def lines(path: Path) -> Iterator[Line]:
    """Every report of the file, in its order. JSON Lines are read line by line, whatever the size of the file."""
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".csv" or is_table(file.peek(_HEAD)):
                yield from _rows(path, file)
            else:
                yield from _lines(file) if _is_json_lines(file) else _values(file)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror or error}. Check the name and its rights.") from error


def _rows(path: Path, file: BinaryIO) -> Iterator[Line]:
    try:
        found = rows(file.read())
    except TableFault as fault:
        raise Unreadable("\n".join(f"{path}, {sentence}" for sentence in str(fault).splitlines())) from None
    yield from (Line(number=row.number, value=row.value) for row in found)


def _is_json_lines(file: BinaryIO) -> bool:
    """Whether each line stands alone: the first is complete, or the second cannot continue it."""
    filled = (line.strip() for line in file if line.strip())
    first, second = next(filled, b""), next(filled, b"")
    file.seek(0)
    if first.startswith(b"["):
        return False
    return not first.startswith(b"{") or _is_complete(first) or second.startswith(b"{")


def _is_complete(line: bytes) -> bool:
    """Whether an object that begins on the line also ends on it."""
    try:
        _SCAN.raw_decode(line.decode("utf-8", errors="replace"))
    except json.JSONDecodeError as error:
        return error.pos < len(error.doc) - 1
    except (RecursionError, ValueError):
        return True
    return True


def _lines(file: BinaryIO) -> Iterator[Line]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield Line(number=number, value=line.strip())


def _values(file: BinaryIO) -> Iterator[Line]:
    """The values of a whole text: those of a list when it is one, else one after another."""
    text = file.read().decode("utf-8", errors="surrogateescape")
    position, number = _skip(text, 0), 1
    in_list = text.startswith("[", position)
    counted = 0
    position = _skip(text, position + 1, ",]") if in_list else position
    while position < len(text):
        end = _end_of_value(text, position)
        number, counted = number + text.count("\n", counted, position), position
        yield Line(number=number, value=text[position:end].encode("utf-8", errors="surrogateescape"))
        position = _skip(text, end, ",]" if in_list else "")


def _end_of_value(text: str, start: int) -> int:
    """Where the value ends that starts there; the end of the text when it is broken."""
    try:
        return _SCAN.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)


def _skip(text: str, position: int, besides: str = "") -> int:
    while position < len(text) and text[position] in _SPACE + besides:
        position += 1
    return position
