"""Reads reports from a flat CSV: a row is a report, a column names its field with dots: `components.0.name_reported`.

What a cell is (text, number, yes or no, words between `|`) is taken from the format of reports; empty cells are left
out. All faults of a table are told at once, with line and column, and then none of its rows is used.
"""

import csv
import difflib
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from schemas.parsing import Json
from schemas.publish import text_of
from schemas.topics import Payload

KEY: Final = "event_id"
"""The column that every table has: without it a row sent twice would be two events."""
BETWEEN: Final = "|"
MOST_FAULTS: Final = 20
_NUMBER: Final = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?")
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")
_INDEX: Final = re.compile(r"\d{1,2}")

Node = dict[str, Json]


class Kind(StrEnum):
    """What the cells of a column hold, in the words of an error."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number with a point, such as 7.5"
    TRUTH = "true or false"
    ANSWER = "true, false or a word"
    WORDS = "words with | between"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A header cell, and what stands under it."""

    name: str
    path: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One report as JSON, and the line it begins on; the header's is 1."""

    number: int
    value: bytes


class TableFault(ValueError):
    """What is wrong with a table: one sentence per line, each with its line and column."""


def is_table(head: bytes) -> bool:
    """Whether a text that begins so is a table of reports: its first line names the key column."""
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0].decode("utf-8", errors="replace")
    return not first.startswith(("{", "[")) and KEY in _cells(first)


def rows(content: bytes) -> tuple[Row, ...]:
    """Every report of the table; raises `TableFault` that names each fault."""
    text = _text(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    faults: list[str] = []
    found: list[Row] = []
    try:
        columns = _columns(next(reader, []))
        start = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append(Row(number=start, value=_report(columns, cells, line=start, faults=faults)))
            start = reader.line_num + 1
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: the quotes do not match ({error}); double a quote inside a cell.")
    _raise(faults)
    return tuple(found)


def _raise(faults: Sequence[str]) -> None:
    if faults:
        raise TableFault("\n".join(_told(faults)))


def _told(faults: Sequence[str]) -> Iterator[str]:
    yield from faults[:MOST_FAULTS]
    if len(faults) > MOST_FAULTS:
        yield f"and {len(faults) - MOST_FAULTS} more; mend these first."


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableFault(f"line {line}: not UTF-8; save the table as CSV UTF-8.") from None


def _delimiter(text: str) -> str:
    """Comma, semicolon (as spreadsheets of many countries write) or tab: what the header has most of."""
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=header.count)


def _cells(header: str) -> tuple[str, ...]:
    return tuple(cell.strip().strip('"') for cell in header.split(_delimiter(header)))


def _columns(header: Sequence[str]) -> tuple[Column, ...]:
    """The columns as the format knows them; with one that it does not know, no row could be read."""
    names = [name.strip() for name in header]
    found: list[Column] = []
    faults = [] if KEY in names else [f"line 1: there is no column {KEY}; give every report its own UUID, for ever."]
    for number, name in enumerate(names, start=1):
        column = _column(name)
        said = column if isinstance(column, str) else _clash(column, found)
        if said:
            faults.append(f"line 1, column {number}: {said}")
        elif isinstance(column, Column):
            found.append(column)
    _raise(faults)
    return tuple(found)


def _clash(column: Column, before: Sequence[Column]) -> str | None:
    """A column that says again what one before it says."""
    for other in before:
        shorter = min(len(column.path), len(other.path))
        if column.path[:shorter] == other.path[:shorter]:
            return f"{column.name} says the same as {other.name}; keep one of them."
    return None


