"""What foreign text may reach a reader: everything that laboratories and people wrote is hostile until it passed here.

Two ways: `shown` makes text fit for a body (marks what it takes out, so that nothing vanishes silently); `header_fault`
only judges, because in a header the rule is to refuse and never to repair.
"""

import re
from typing import Final

INVISIBLE: Final = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
"""Bidirectional controls and characters without a width: they reorder or hide what a person reads."""

_UNSHOWABLE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f{INVISIBLE}\ud800-\udfff\U000e0000-\U000e007f]+")
_UNFIT_FOR_HEADER: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{INVISIBLE}\ud800-\udfff\U000e0000-\U000e007f]")
REPLACEMENT: Final = "\ufffd"
ELLIPSIS: Final = "…"


def shown(text: str, *, limit: int = 300) -> str:
    """One line of at most `limit` characters: white space collapsed, controls marked, cut with an ellipsis."""
    line = " ".join(text[: 4 * limit].split())
    line = _UNSHOWABLE.sub(REPLACEMENT, line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def header_fault(text: str, *, limit: int) -> str | None:
    """Why `text` may not stand in a header, or None. `=?` could be an encoded word that decodes to a line break."""
    if len(text) > limit:
        return f"longer than {limit} characters"
    if found := _UNFIT_FOR_HEADER.search(text):
        return f"holds the character U+{ord(found.group()):04X}"
    if "=?" in text:
        return 'holds "=?", the beginning of an encoded word'
    return None
