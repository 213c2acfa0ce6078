"""A person decides about a case: under its lock, after what was due before, in one transaction with what follows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from alerts.cases import Case, CaseFile
from alerts.deadlines import earliest
from alerts.effects import Effects
from alerts.errors import Undecidable
from alerts.pipeline import Setting, wake
from alerts.speaking import Saying
from schemas.alert_events import AlertEvent
from schemas.vocabularies import Tense
from storage import memory as recalling
from storage import recording
from storage.memory import Kept, Known, Recalled, Wanted

Decision = Callable[[CaseFile, Case, Saying], None]

_PATIENT: Final = text("SET LOCAL idle_in_transaction_session_timeout = '15min'")


@dataclass(frozen=True, kw_only=True, slots=True)
class CasePlace:
    """Where a case is: what a writer needs to lock and recall it."""

    ledger: Tense
    key: str
    id: str


def wait_for_an_answer(connection: Connection) -> None:
    """A person is asked in this transaction, which holds no lock yet: ten seconds, as elsewhere, would be too few."""
    connection.execute(_PATIENT)


def decide(
    connection: Connection, place: CasePlace, setting: Setting, decision: Decision, *, at: datetime
) -> list[AlertEvent]:
    """What is told because of it, recorded and in the outbox. Raises Undecidable, and then nothing is changed."""
    recalled = recall(connection, [place], setting, at=at)
    file, effects = recalled.memory.files[(place.ledger, place.key)], Effects()
    case = next((case for case in file.cases() if case.id == place.id), None)
    if case is None:
        raise Undecidable("the case is not there any more")
    while due := earliest(case, at):
        wake(file, case, recalled.memory, effects, setting, due=due[0], kind=due[1])
    decision(file, case, setting.saying(recalled.memory, effects, at))
    return recording.record(connection, recalled, effects, kept=Kept())


def recall(connection: Connection, places: list[CasePlace], setting: Setting, *, at: datetime) -> Recalled:
    """Everything under the keys of these cases, locked until the transaction ends."""
    keys = {(place.ledger, place.key): at.date() for place in places}
    recalling.lock(connection, list(keys))
    wanted = Wanted(looked_at=keys, longest=setting.grading.rules.windows_days.longest)
    whole = frozenset(place.key for place in places)
    return recalling.recall(connection, wanted, Known(), whole=whole, kept=Kept())
