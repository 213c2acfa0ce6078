"""Takes the step that the life of a case asks for: writes its thread, composes the event, keeps the reason."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.cases import Case, CaseFile
from alerts.composing import compose
from alerts.effects import Effects, LogEntry
from alerts.filing import Touched, end
from alerts.grading import Grading
from alerts.lifecycle import Gather, Policy, Silent, Speak, Step, after_gathering, after_report, told
from alerts.memory import Memory
from alerts.settlement import settled_step, taken_over
from alerts.threads import Thread
from alerts.told import decisions_due, resume
from schemas.alert_events import AlertEvent
from schemas.detections import Detection
from schemas.vocabularies import AlertKind, CaseState, Change, Level, Tense

MACHINE = "tocsin"


@dataclass(frozen=True, kw_only=True)
class Saying:
    """Everything a message needs besides its case."""

    memory: Memory
    effects: Effects
    at: datetime
    grading: Grading
    policy: Policy
    catalogue_version: str


def alert_id(case: Case) -> str:
    """A hash of the case and the report that opened it."""
    laboratory, event_id = case.opened_by or ("", UUID(int=0))
    return hashlib.sha256(f"alert\n{case.id}\n{laboratory}\n{event_id}".encode()).hexdigest()[:32]


def speak_after_report(
    touched: Sequence[Touched], leader: Touched | None, saying: Saying, detection: Detection, laboratory: str
) -> None:
    """Let the leading case speak, then the others, "read with" it; log every step with its reason."""
    settled = taken_over(touched)
    ordered = sorted(touched, key=lambda entry: (entry is not leader, entry.case.key, entry.case.ordinal))
    number: str | None = None
    for entry in ordered:
        step = settled_step(entry, settled) or after_report(
            entry.case,
            leads=entry is leader,
            fell=entry.fell,
            history=detection.status is Tense.ARCHIVAL,
            now=saying.at,
            policy=saying.policy,
        )
        references = (number,) if number and entry is not leader and entry.carries else ()
        if settled is not None and entry is settled.emptied and settled.to.thread is not None:
            references = (settled.to.thread.number,)
        _take(entry.file, entry.case, step, saying, references)
        _log(entry, step, saying, detection, laboratory)
        if entry is leader and entry.case.thread is not None:
            number = entry.case.thread.number


def speak_after_gathering(file: CaseFile, case: Case, saying: Saying) -> None:
    """Say what gathered, if anything of it is still new; the window is over either way."""
    step = after_gathering(case)
    if case.thread is not None:
        case.thread = case.thread.model_copy(update={"gather_due": None})
    case.touched = True
    _take(file, case, step, saying, ())
    _note(case, saying, actor=MACHINE, action=_action(step), reason=_reason(step))


def withdraw_by_person(file: CaseFile, case: Case, saying: Saying, *, by: str, reason: str) -> AlertEvent:
    """Cancel the alert of a case, with who and why in the case log. The thread must exist and not have ended."""
    if case.thread is None or case.thread.ended:
        raise ValueError(f"case {case.id} has no alert that could be cancelled")
    step = Speak(AlertKind.CANCELLED, case.thread.announced, (Change.CANCELLED_BY_PERSON,))
    _take(file, case, step, saying, (), reason=reason)
    _note(case, saying, actor=by, action="cancelled", reason=reason)
    return saying.effects.events[-1]


def repeat_decisions(file: CaseFile, case: Case, saying: Callable[[datetime], Saying], now: datetime) -> None:
    """Do again what persons had decided before the database was restored; those who were told are not told again."""
    for decision in decisions_due(saying(now).memory.told, case, now):
        step = Speak(decision.kind, decision.level, decision.changes)
        _take(file, case, step, saying(decision.at), (), reason=decision.reason)


def _take(
    file: CaseFile, case: Case, step: Step, saying: Saying, references: tuple[str, ...], reason: str | None = None
) -> None:
    if isinstance(step, Gather) and case.thread is not None:
        case.thread = case.thread.model_copy(update={"gather_due": case.thread.gather_due or step.due})
        case.touched = True
    if not isinstance(step, Speak):
        return
    case.touched = True
    advanced = _advanced(case, step, saying, references)
    case.thread, repeats = resume(saying.memory.told, case, advanced, case.thread, at=saying.at)
    if step.kind is AlertKind.CANCELLED:
        case.state = CaseState.RETRACTED
    event = compose(
        case,
        case.thread,
        step,
        at=saying.at,
        grading=saying.grading,
        policy=saying.policy,
        catalogue_version=saying.catalogue_version,
        reason=reason,
    )
    case.thread = case.thread.model_copy(update={"said": event})
    if not repeats:
        saying.effects.events.append(event)
    if case.state in (CaseState.RETRACTED, CaseState.MOVED):
        end(file, case)


def _advanced(case: Case, step: Speak, saying: Saying, references: tuple[str, ...]) -> Thread:
    """The thread with this step taken. An escalation and a cancellation clear what was gathering."""
    thread = case.thread
    if thread is None:
        return Thread(
            alert_id=alert_id(case),
            number=saying.memory.number(case.ledger, saying.at.year),
            revision=1,
            announced=step.level,
            told=told(case),
            raised_at=saying.at,
            references=references,
        )
    update = step.kind is AlertKind.UPDATED
    return thread.model_copy(
        update={
            "revision": thread.revision + 1,
            "announced": step.level,
            "told": told(case),
            "last_update": saying.at if update else thread.last_update,
            "gather_due": None,
            "references": tuple(sorted({*thread.references, *references})),
            "ended": step.kind is AlertKind.CANCELLED or case.state is CaseState.MOVED,
        }
    )


def _action(step: Step) -> str:
    if isinstance(step, Speak):
        return step.kind.value
    return "gathering" if isinstance(step, Gather) else "silent"


def _reason(step: Step) -> str:
    if isinstance(step, Speak):
        return ",".join(step.changes)
    return step.reason.value if isinstance(step, Silent) else f"told at {step.due.isoformat()}"


def _log(entry: Touched, step: Step, saying: Saying, detection: Detection, laboratory: str) -> None:
    grade = entry.case.grade
    saying.effects.log.append(
        LogEntry(
            case_id=entry.case.id,
            at=saying.at,
            actor=MACHINE,
            action=_action(step),
            reason="closed: the next event is more than 28 days away" if entry.closed else _reason(step),
            laboratory=laboratory,
            event_id=detection.event_id,
            revision=detection.revision,
            before=entry.before,
            after=entry.case.computed,
            rules=tuple(rule.id for rule in grade.fired) if grade else (),
            rule_set=f"{saying.grading.rules.name} {saying.grading.rules.version} {saying.grading.book.digest[:12]}",
        )
    )


def _note(case: Case, saying: Saying, *, actor: str, action: str, reason: str) -> None:
    level: Level = case.computed
    saying.effects.log.append(
        LogEntry(case_id=case.id, at=saying.at, actor=actor, action=action, reason=reason, before=level, after=level)
    )