def _column(name: str) -> Column | str:
    """The column of this name, or what is wrong with the name."""
    node, path = _format(), tuple(name.split("."))
    for done, part in enumerate(path):
        child = _child(node, part)
        if child is None:
            known = [".".join((*path[:done], one)) for one in _names(node)]
            near = difflib.get_close_matches(".".join(path[: done + 1]), known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else "see schemas/published/detection.json."
            return f"{name!r} is no field of a report; {hint}"
        node = child
    kind = _kind(node)
    if kind is None:
        return f"{name} is made of parts; name them, such as {name}{_first_leaf(node)}."
    return Column(name=name, path=path, kind=kind)


@cache
def _format() -> Node:
    root: Node = json.loads(text_of(Payload.DETECTION))
    return root


def _resolved(node: Json) -> Node:
    """Behind references and `or nothing`."""
    if not isinstance(node, dict):
        return {}
    reference, options = node.get("$ref"), node.get("anyOf")
    if isinstance(reference, str):
        return _resolved(_at(_format().get("$defs"), reference.rpartition("/")[2]))
    if isinstance(options, list):
        return _resolved(next((one for one in options if _at(one, "type") != "null"), None))
    return node


def _at(node: Json, name: str) -> Json:
    return node.get(name) if isinstance(node, dict) else None


def _child(node: Node, part: str) -> Node | None:
    if node.get("type") == "array":
        return _resolved(node.get("items")) if _INDEX.fullmatch(part) else None
    properties, patterns = node.get("properties"), node.get("patternProperties")
    if isinstance(properties, dict) and part in properties:
        return _resolved(properties[part])
    if isinstance(patterns, dict):
        return next((_resolved(child) for pattern, child in patterns.items() if re.search(pattern, part)), None)
    return None


def _names(node: Node) -> list[str]:
    """What can follow the dot."""
    properties = node.get("properties")
    if isinstance(properties, dict):
        return list(properties)
    return ["0"] if node.get("type") == "array" else ["en"]


def _first_leaf(node: Node) -> str:
    """The rest of a column's name below this part."""
    for name in _names(node):
        child = _child(node, name)
        if child is not None:
            return f".{name}" if _kind(child) else f".{name}{_first_leaf(child)}"
    return ""


def _kind(node: Node) -> Kind | None:
    """What its cells hold; None when it has parts."""
    match node.get("type"):
        case "object":
            return None
        case "array":
            items = _resolved(node.get("items"))
            return Kind.WORDS if _kind(items) is Kind.TEXT else None
        case "integer":
            return Kind.WHOLE
        case "number":
            return Kind.NUMBER
        case "boolean":
            return Kind.TRUTH
        case None:
            return Kind.ANSWER
        case _:
            return Kind.TEXT


def _report(columns: Sequence[Column], cells: Sequence[str], *, line: int, faults: list[str]) -> bytes:
    """The row as JSON; a fault is noted and its cell left out."""
    if any(cell.strip() for cell in cells[len(columns) :]):
        faults.append(
            f"line {line}: {len(cells)} cells under {len(columns)} columns; quote a cell that holds a delimiter."
        )
    report: Node = {}
    for column, cell in zip(columns, cells, strict=False):
        text = cell.strip()
        value = _value(column.kind, text) if text else None
        if value is not None:
            _put(report, column.path, value)
        elif text:
            faults.append(f"line {line}, column {column.name}: {text[:40]!r} is not {column.kind}.")
    if KEY not in report:
        faults.append(f"line {line}, column {KEY}: it is empty; give every report its own UUID, for ever.")
    return json.dumps(_listed(report), ensure_ascii=False).encode()


def _value(kind: Kind, text: str) -> Json:
    """The cell's value, or None when it is none of this kind."""
    match kind:
        case Kind.WHOLE:
            return int(text) if _WHOLE.fullmatch(text) else None
        case Kind.NUMBER:
            return _number(text)
        case Kind.TRUTH:
            return {"true": True, "false": False}.get(text.lower())
        case Kind.ANSWER:
            return {"true": True, "false": False}.get(text.lower(), text)
        case Kind.WORDS:
            return [word.strip() for word in text.split(BETWEEN) if word.strip()]
        case Kind.TEXT:
            return text


def _number(text: str) -> int | float | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _put(report: Node, path: Sequence[str], value: Json) -> None:
    """Set a value, making what it is part of; lists are kept by index until all of them is known."""
    place = report
    for part in path[:-1]:
        below = place.setdefault(part, {})
        place = below if isinstance(below, dict) else {}
    place[path[-1]] = value


def _listed(value: Json) -> Json:
    """Objects whose names are indices become lists, in their order; an index left out leaves no hole."""
    if not isinstance(value, dict):
        return value
    if value and all(_INDEX.fullmatch(name) for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(one) for name, one in value.items()}
