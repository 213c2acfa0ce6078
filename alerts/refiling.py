"""Reports identified anew: out of the cases they were in, into those they belong to now, and what is said of it.

A case that is left empty has moved: the one that took its reports goes on with its alert, or, having one of its own,
is named by it. Undone, the same happens the other way round, and the alert goes back to the case it was raised for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.cases import Case, CaseFile
from alerts.composing import substance_of
from alerts.deduplication import Standing
from alerts.effects import Effects, LogEntry, Recorded
from alerts.filing import Touched, end, file_report
from alerts.lifecycle import Arrived, Speak, Step, after_report
from alerts.memory import Memory
from alerts.pipeline import Setting
from alerts.readings import Reading
from alerts.shapes import Shape
from alerts.speaking import Saying, action_of, alert_id, note, reason_of, take
from alerts.threads import Thread
from schemas.vocabularies import AlertKind, CaseState, Change, Tense


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who had them identified anew, when and why. `undone`: an identification is taken back."""

    at: datetime
    actor: str
    reason: str
    undone: bool = False

    @property
    def change(self) -> Change:
        """What the alert says of it."""
        return Change.IDENTITY_REOPENED if self.undone else Change.IDENTITY_SETTLED


@dataclass
class _Refiled:
    """Every case that the reports touched, by id, which took reports over from which, and how those that had moved
    away and are open again stood before."""

    cases: dict[str, Touched] = field(default_factory=dict)
    heirs: dict[str, set[str]] = field(default_factory=dict)
    reopened: dict[str, Shape] = field(default_factory=dict)

    def add(self, touched: Sequence[Touched]) -> None:
        """What one report touched."""
        to = {entry.case.id for entry in touched if entry.report is not None and not entry.held}
        for entry in touched:
            if entry.held and entry.report is None:
                self.heirs.setdefault(entry.case.id, set()).update(to)
            known = self.cases.get(entry.case.id)
            shape = self.reopened.get(entry.case.id, entry.shape)
            self.cases[entry.case.id] = _both(known, entry) if known else replace(entry, shape=shape)

    def heir(self, emptied: Case) -> Touched | None:
        """The gravest of the cases that took its reports over; of equals the smaller key."""
        found = [self.cases[one] for one in self.heirs.get(emptied.id, ())]
        return min(found, key=lambda entry: (-entry.case.computed, entry.case.key), default=None)


def refile(readings: Iterable[Reading], memory: Memory, effects: Effects, setting: Setting, *, cause: Cause) -> None:
    """File reports as they are read now, then speak once for each case. Raises Missing before anything is said."""
    refiled = _Refiled()
    for reading in readings:
        known = memory.events[reading.report]
        for evidence in reading.said.evidence:
            refiled.reopened |= _reopened(memory.file(evidence.ledger, evidence.case_key))
        touched = file_report(reading.report, known, reading.said.evidence, memory, setting.context)
        known.files = frozenset(item.case_key for item in reading.said.evidence)
        effects.log += [_moved(entry, reading, cause) for entry in touched]
        effects.recorded.append(_findings(reading))
        refiled.add(touched)
    _speak(refiled, setting.saying(memory, effects, cause.at), cause)


def _both(first: Touched, last: Touched) -> Touched:
    """What two reports did to one case."""
    joined = tuple(dict.fromkeys((*first.joined, *last.joined)))
    return replace(
        last,
        before=first.before,
        shape=first.shape,
        held=first.held or last.held,
        closed=first.closed or last.closed,
        report=last.report or first.report,
        joined=joined,
    )


def _reopened(file: CaseFile) -> dict[str, Shape]:
    """The case of a key that had moved away is the open one again when a report comes back to it."""
    moved = [case for case in file.ended.values() if case.state is CaseState.MOVED]
    if file.current is not None or not moved or file.key.startswith("U:"):
        return {}
    case = max(moved, key=lambda case: case.ordinal)
    shape = Shape.of(case)
    del file.ended[case.id]
    case.state, case.touched, file.current = CaseState.OPEN, True, case
    if case.thread is not None and case.thread.ended and case.thread.ended_as is None:
        case.thread = case.thread.model_copy(update={"ended": False, "ended_at": None})
    return {case.id: shape}


