"""The order of the stages: read → place → file → grade → lead → speak. Nothing else is here.

read     decode was done before; identify each component, and say what it tells to which case
place    new, known, late or refused among the revisions of its event
file     out of the cases its earlier revision was in, into those its components qualify for
grade    happens with filing: days, anchors, level
lead     one case speaks for the report, the others only change
speak    raised, escalated, updated, cancelled, or silent with a reason
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from alerts.cases import Case, CaseFile, Context
from alerts.catalogue import Catalogue
from alerts.deadlines import Deadline, earliest
from alerts.deduplication import KnownEvent, Standing, standing
from alerts.effects import Effects, Recorded
from alerts.ending import DUE
from alerts.filing import file_report
from alerts.grading import Grading
from alerts.leading import leading
from alerts.lifecycle import Policy
from alerts.memory import Memory
from alerts.readings import Reading, reading_of
from alerts.routes import Routes
from alerts.speaking import Saying, repeat_decisions, speak_after_report, withdraw_by_person
from schemas.alert_events import AlertEvent
from schemas.decoding import Decoded
from schemas.records import Coordinates
from schemas.rejections import Rejection


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What decisions depend on besides reports and memory: catalogue, rules, policy, loaded histories."""

    catalogue: Catalogue
    grading: Grading
    policy: Policy | None = None
    """None: the terms of the rules, and updates as often as is usual."""
    loaded: frozenset[str] = frozenset()
    routes: Routes = field(default_factory=Routes)

    @property
    def context(self) -> Context:
        """The part that filing and grading need."""
        return Context(grading=self.grading, loaded=self.loaded)

    def saying(self, memory: Memory, effects: Effects, at: datetime) -> Saying:
        """The part that speaking needs."""
        return Saying(
            memory=memory,
            effects=effects,
            at=at,
            grading=self.grading,
            policy=self.policy or Policy.of(self.grading.rules),
            catalogue_version=self.catalogue.version,
            loaded=self.loaded,
        )


def read(
    decoded: Decoded, *, laboratory: str, at: datetime, setting: Setting, source: Coordinates | None = None
) -> Reading:
    """Identify the components of a report and say what it tells to which case. Depends on the report alone."""
    return reading_of(
        decoded,
        laboratory=laboratory,
        at=at,
        catalogue=setting.catalogue,
        certainty=setting.grading.certainty,
        source=source,
        routes=setting.routes,
    )


def fold(reading: Reading, memory: Memory, effects: Effects, setting: Setting) -> Standing | Rejection:
    """Apply one report to the memory and collect what follows. Raises Missing before anything is said.

    After Missing the memory is spent: recall it with the missing keys and fold the whole batch again.
    """
    known = memory.events.get(reading.report)
    found = standing(
        reading.decoded.detection,
        digest=reading.decoded.digest,
        known=known,
        owners=memory.owners.get(reading.report[1], frozenset()),
        laboratory=reading.laboratory,
    )
    if isinstance(found, Rejection) or found is Standing.DUPLICATE:
        return found
    known = known or KnownEvent(*reading.report)
    revision, digest = reading.decoded.detection.revision, reading.decoded.digest
    if found is Standing.WAITS:
        known.waiting[revision] = digest
        memory.wait(known, reading)
        effects.waiting.append(_recorded(reading, found))
        return found
    effects.recorded.append(_recorded(reading, found))
    known.digests[revision] = digest
    memory.remember(known)
    if found is not Standing.LATE:
        _decide(reading, known, found, memory, effects, setting)
    if found is Standing.FIRST:
        _resume(known, memory, effects, setting, at=reading.at)
    return found


def _resume(known: KnownEvent, memory: Memory, effects: Effects, setting: Setting, *, at: datetime) -> None:
    """The event came: apply the revisions that waited for it, in their order, now."""
    waiting, known.waiting = memory.waiting.pop((known.laboratory, known.event_id), []), {}
    for reading in sorted(waiting, key=lambda reading: reading.decoded.detection.revision):
        resumed = replace(reading, at=at)
        effects.resumed.append(_recorded(resumed, Standing.WAITS))
        fold(resumed, memory, effects, setting)


def _decide(
    reading: Reading, known: KnownEvent, found: Standing, memory: Memory, effects: Effects, setting: Setting
) -> None:
    said = () if found is Standing.RETRACTS else reading.said.evidence
    _wake_overdue(reading, known, memory, effects, setting)
    touched = file_report(reading.report, known, said, memory, setting.context)
    known.ledger, known.retracted = reading.ledger, found is Standing.RETRACTS
    known.files = frozenset(item.case_key for item in said)
    leader = leading(touched)
    saying = setting.saying(memory, effects, reading.at)
    speak_after_report(touched, leader, saying, reading.decoded.detection, reading.laboratory)


def _wake_overdue(reading: Reading, known: KnownEvent, memory: Memory, effects: Effects, setting: Setting) -> None:
    """Run what was due before this report, so that it does not matter who came first."""
    said = {(item.ledger, item.case_key) for item in reading.said.evidence}
    for ledger, key in sorted(said | {(known.ledger, key) for key in known.files}):
        file = memory.file(ledger, key)
        for case in sorted(file.cases(), key=lambda case: case.ordinal):
            repeat_decisions(file, case, partial(setting.saying, memory, effects), reading.at)
            while found := earliest(case, reading.at):
                wake(file, case, memory, effects, setting, due=found[0], kind=found[1])


def wake(
    file: CaseFile, case: Case, memory: Memory, effects: Effects, setting: Setting, *, due: datetime, kind: Deadline
) -> None:
    """Something of a case was due at `due`: gathered updates, an expiry, a review, the end of an override."""
    DUE[kind](file, case, setting.saying(memory, effects, due))


def cancel(
    file: CaseFile,
    case: Case,
    memory: Memory,
    effects: Effects,
    setting: Setting,
    *,
    at: datetime,
    by: str,
    reason: str,
) -> AlertEvent:
    """A person withdraws an alert: the case is retracted, a later report opens a new one."""
    return withdraw_by_person(file, case, setting.saying(memory, effects, at), by=by, reason=reason)


def _recorded(reading: Reading, found: Standing) -> Recorded:
    return Recorded(
        laboratory=reading.laboratory,
        at=reading.at,
        decoded=reading.decoded,
        standing=found,
        named=reading.named,
        case_keys=reading.said.case_keys,
        catalogue=reading.catalogue,
        source=reading.source,
    )
