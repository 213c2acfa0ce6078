"""Identifies findings anew, as queued: after a reviewer, a structure or the catalogue said what a name means.

Each job is one transaction under the locks of every case that its reports leave or join, and is done in it: a crash
repeats it, and repeated it finds nothing to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from alerts.effects import Effects
from alerts.errors import Missing
from alerts.pipeline import Setting, read
from alerts.readings import Reading
from alerts.refiling import Cause, refile
from alerts.settling import private
from schemas.decoding import Decoded
from schemas.detections import Detection
from schemas.records import Coordinates
from storage import catalogues, recording, reviewing
from storage import memory as recalling
from storage.following import renewed
from storage.memory import Kept, Known, Wanted
from storage.reviewing import Assertion, Job, Pair

MOST_REPORTS: Final = 5_000
"""More reports of one substance than that keep the catalogue version they were graded with."""

MOST_RECALLS: Final = 4
LOOK_EVERY: Final = 5.0
MACHINE: Final = "tocsin"
STRUCTURE: Final = "structure"


@dataclass
class Identifying:
    """The work of one process. Calling it does every queued job, and says how many were done."""

    engine: Engine
    setting: Setting
    _looked: datetime | None = None
    _not_settled: set[Pair] = field(default_factory=set)

    def __call__(self, now: datetime) -> int:
        """Settle what structures settle, then do what is queued, oldest first."""
        if self._looked is None or (now - self._looked).total_seconds() >= LOOK_EVERY:
            self._looked = now
            self._settle_pairs(now)
        ran = 0
        while self._run_next(now):
            ran += 1
        return ran

    def _run_next(self, now: datetime) -> bool:
        with self.engine.begin() as connection:
            job = reviewing.next_job(connection)
            if job is None:
                return False
            self.setting = renewed(connection, self.setting)
            outcome = self._done(connection, job, _cause(connection, job, now))
            reviewing.done(connection, job, outcome=outcome, at=now)
        return True

    def _done(self, connection: Connection, job: Job, cause: Cause) -> str:
        reports = reviewing.touched(connection, job, limit=MOST_REPORTS + 1)
        if len(reports) > MOST_REPORTS:
            return f"more than {MOST_REPORTS} reports: they keep the version they were graded with"
        known = recalling.known_events(connection, reports)
        stored = [(one, self._read(one)) for one in reviewing.current(connection, reports)]
        regrades = job.kind == reviewing.REGRADE
        readings = [reading for one, reading in stored if regrades or not one.says(reading)]
        known = known.filed_again([reading.report for reading in readings])
        wanted = Wanted(
            reports=tuple(reading.report for reading in readings),
            evidence=tuple(evidence for reading in readings for evidence in reading.said.evidence),
            longest=self.setting.grading.rules.windows_days.longest,
        )
        recalling.lock(connection, wanted.files | known.files)
        reviewing.forget_findings(connection, readings, self.setting.catalogue.version)
        self._refile(connection, readings, wanted, known, cause)
        return f"{len(readings)} reports"

    def _read(self, kept: reviewing.Kept) -> Reading:
        """A stored report under the catalogue of now, at the time it was decided."""
        decoded = Decoded(detection=Detection.model_validate_json(kept.body), digest=kept.digest, content=kept.body)
        return read(
            decoded,
            laboratory=kept.laboratory,
            at=kept.decided_at,
            setting=self.setting,
            source=Coordinates(kept.topic, kept.partition, kept.offset),
        )

    def _refile(
        self, connection: Connection, readings: Sequence[Reading], wanted: Wanted, known: Known, cause: Cause
    ) -> None:
        whole = frozenset(key for _, key in wanted.files | known.files)
        for _ in range(MOST_RECALLS):
            recalled = recalling.recall(connection, wanted, known, whole=whole, kept=Kept())
            effects = Effects()
            try:
                refile(readings, recalled.memory, effects, self.setting, cause=cause)
            except Missing as missing:
                whole |= missing.keys
                continue
            recording.record(connection, recalled, effects, kept=Kept())
            return
        raise RuntimeError("a job asked for more and more cases")

    # Names that a structure came for

    def _settle_pairs(self, now: datetime) -> None:
        with self.engine.begin() as connection:
            found = [pair for pair in reviewing.pairs(connection) if pair not in self._not_settled]
        for pair in found:
            with self.engine.begin() as connection:
                if not self._settled(connection, pair, now):
                    self._not_settled.add(pair)

    def _settled(self, connection: Connection, pair: Pair, now: datetime) -> bool:
        """Keep that the name means the structure: for all, or where it may be a code, for those who said so."""
        number = catalogues.begin_change(connection)
        self.setting = renewed(connection, self.setting)
        if len(pair.substances) != 1 or self.setting.catalogue.by_name(pair.key.removeprefix("N:")):
            return False
        stated = self._stated(connection, pair)
        if stated is None:
            return False
        everybody = not private(pair.name)
        kept = [
            reviewing.settle(connection, _assertion(pair, stated, laboratory, now), number=number)
            for laboratory in ([""] if everybody else pair.laboratories)
        ]
        reviewing.enqueue(connection, pair.key, assertion=kept[0])
        reason = f"a structure came for a name: {stated.laboratory}"
        catalogues.finish_change(connection, number, by=MACHINE, reason=reason)
        return True

    def _stated(self, connection: Connection, pair: Pair) -> "_Stated | None":
        """The structure of a finding that identified it, not presumptive and not by a portable device."""
        job = Job(id=0, kind=reviewing.REFILE, key=pair.key, assertion=None)
        for one in reviewing.current(connection, reviewing.touched(connection, job, limit=MOST_REPORTS)):
            reading = self._read(one)
            sure = {evidence.subject.key for evidence in reading.said.evidence if evidence.identified}
            for item in reading.named:
                if item.identity.key in sure & set(pair.substances):
                    component = item.component
                    return _Stated(item.identity.key, component.inchikey, component.smiles, one.laboratory)
        return None


@dataclass(frozen=True)
class _Stated:
    substance: str
    inchikey: str | None
    smiles: str | None
    laboratory: str


def _assertion(pair: Pair, stated: _Stated, laboratory: str, now: datetime) -> Assertion:
    return Assertion(
        review_key=pair.key,
        substance=stated.substance,
        laboratory=laboratory,
        source=STRUCTURE,
        reporter=stated.laboratory,
        reason=f"{stated.laboratory} reported {pair.name} with its structure",
        at=now,
        inchikey=stated.inchikey,
        smiles=stated.smiles,
    )


def _cause(connection: Connection, job: Job, now: datetime) -> Cause:
    """Who is behind a job, as the case log keeps it."""
    if job.assertion is None:
        return Cause(at=now, actor=MACHINE, reason="the catalogue changed")
    (said,) = reviewing.assertions(connection, id=job.assertion)
    if said.undone_by is not None:
        return Cause(at=now, actor=said.undone_by, reason=said.undone_reason or "", undone=True)
    return Cause(at=now, actor=MACHINE if said.source == STRUCTURE else said.reporter, reason=said.reason)
