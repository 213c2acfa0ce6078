"""Why a record was refused, in words that a laboratory can act on."""

from schemas.base import Frozen
from schemas.vocabularies import RejectionReason


class Problem(Frozen):
    """One thing wrong: `pointer` is a JSON pointer (RFC 6901; empty for the whole document)."""

    pointer: str
    sentence: str


class Rejection(Frozen):
    """A refusal. `problems` is never empty."""

    reason: RejectionReason
    problems: tuple[Problem, ...]

    @classmethod
    def because(cls, reason: RejectionReason, sentence: str, pointer: str = "") -> "Rejection":
        """A refusal with a single problem."""
        return cls(reason=reason, problems=(Problem(pointer=pointer, sentence=sentence),))
