"""What persons had decided before a restore and no later report brought up again: repeated once the logs were read."""

from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from alerts.effects import Effects
from alerts.pipeline import Setting
from alerts.speaking import repeat_decisions
from storage import browsing, recording, told_before
from storage import memory as recalling
from storage.browsing import AlertPlace
from storage.memory import Kept, Known, Wanted


def repeat_all(engine: Engine, setting: Setting, *, now: datetime) -> int:
    """Each in a transaction of its own; how many alerts had any."""
    with engine.begin() as connection:
        known = {one.alert_id: one for one in told_before.load(connection).values() if one.decisions}
    for alert_id in sorted(known):
        with engine.begin() as connection:
            place = browsing.place_of(connection, alert_id)
            if place is not None:
                _repeat(connection, place, setting, now)
    return len(known)


def _repeat(connection: Connection, place: AlertPlace, setting: Setting, now: datetime) -> None:
    file_key = (place.ledger, place.case_key)
    recalling.lock(connection, [file_key])
    wanted = Wanted(looked_at={file_key: now.date()}, longest=setting.grading.rules.windows_days.longest)
    recalled = recalling.recall(connection, wanted, Known(), whole=frozenset({place.case_key}), kept=Kept())
    file, effects = recalled.memory.files[file_key], Effects()
    for case in [case for case in file.cases() if case.id == place.case_id]:
        repeat_decisions(file, case, partial(setting.saying, recalled.memory, effects), now)
    recording.record(connection, recalled, effects, kept=Kept())
