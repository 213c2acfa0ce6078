"""Reads the CSV files that evaluations run on: from outside the repository, with columns that must be there."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tocsin.errors import Refusal


class WrongTable(Refusal):
    """A file that cannot be evaluated; names it, the line where there is one, and what is wanted."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row and the line of the file on which it ends; the header is line 1."""

    line: int
    cells: dict[str, str]


def read(path: Path, *, columns: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a CSV file in UTF-8; columns besides those asked for are kept, order and case do not matter."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongTable(f"{path} is not UTF-8 (byte {error.start}). Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise WrongTable(f"{path} cannot be read: {error.strerror or error}. Check the name and its rights.") from None
    rows = tuple(_rows(path, text, columns))
    if not rows:
        raise WrongTable(f"{path} has no rows below its header.")
    return rows


def _rows(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(lines, [])]
        _check_header(path, header, columns)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise WrongTable(f"{path}, line {lines.line_num}: {len(cells)} cells, the header has {len(header)}.")
            yield Row(line=lines.line_num, cells=dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise WrongTable(f"{path}, line {lines.line_num}: not CSV with commas ({error}).") from None


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if missing := [column for column in columns if column not in header]:
        found = ", ".join(cell for cell in header if cell) or "nothing"
        raise WrongTable(
            f"{path}, line 1: no column {', '.join(missing)}; the header has {found}. "
            f"Wanted are {', '.join(columns)}, separated by commas."
        )
    if doubled := sorted({column for column in columns if header.count(column) > 1}):
        raise WrongTable(f"{path}, line 1: column {', '.join(doubled)} stands there twice.")
