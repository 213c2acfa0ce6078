"""Wakes the cases of which something is due: each timer in a transaction of its own, at the time it was due."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from alerts.deduplication import orphan
from alerts.disclosure import mixed
from alerts.effects import Effects
from alerts.pipeline import Setting, wake
from schemas.topics import detections_topic, laboratory_of
from schemas.vocabularies import Occasion
from storage import dead_letters, outbox, recording, timers, waiting
from storage import memory as recalling
from storage.dead_letters import DeadLetter
from storage.following import renewed
from storage.memory import Kept, Known, Wanted
from storage.waiting import Waiting
from streams import feedback
from streams.config import Flow
from streams.refusals import announcement


@dataclass
class Timers:
    """The clock's work. Calling it runs every timer due at an instant and says how many ran."""

    engine: Engine
    setting: Setting

    def __call__(self, now: datetime) -> int:
        """Run what is due, oldest first."""
        ran = 0
        while self._run_next(now):
            ran += 1
        return ran + self._give_up(now)

    def _give_up(self, now: datetime) -> int:
        """Revisions that waited 30 days for their event become dead letters."""
        with self.engine.begin() as connection:
            expired = waiting.take_expired(connection, now)
            letters = [_orphan(one) for one in expired]
            dead_letters.add(connection, letters)
            told = [feedback.refusal(one.record, one.rejection, Occasion.GIVEN_UP) for one in letters]
            outbox.add(connection, [*map(announcement, letters), *feedback.messages(told)])
        return len(expired)

    def _run_next(self, now: datetime) -> bool:
        with self.engine.begin() as connection:
            timer = timers.next_due(connection, now)
            if timer is None:
                return False
            self.setting = renewed(connection, self.setting)
            file_key = (timer.ledger, timer.case_key)
            recalling.lock(connection, [file_key])
            if not timers.claim(connection, timer):
                return True
            wanted = Wanted(
                looked_at={file_key: timer.due_at.date()}, longest=self.setting.grading.rules.windows_days.longest
            )
            ended_too = frozenset({timer.case_key}) if timer.case_key.startswith("U:") else frozenset[str]()
            recalled = recalling.recall(connection, wanted, Known(), whole=ended_too, kept=Kept())
            effects, file = Effects(), recalled.memory.files[file_key]
            case = next((case for case in file.cases() if case.id == timer.case_id), None)
            if case is not None and mixed(case.summary) and file.filed is None:
                whole = frozenset({timer.case_key})
                recalled = recalling.recall(connection, wanted, Known(), whole=whole, kept=Kept())
                file = recalled.memory.files[file_key]
                case = next(one for one in file.cases() if one.id == timer.case_id)
            if case is not None:
                wake(file, case, recalled.memory, effects, self.setting, due=timer.due_at, kind=timer.kind)
                recording.record(connection, recalled, effects, kept=Kept())
            return True


def _orphan(one: Waiting) -> DeadLetter:
    """The dead letter of a revision whose event did not come. It was counted as applied, and stays so counted."""
    flow = Flow.LIVE if one.record.topic == detections_topic(laboratory_of(one.record.topic) or "") else Flow.BACKFILL
    return DeadLetter(flow=flow.value, record=one.record, rejection=orphan(), waited=True)
