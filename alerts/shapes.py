"""What the case log keeps of a case besides its reports and level: state, alert, what people decided."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from alerts.cases import Case
from alerts.decisions import Decisions
from alerts.threads import Thread
from schemas.vocabularies import CaseState, Tense


class Shape(NamedTuple):
    """A case at one time. Threads and decisions are frozen: keeping them costs nothing until one has changed."""

    ledger: Tense
    key: str
    state: CaseState
    thread: Thread | None
    decisions: Decisions

    @classmethod
    def of(cls, case: Case) -> "Shape":
        return cls(case.ledger, case.key, case.state, case.thread, case.decisions)

    def said(self) -> Mapping[str, JsonValue]:
        """As the log keeps it."""
        alert: Mapping[str, JsonValue] = (
            {} if self.thread is None else self.thread.model_dump(mode="json", include=_OF_ALERT, exclude_none=True)
        )
        decided: Mapping[str, JsonValue] = self.decisions.model_dump(mode="json", exclude_defaults=True)
        return {"ledger": self.ledger.value, "key": self.key, "state": self.state.value, **alert, **decided}


_OF_ALERT = {"alert_id", "revision", "announced", "ended_as", "expires_at", "valid_until", "review_at", "judged"}


def difference(before: Shape | None, after: Shape) -> tuple[Mapping[str, JsonValue], Mapping[str, JsonValue]]:
    """What was and what became, of what changed; both empty when nothing did. A new case became everything it is."""
    if before == after:
        return {}, {}
    was, became = before.said() if before else {}, after.said()
    changed = [name for name in sorted({*was, *became}) if was.get(name) != became.get(name)]
    return {name: was.get(name) for name in changed if name in was}, {name: became.get(name) for name in changed}
