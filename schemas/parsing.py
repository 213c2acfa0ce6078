"""Reads bytes as JSON, strictly (RFC 8259): UTF-8, no NaN, no duplicate keys, bounded size and depth."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final, Never

from schemas.characters import shown
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason

MAX_BYTES: Final = 1024 * 1024
MAX_NESTING: Final = 32
_LONGEST_INTEGER: Final = 19
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """The value, and the text it was read from."""

    value: Json
    text: str


class _NotAllowed(ValueError):
    """The JSON holds something that RFC 8259 or this format does not allow."""


def parse(value: bytes | None) -> Parsed | Rejection:
    """The JSON value, or why it cannot be read. Never raises, whatever the bytes."""
    if value is None or not value.strip():
        return Rejection.because(RejectionReason.EMPTY, "The message is empty; send one report as JSON.")
    if len(value) > MAX_BYTES:
        return Rejection.because(
            RejectionReason.TOO_LARGE,
            f"The message has {len(value):,} bytes; a report has at most {MAX_BYTES:,}. "
            "Send images as a link and split what is more than one report.",
        )
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        return _undecodable(f"The message is not UTF-8: byte {error.start + 1} is wrong. Send it encoded as UTF-8.")
    if value.startswith(_BOM):
        return _undecodable("The message begins with a byte order mark; send UTF-8 without it.")
    return _parse_text(text)


def _parse_text(text: str) -> Parsed | Rejection:
    if _too_deep(text):
        return _undecodable(f"The message is nested deeper than {MAX_NESTING} levels; a report never is. Send it flat.")
    try:
        return Parsed(value=_DECODER.decode(text), text=text)
    except json.JSONDecodeError as error:
        return _undecodable(
            f"The message is not JSON: {error.msg} at line {error.lineno}, column {error.colno}. Correct it there."
        )
    except _NotAllowed as error:
        return _undecodable(str(error))


def _undecodable(sentence: str) -> Rejection:
    return Rejection.because(RejectionReason.UNDECODABLE, sentence)


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        character = token.group()
        if character in "[{":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif character in "]}":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _NotAllowed(f"The message names the field {shown(twice)} twice in one object; send it once.")
    return found


def _constant(name: str) -> Never:
    raise _NotAllowed(f"The message holds {name}, which is not a JSON number; leave the field out when unknown.")


def _integer(digits: str) -> int | float:
    """Numbers beyond every field's bound become infinite, and are refused where they stand."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else inf


def _real(digits: str) -> float:
    number = float(digits) if len(digits) <= 400 else inf
    return number if isfinite(number) else inf


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_real
)
