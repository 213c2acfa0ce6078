"""What one attempt to send came to: the only thing a channel may answer to the courier."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from schemas.deliveries import OutcomeReason

__all__ = ["ANSWER_LIMIT", "Outcome", "OutcomeReason", "Verdict", "sanitised"]

ANSWER_LIMIT: Final = 1024
"""Bytes of UTF-8 kept of what a server answered."""

SECRETS: Final = re.compile(r"\b(?:whsec_|whsk_|bearer\s+|basic\s+|v1a?,)[A-Za-z0-9+/=_.\-]+", re.IGNORECASE)
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+")


class Verdict(StrEnum):
    """accepted: the other side took it. deferred: certainly not taken, try again. unknown: it may have been taken.
    failed: refused for good."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    FAILED = "failed"


def sanitised(answer: str) -> str:
    """At most 1 kB of `answer` without secrets and control characters, fit for a row and a terminal."""
    text = CONTROLS.sub(" ", SECRETS.sub("[secret]", answer[: 4 * ANSWER_LIMIT])).strip()
    return text.encode("utf-8", "replace")[:ANSWER_LIMIT].decode("utf-8", "ignore")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """`code` is the SMTP enhanced code or HTTP status; `retry_after` is what the server asked for, not what
    we do; `acknowledged`: its answer says that it needs no reminder."""

    verdict: Verdict
    reason: OutcomeReason
    code: str | None = None
    answer: str = ""
    retry_after: timedelta | None = None
    acknowledged: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "answer", sanitised(self.answer))
