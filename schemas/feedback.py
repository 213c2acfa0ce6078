"""What `feedback-<lab>` carries: for each report of one laboratory what became of it, and why.

Nothing of another laboratory's reports is in it. One message holds as many reports as were decided together.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from schemas import personal_data
from schemas.base import Frozen
from schemas.dead_letter_messages import Coordinates
from schemas.rejections import Problem, Rejection
from schemas.values import LaboratoryId
from schemas.vocabularies import AlertKind, Level, Occasion, RejectionReason, ReportFate, Tense

MOST_PROBLEMS: Final = 20
MOST_NOTES: Final = 20
MASK: Final = "[masked]"

_PERSONAL: Final = re.compile(r"[^\s“”<>@,;]+@[^\s“”<>@,;]+|\+?[0-9](?:[ ().-]?[0-9]){8,}|[0-9]{7,}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+)?")


class FeedbackCase(Frozen):
    """A case that the report counts in. `substance` is the name of the report's own finding; `level` is null where
    other laboratories' reports in the case are for their recipients only."""

    case_id: str = Field(pattern="^[0-9a-f]{32}$")
    substance: str
    level: Level | None = None


class FeedbackAlert(Frozen):
    """What was said to people because of the report."""

    number: str
    revision: int = Field(ge=1, strict=True)
    kind: AlertKind
    level: Level


class EventRevision(Frozen):
    """The report that was received before with the same content."""

    event_id: UUID
    revision: int = Field(ge=1, strict=True)


class ReportFeedback(Frozen):
    """One report. `event_id`, `revision` and `status` as it says, null where they could not be read.

    `reason` and `problems` say why it was refused; `notes` what was stripped or ignored; `waits_until` when a revision
    that came before its event is given up.
    """

    source: Coordinates
    fate: ReportFate
    occasion: Occasion = Occasion.RECEIVED
    event_id: UUID | None = None
    revision: int | None = None
    status: Tense | None = None
    reason: RejectionReason | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    duplicate_of: EventRevision | None = None
    waits_until: AwareDatetime | None = None
    cases: tuple[FeedbackCase, ...] = ()
    alerts: tuple[FeedbackAlert, ...] = ()

    @model_validator(mode="after")
    def _a_refusal_has_its_reason(self) -> Self:
        if (self.fate is ReportFate.REFUSED) != (self.reason is not None and bool(self.problems)):
            raise ValueError("reason and problems belong to what was refused, and to nothing else")
        return self


class Feedback(Frozen):
    """`event_id` is a hash of what is told: a repeat on the topic is the same message."""

    schema_version: Literal["1.0"] = "1.0"
    event_id: UUID
    laboratory: LaboratoryId
    reports: tuple[ReportFeedback, ...] = Field(min_length=1)

    @classmethod
    def to(cls, laboratory: str, reports: Sequence[ReportFeedback]) -> Self:
        """The message to one laboratory."""
        told = "\n".join(map(_told, reports))
        digest = hashlib.sha256(f"feedback\n{laboratory}\n{told}".encode()).digest()
        event_id = UUID(bytes=digest[:16], version=5)
        return cls.trusted(event_id=event_id, laboratory=laboratory, reports=tuple(reports))


def refused(
    source: Coordinates, rejection: Rejection, *, event_id: UUID | None, revision: int | None, occasion: Occasion
) -> ReportFeedback:
    """A refusal, its first problems, and nothing in them from which a person could be known."""
    shown = tuple(
        Problem(pointer=masked(one.pointer), sentence=masked(one.sentence))
        for one in rejection.problems[:MOST_PROBLEMS]
    )
    return ReportFeedback(
        source=source,
        fate=ReportFate.REFUSED,
        occasion=occasion,
        event_id=event_id,
        revision=revision,
        reason=rejection.reason,
        problems=shown,
    )


def masked(sentence: str) -> str:
    """Without e-mail addresses and long numbers; dates and instants of the calendar stay."""
    kept, end = list[str](), 0
    for found in _INSTANT.finditer(sentence):
        kept += [_PERSONAL.sub(MASK, sentence[end : found.start()]), found.group()]
        end = found.end()
    return personal_data.masked("".join([*kept, _PERSONAL.sub(MASK, sentence[end:])]))


def _told(report: ReportFeedback) -> str:
    source = report.source
    place = f"{source.topic}\n{source.partition}\n{source.offset}\n{source.timestamp.isoformat()}"
    return f"{place}\n{report.occasion}\n{report.fate}\n{report.reason}"