def _speak(refiled: _Refiled, saying: Saying, cause: Cause) -> None:
    steps: dict[str, Step] = {}
    references: dict[str, tuple[str, ...]] = {}
    for entry in refiled.cases.values():
        if _was_emptied(entry):
            _hand_over(entry, refiled.heir(entry.case), steps, cause)
    for entry in refiled.cases.values():
        _take_back(entry, refiled, steps, cause)
    for entry in sorted(refiled.cases.values(), key=lambda entry: (_was_emptied(entry), entry.case.key)):
        heir = refiled.heir(entry.case) if _was_emptied(entry) else None
        if heir is not None and heir.case.thread is not None and entry.case.thread is not None:
            references[entry.case.id] = (heir.case.thread.number,)
        step = steps.get(entry.case.id) or after_report(
            entry.case, _arrived(entry), leads=entry.report is not None, now=saying.at, policy=saying.policy
        )
        take(entry.file, entry.case, step, saying, references=references.get(entry.case.id, ()))
        why = f"{_says(entry, refiled, cause)}: {reason_of(step)}"
        note(
            entry.case,
            saying,
            actor=cause.actor,
            action=action_of(step),
            reason=why,
            before=entry.before,
            shape=entry.shape,
        )


def _was_emptied(entry: Touched) -> bool:
    """A case that lost its last report, and was not withdrawn or cancelled before."""
    open_before = entry.shape is None or entry.shape.state is not CaseState.RETRACTED
    return entry.held and not entry.case.live_days and open_before


def _hand_over(entry: Touched, heir: Touched | None, steps: dict[str, Step], cause: Cause) -> None:
    """Move the thread of an emptied case, or let it name where to read on; without an heir it is withdrawn."""
    old, thread = entry.case, entry.case.thread
    told = thread is not None and not thread.ended
    if heir is None:
        if thread is not None and told:
            steps[old.id] = Speak(AlertKind.CANCELLED, thread.announced, (cause.change,))
        return
    old.state, old.touched, heir.case.touched = CaseState.MOVED, True, True
    end(entry.file, old)
    if thread is None or not told:
        return
    if heir.case.thread is None and heir.case.computed:
        heir.case.thread, old.thread = thread, None
        steps[heir.case.id] = _goes_on(heir.case, thread, cause)
        return
    if thread.said is not None:
        said = thread.said.model_copy(update={"substance": substance_of(heir.case)})
        old.thread = thread.model_copy(update={"said": said})
    steps[old.id] = Speak(AlertKind.UPDATED, thread.announced, (cause.change,))


def _goes_on(case: Case, thread: Thread, cause: Cause) -> Step:
    """The message of a thread that goes on in this case."""
    kind = AlertKind.ESCALATED if case.computed > thread.announced else AlertKind.UPDATED
    return Speak(kind, max(case.computed, thread.announced), (cause.change,))


def _take_back(entry: Touched, refiled: _Refiled, steps: dict[str, Step], cause: Cause) -> None:
    """A case that is the open one again gets the alert back that was raised for it, wherever it went on."""
    if entry.case.id not in refiled.reopened or entry.case.state is not CaseState.OPEN:
        return
    if entry.case.thread is None:
        holder = next((one for one in refiled.cases.values() if _holds(one.case, entry.case)), None)
        if holder is None:
            return
        entry.case.thread, holder.case.thread = holder.case.thread, None
        entry.case.touched, holder.case.touched = True, True
        steps.pop(holder.case.id, None)
    if entry.case.thread is not None:
        steps[entry.case.id] = _goes_on(entry.case, entry.case.thread, cause)


def _holds(case: Case, of: Case) -> bool:
    return case is not of and case.thread is not None and case.thread.alert_id == alert_id(of)


def _arrived(entry: Touched) -> Arrived:
    history = entry.report is not None and entry.report.tense is Tense.ARCHIVAL
    return Arrived(day=entry.report.day if entry.report else None, held=entry.held, fell=entry.fell, history=history)


def _says(entry: Touched, refiled: _Refiled, cause: Cause) -> str:
    """What happened to a case, for its log."""
    heir = refiled.heir(entry.case)
    verb = "again known as" if cause.undone else "now identified as"
    name = heir.case.subject.name if heir is not None else entry.case.subject.name
    return f"{verb} {name} ({cause.reason})"


def _findings(reading: Reading) -> Recorded:
    """Only its findings are written: the report itself is where it was, and so has no source here."""
    return Recorded(
        laboratory=reading.laboratory,
        at=reading.at,
        decoded=reading.decoded,
        standing=Standing.REPLACES,
        named=reading.named,
        case_keys=reading.said.case_keys,
        catalogue=reading.catalogue,
    )


def _moved(entry: Touched, reading: Reading, cause: Cause) -> LogEntry:
    """The line by which the log knows where a report stands."""
    grade = entry.case.grade
    return LogEntry(
        case_id=entry.case.id,
        at=cause.at,
        actor=cause.actor,
        action="refiled",
        reason=cause.reason,
        laboratory=reading.laboratory,
        event_id=reading.report[1],
        revision=reading.decoded.detection.revision,
        before=entry.before,
        after=entry.case.computed,
        rules=tuple(rule.id for rule in grade.fired) if grade else (),
        stands=entry.report is not None,
        joined=tuple(f"{laboratory}/{event_id}" for laboratory, event_id in entry.joined),
    )
