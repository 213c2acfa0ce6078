"""Whether a report is new, known, late, or refused: a report is (canonical laboratory, event_id, revision)."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from schemas.detections import Detection
from schemas.rejections import Rejection
from schemas.vocabularies import Action, RejectionReason, Tense


class Standing(StrEnum):
    """What a report is to the event it speaks of."""

    FIRST = "first"
    REPLACES = "replaces"
    RETRACTS = "retracts"
    LATE = "late"
    WAITS = "waits"
    DUPLICATE = "duplicate"


@dataclass
class KnownEvent:
    """What is remembered of one event of one laboratory. `files` are the case keys its current revision is filed in.

    `waiting` holds revisions that came before the event itself.
    """

    laboratory: str
    event_id: UUID
    digests: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    ledger: Tense = Tense.ACTUAL
    files: frozenset[str] = frozenset()
    retracted: bool = False

    def copied(self) -> "KnownEvent":
        """Another one that can be changed by itself."""
        return replace(self, digests=dict(self.digests), waiting=dict(self.waiting))

    @property
    def received(self) -> bool:
        """Whether the event itself is there, and not only revisions that wait for it."""
        return bool(self.digests)

    @property
    def current(self) -> int:
        """The highest revision seen; the one that counts."""
        return max(self.digests, default=0)


def standing(
    detection: Detection, *, digest: str, known: KnownEvent | None, owners: frozenset[str], laboratory: str
) -> Standing | Rejection:
    """Place a report among the revisions of its event. `owners` are all laboratories with an event of this id."""
    if known is not None and detection.revision in known.digests | known.waiting:
        return _repeated(detection, digest, known)
    if known is None or not known.received:
        if detection.action is Action.NEW:
            return Standing.FIRST
        return not_the_owner(detection) if owners - {laboratory} else Standing.WAITS
    if detection.revision < known.current:
        return Standing.LATE
    return Standing.RETRACTS if detection.action is Action.RETRACT else Standing.REPLACES


def _repeated(detection: Detection, digest: str, known: KnownEvent) -> Standing | Rejection:
    if (known.digests | known.waiting)[detection.revision] == digest:
        return Standing.DUPLICATE
    return Rejection.because(
        RejectionReason.CONFLICTING_REVISION,
        f"Revision {detection.revision} of this event was received before with other content: "
        f"send the correction as revision {max(known.digests | known.waiting) + 1}.",
        "/revision",
    )


def not_the_owner(detection: Detection) -> Rejection:
    """Nobody changes what another laboratory reported."""
    return Rejection.because(
        RejectionReason.NOT_THE_OWNER,
        f"An event of another laboratory cannot be changed by `{detection.action.value}`: "
        "report your own finding as a new event and name theirs in linked_refs.",
        "/event_id",
    )


def orphan() -> Rejection:
    """The event that a revision waited for did not come."""
    return Rejection.because(
        RejectionReason.ORPHAN_REVISION,
        "The event that this revision speaks of was never received: send the event as `new` first, then this again.",
        "/event_id",
    )
