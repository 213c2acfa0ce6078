"""Decides which characters never belong in a report.

Control, bidirectional override, zero-width, surrogate and tag characters hide or reorder what a reader sees.
In text they are stripped and noted, in identifiers refused.
"""

import re
from math import isfinite
from typing import Final

_BREAKS: Final = "\\t\\n\\r"
_HIDDEN: Final = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f"
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164"
    "\\ud800-\\udfff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff"
    "\\U000e0000-\\U000e0fff"
)
_UNWANTED: Final = re.compile(f"[{_HIDDEN}]")
_UNWANTED_OR_BREAK: Final = re.compile(f"[{_HIDDEN}{_BREAKS}]")
_LINE_BREAK: Final = re.compile(f"[{_BREAKS}]+")


def suspicious(text: str) -> bool:
    """Whether anything in it would be stripped from a single line of text."""
    return _UNWANTED_OR_BREAK.search(text) is not None


def suspicious_in_document(json_text: str) -> bool:
    """Whether the strings of a JSON text may hold some, raw or escaped. Line breaks between tokens are fine."""
    return "\\" in json_text or _UNWANTED.search(json_text) is not None


def clean(text: str, *, lines: bool) -> str:
    """The text without them. `lines` keeps line breaks and tabs; otherwise a run of them becomes one space."""
    stripped = _UNWANTED.sub("", text)
    return stripped if lines else _LINE_BREAK.sub(" ", stripped)


def name_of(text: str) -> str:
    """The first unwanted character as its code point, `U+202E`; empty when there is none."""
    found = _UNWANTED_OR_BREAK.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""


def shown(value: object, *, limit: int = 40) -> str:
    """A value from outside, safe inside a sentence: hidden characters as escapes, quoted when text, shortened."""
    text = value if isinstance(value, str) else repr_of(value)
    visible = _UNWANTED_OR_BREAK.sub(lambda match: f"\\u{ord(match.group()):04x}", text[: limit * 2])
    short = visible if len(visible) <= limit else visible[: limit - 1] + "…"
    return f"“{short}”" if isinstance(value, str) else short


def repr_of(value: object) -> str:
    """What stands for a value that is not text: never its whole content."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case float() if not isfinite(value):
            return "a number beyond all bounds"
        case int() | float():
            return f"{value:.6g}" if isinstance(value, float) or abs(value) >= 10**18 else str(value)
        case _:
            return type(value).__name__


def marked(text: str) -> str:
    """The text with a question mark for each of them: a field name so changed is never a known one."""
    return _UNWANTED_OR_BREAK.sub("?", text)
