"""What laboratories send in a trial: each number is one message, always the same; one in a hundred is poison."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.streaming.site import SUBSTANCES, report

LARGE: Final = 2 * 1024 * 1024
POISONS: Final = ("bad-json", "wrong-schema", "none", "large", "odd-key", "unknown-laboratory")

MARK: Final = b"EX-MARKED"
"""In the report on which the handler of a trial fails, as if it had a bug."""

MARKED_STEP: Final = 60
"""One laboratory sends it, once: more of them would be a fault of the program, for which its topic is held."""


@dataclass(frozen=True)
class Message:
    """A message for one topic."""

    value: bytes | None
    key: bytes | None = None


def message(laboratory: str, *, place: int, of: int, step: int) -> Message:
    """The `step`-th message of the laboratory at `place` among `of`: new, known, amended, retracted, early, poison."""
    number = step * of + place
    if step % 100 == 50:
        return _poison(POISONS[step // 100 % len(POISONS)], laboratory, number)
    if (place, step) == (0, MARKED_STEP):
        reporter = {"lab": laboratory, "role": "forensic_lab", "case_ref": MARK.decode()}
        return Message(_changed(report(laboratory, number), reporter=reporter))
    if step % 20 == 7:
        return Message(_new(laboratory, place, of, step - 3))
    if step % 25 == 13:
        return Message(_again(laboratory, place, of, step - 5, action="amend"))
    if step % 50 == 31:
        return Message(_again(laboratory, place, of, step - 6, action="retract"))
    if step % 200 == 77:
        return Message(_again(laboratory, place, of, step + 5, action="amend"))
    return Message(_new(laboratory, place, of, step), key=str(number).encode() if step % 2 else None)


def _poison(kind: str, laboratory: str, number: int) -> Message:
    good = report(laboratory, number)
    return {
        "bad-json": Message(good[:-9]),
        "wrong-schema": Message(_changed(good, components="brorphine")),
        "none": Message(None, key=b"gone"),
        "large": Message(good + b" " * LARGE),
        "odd-key": Message(good, key=b"\xff\xfe\x00"),
        "unknown-laboratory": Message(report("nobody-knows", number)),
    }[kind]


def _new(laboratory: str, place: int, of: int, step: int) -> bytes:
    return _changed(report(laboratory, step * of + place), components=_components(place, step))


def _again(laboratory: str, place: int, of: int, step: int, *, action: str) -> bytes:
    """The second revision of the event of a step; its tablets are news."""
    first = _new(laboratory, place, of, step)
    return _changed(first, revision=2, action=action, sample={"physical_form": "tablet"})


def _components(place: int, step: int) -> list[Mapping[str, object]]:
    return [
        {
            "name_reported": _substance(place, step),
            "role": "main_active",
            "methods": ["gc_ms"],
            "reference_standard": "yes",
            "identification": "confirmed",
        }
    ]


def _substance(place: int, step: int) -> str:
    """A third are known ones that all laboratories find, so that workers meet at cases. What is revised later stands
    in small cases: a revision counts its case anew from all its reports."""
    if step % 25 == 8 or step % 50 == 25 or step % 200 == 82:
        return f"examplamine {place} {step // 250}"
    if step % 3 == 0:
        return SUBSTANCES[step // 3 % len(SUBSTANCES)]
    return f"exampline {place} {step % 40}"


def _changed(value: bytes, **changes: object) -> bytes:
    document = json.loads(value)
    assert isinstance(document, dict)
    return json.dumps(document | changes).encode()
