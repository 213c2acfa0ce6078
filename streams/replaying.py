"""Runs a dead letter through the stage once more: schema, registry or catalogue were mended, or its event came."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from alerts.deduplication import orphan
from alerts.readings import Reading
from schemas.records import Record
from schemas.rejections import Rejection
from schemas.vocabularies import Occasion, RejectionReason, ReportFate
from storage import dead_letters, outbox, positions
from storage.dead_letters import Act, Decision, LetterState, StoredDeadLetter
from storage.engine import is_infrastructure
from storage.positions import Partition
from storage.waiting import PATIENCE
from streams import feedback
from streams.assess import Assess
from streams.stage import Again, Dead, Fate

log: Final = structlog.get_logger("streams.replaying")

MOST_AGAIN: Final = 20

FAILED: Final = Rejection.because(
    RejectionReason.INTERNAL_ERROR,
    "We failed once more to process this report although nothing is known to be wrong with it. "
    "It is kept, and the operator of this site knows; there is nothing for you to do.",
)


class NoSuchLetter(Exception):
    """There is no dead letter of this number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """A dead letter as it stands now. `done_before`: somebody had decided about it already, and nothing was changed."""

    letter: StoredDeadLetter
    done_before: bool


@dataclass(frozen=True, slots=True)
class Replays:
    """Replays and discards dead letters. The bytes stay for ever; positions and their counters do not move."""

    engine: Engine
    stage: Assess

    def replay(self, number: int, *, by: str, because: str, now: datetime) -> Replayed:
        """One transaction. The report is decided now, as a revision that waited for its event is; its own time still
        says whether it came from the future. What is refused again stays open, with the new reason."""
        for _ in range(MOST_AGAIN):
            try:
                return self._replayed(number, Decision(act=Act.REPLAY, by=by, because=because, at=now))
            except Again:
                continue
        raise Again

    def _replayed(self, number: int, decision: Decision) -> Replayed:
        with self.engine.begin() as connection:
            letter = _locked(connection, number)
            if letter.state is not LetterState.OPEN:
                return Replayed(letter=letter, done_before=True)
            fate = self._fate(connection, letter.record, decision.at)
            told = feedback.told(letter.record, fate, Occasion.REPLAYED)
            outbox.add(connection, feedback.messages(told))
            rejection = fate.rejection if isinstance(fate, Dead) else None
            dead_letters.decide(connection, number, replace(decision, fate=told[0].fate), rejection)
            return Replayed(letter=_locked(connection, number), done_before=False)

    def _fate(self, connection: Connection, record: Record, now: datetime) -> Fate:
        """What the stage makes of it; what it wrote before it failed, or for one that waits in vain, is undone."""
        savepoint = connection.begin_nested()
        try:
            fate = self._applied(connection, record, now)
        except Exception as error:
            savepoint.rollback()
            if isinstance(error, Again) or is_infrastructure(error):
                raise
            log.error("replay_failed", topic=record.topic, offset=record.offset, exc_info=error)
            return Dead(FAILED)
        if isinstance(fate, Dead) or _waits_in_vain(fate, record, now):
            savepoint.rollback()
            return fate if isinstance(fate, Dead) else Dead(orphan())
        savepoint.commit()
        return fate

    def _applied(self, connection: Connection, record: Record, now: datetime) -> Fate:
        (item,) = self.stage.prepare([record])
        if isinstance(item.outcome, Reading):
            item = replace(item, outcome=replace(item.outcome, at=now))
        (fate,) = self.stage.apply(connection, [item])
        return fate


def discard(engine: Engine, number: int, *, by: str, because: str, now: datetime) -> Replayed:
    """Nothing more will be done about it; bytes, headers and reason stay."""
    with engine.begin() as connection:
        letter = _locked(connection, number)
        if letter.state is not LetterState.OPEN:
            return Replayed(letter=letter, done_before=True)
        dead_letters.decide(connection, number, Decision(act=Act.DISCARD, by=by, because=because, at=now))
        return Replayed(letter=_locked(connection, number), done_before=False)


def _locked(connection: Connection, number: int) -> StoredDeadLetter:
    """The letter, under the lock of its partition's position: that comes first everywhere."""
    seen = dead_letters.one(connection, number)
    if seen is None:
        raise NoSuchLetter
    record = seen.record
    positions.lock(connection, [Partition(flow=seen.flow, topic=record.topic, partition=record.partition)])
    return dead_letters.locked(connection, number) or seen


def _waits_in_vain(fate: Fate, record: Record, now: datetime) -> bool:
    """Whether its event has not come, and the days of waiting are over."""
    waits = not isinstance(fate, Dead) and bool(fate.told) and fate.told[0].fate is ReportFate.WAITING
    return waits and record.timestamp + PATIENCE <= now
