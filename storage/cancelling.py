"""A person withdraws an alert: under the lock of its case, in one transaction with what follows."""

from datetime import datetime

from sqlalchemy import Connection

from alerts.effects import Effects
from alerts.pipeline import Setting, cancel
from schemas.alert_events import AlertEvent
from storage import memory as recalling
from storage import recording
from storage.browsing import AlertPlace
from storage.memory import Kept, Known, Wanted


def cancel_alert(
    connection: Connection, place: AlertPlace, setting: Setting, *, at: datetime, by: str, reason: str
) -> AlertEvent | None:
    """The cancellation, recorded and in the outbox; None when the alert has ended already."""
    file_key = (place.ledger, place.case_key)
    recalling.lock(connection, [file_key])
    wanted = Wanted(looked_at={file_key: at.date()}, longest=setting.grading.rules.windows_days.longest)
    recalled = recalling.recall(connection, wanted, Known(), whole=frozenset({place.case_key}), kept=Kept())
    file = recalled.memory.files[file_key]
    case = next((case for case in file.cases() if case.id == place.case_id), None)
    if case is None or case.thread is None or case.thread.ended:
        return None
    effects = Effects()
    cancel(file, case, recalled.memory, effects, setting, at=at, by=by, reason=reason)
    return recording.record(connection, recalled, effects, kept=Kept())[-1]
