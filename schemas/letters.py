"""What is said to a destination and is about no single alert. Stored as alert events are, so that it is a delivery."""

from enum import StrEnum
from typing import Literal

from schemas.base import Frozen
from schemas.vocabularies import Audience, Handling, Tense


class LetterKind(StrEnum):
    DIGEST = "digest"
    ENDPOINT_OFF = "endpoint_off"


class Letter(Frozen):
    """The fields that a claim looks at before each send, as those of an alert event: the strictest of what it says."""

    tense: Literal[Tense.ACTUAL] = Tense.ACTUAL
    handling: Handling = Handling.CLEAR
    use_conditions: tuple[str, ...] = ()
    audience: Audience = Audience.GENERAL


class EndpointOff(Letter):
    """To the owner of a webhook that was switched off: which, and why (`failing` or `gone`)."""

    letter: Literal[LetterKind.ENDPOINT_OFF] = LetterKind.ENDPOINT_OFF
    url: str
    reason: str
