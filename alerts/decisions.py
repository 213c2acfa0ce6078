"""What people decided about a case and still holds; the machine reads it and, when its time is over, takes it back."""

from schemas.alert_events import OverrideRef
from schemas.base import Frozen
from schemas.vocabularies import Level


class Decisions(Frozen):
    """`shut`: a person closed the case; it still receives reports, and new facts open it again.

    `before_override` is the level that was told when the override began, None when nothing was.
    `merged_into` is the case that holds the reports of this one; `gave_thread`: its alert went with them.
    """

    shut: bool = False
    override: OverrideRef | None = None
    before_override: Level | None = None
    merged_into: str | None = None
    gave_thread: bool = False


UNDECIDED = Decisions()
