"""Takes the step that the life of a case asks for: writes its thread, composes the event, keeps the reason."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.cases import Case, CaseFile, Context, Report
from alerts.composing import ENDINGS, compose
from alerts.disclosure import becomes_more_restricted, mixed, with_views
from alerts.effects import Effects, LogEntry
from alerts.explanation import told_why
from alerts.filing import Touched, end
from alerts.grading import Grading
from alerts.lifecycle import Arrived, Gather, Policy, Silent, Speak, Step, after_report, told
from alerts.memory import Memory
from alerts.settlement import Settled, settled_step, taken_over
from alerts.shapes import Shape, difference
from alerts.summary import MOST_SOURCES, source_of
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
    loaded: frozenset[str] = frozenset()


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
        entry.case.thread = _reconsidered(entry)
        step = settled_step(entry, settled) or after_report(
            entry.case,
            _arrived(entry, detection),
            leads=entry is leader,
            now=saying.at,
            policy=saying.policy,
        )
        if isinstance(step, Speak) and mixed(entry.case.summary):
            entry.file.reports()
        references = (number,) if number and entry is not leader and entry.carries else ()
        take(entry.file, entry.case, step, saying, references=references + _settled_reference(entry, settled))
        _log(entry, step, saying, detection, laboratory)
        if entry is leader and entry.case.thread is not None:
            number = entry.case.thread.number


def _arrived(entry: Touched, detection: Detection) -> Arrived:
    day = entry.report.day if entry.report else None
    return Arrived(day=day, held=entry.held, fell=entry.fell, history=detection.status is Tense.ARCHIVAL)


def _settled_reference(entry: Touched, settled: Settled | None) -> tuple[str, ...]:
    """The emptied case of a settlement names the alert to read instead."""
    if settled is None or entry is not settled.emptied or settled.to.thread is None:
        return ()
    return (settled.to.thread.number,)


def _reconsidered(entry: Touched) -> Thread | None:
    """The thread with what was taken back since the last message; what a person judged follows the level down."""
    thread, case = entry.case.thread, entry.case
    if thread is None:
        return None
    changed: dict[str, object] = {}
    if entry.was is not None and entry.report is None and not thread.cancelled:
        changed["withdrawn"] = (*thread.withdrawn, source_of(entry.was))[-MOST_SOURCES:]
    if thread.judged is not None and case.computed < thread.judged:
        changed["judged"] = case.computed if case.computed > thread.announced else None
    return thread.model_copy(update=changed) if changed else thread


def withdraw_by_person(file: CaseFile, case: Case, saying: Saying, *, by: str, reason: str) -> AlertEvent:
    """Cancel the alert of a case, with who and why in the case log. The thread must exist and not have ended."""
    if case.thread is None or case.thread.ended:
        raise ValueError(f"case {case.id} has no alert that could be cancelled")
    before, shape = case.computed, Shape.of(case)
    step = Speak(AlertKind.CANCELLED, case.thread.announced, (Change.CANCELLED_BY_PERSON,))
    take(file, case, step, saying, by=by, reason=reason)
    note(case, saying, actor=by, action="cancelled", reason=reason, before=before, shape=shape)
    return saying.effects.events[-1]


def repeat_decisions(file: CaseFile, case: Case, saying: Callable[[datetime], Saying], now: datetime) -> None:
    """Do again what persons had decided before the database was restored; those who were told are not told again."""
    for decision in decisions_due(saying(now).memory.told, case, now):
        step = Speak(decision.kind, decision.level, decision.changes)
        take(file, case, step, saying(decision.at), reason=decision.reason)


def take(
    file: CaseFile,
    case: Case,
    step: Step,
    saying: Saying,
    *,
    references: tuple[str, ...] = (),
    by: str | None = None,
    reason: str | None = None,
) -> None:
    """Do what a step asks for: move the thread on, compose the event, end or reopen the case."""
    if isinstance(step, Gather) and case.thread is not None:
        case.thread = case.thread.model_copy(update={"gather_due": case.thread.gather_due or step.due})
        case.touched = True
    if not isinstance(step, Speak):
        return
    case.touched = True
    before = case.thread
    _settle_state(case, step)
    advanced = _advanced(case, step, saying, references)
    case.thread, repeats = resume(saying.memory.told, case, advanced, before, at=saying.at)
    event = compose(
        case,
        case.thread,
        step,
        before=before,
        at=saying.at,
        grading=saying.grading,
        catalogue_version=saying.catalogue_version,
        by=by,
        reason=reason,
    )
    event = told_why(event, case, file.sightings, _context(saying))
    if mixed(case.summary) and file.filed is not None:
        event = with_views(event, case, case.thread, step, tuple(file.filed.values()), _context(saying))
    if becomes_more_restricted(before.said if before else None, event):
        event = event.model_copy(update={"more_restricted": True})
    case.thread = case.thread.model_copy(update={"said": event, "withdrawn": ()})
    if not repeats:
        saying.effects.events.append(event)
    if case.state in (CaseState.RETRACTED, CaseState.MOVED):
        end(file, case)


def _context(saying: Saying) -> Context:
    return Context(grading=saying.grading, loaded=saying.loaded)


def _settle_state(case: Case, step: Speak) -> None:
    """A cancellation retracts the case, a person's closing closes it, anything that stands opens it again. An
    override ends with its alert, and when the level rises above it."""
    override = case.decisions.override
    if step.kind is AlertKind.CANCELLED:
        case.state = CaseState.RETRACTED
    elif step.kind is AlertKind.CLOSED:
        case.state, case.decisions = CaseState.CLOSED, case.decisions.model_copy(update={"shut": True})
    elif step.kind not in ENDINGS and case.decisions.shut:
        case.state, case.decisions = CaseState.OPEN, case.decisions.model_copy(update={"shut": False})
    if override is not None and (step.kind in ENDINGS or step.level != override.level):
        case.decisions = case.decisions.model_copy(update={"override": None, "before_override": None})


def _advanced(case: Case, step: Speak, saying: Saying, references: tuple[str, ...]) -> Thread:
    """The thread with this step taken. Whatever is said clears what was gathering, and starts its time anew."""
    thread = case.thread
    ended = step.kind in ENDINGS or case.state is CaseState.MOVED
    timely = _times(case, step, saying, ended=ended)
    if thread is None:
        return Thread(
            alert_id=alert_id(case),
            number=saying.memory.number(case.ledger, saying.at.year),
            revision=1,
            announced=step.level,
            told=told(case),
            raised_at=saying.at,
            references=references,
        ).model_copy(update=timely)
    update = step.kind is AlertKind.UPDATED
    return thread.model_copy(
        update={
            "revision": thread.revision + 1,
            "announced": step.level,
            "told": told(case) if case.grade else thread.told,
            "last_update": saying.at if update else thread.last_update,
            "gather_due": None,
            "references": tuple(sorted({*thread.references, *references})),
            "ended": ended,
            "ended_as": step.kind if step.kind in ENDINGS else None,
            "ended_at": saying.at if ended else None,
            "judged": None if step.level >= case.computed else thread.judged,
            **timely,
        }
    )


def _times(case: Case, step: Speak, saying: Saying, *, ended: bool) -> dict[str, datetime | None]:
    """Until when the alert holds and when somebody looks at it again. A provisional one is looked at before it
    expires, others by their level."""
    if ended:
        return {"expires_at": None, "valid_until": None, "review_at": None, "review_overdue": None}
    policy, interval = saying.policy, saying.policy.reviews.get(step.level)
    expires = saying.at + policy.provisional if case.provisional else None
    return {
        "expires_at": expires,
        "valid_until": saying.at + policy.validity,
        "review_at": expires or (saying.at + interval if interval else None),
        "review_overdue": None,
    }


def action_of(step: Step) -> str:
    """The word for a step in the log."""
    if isinstance(step, Speak):
        return step.kind.value
    return "gathering" if isinstance(step, Gather) else "silent"


def reason_of(step: Step) -> str:
    """Why a step was taken, in the log."""
    if isinstance(step, Speak):
        return ",".join(step.changes)
    return step.reason.value if isinstance(step, Silent) else f"told at {step.due.isoformat()}"


def _log(entry: Touched, step: Step, saying: Saying, detection: Detection, laboratory: str) -> None:
    grade = entry.case.grade
    was, became = difference(entry.shape, Shape.of(entry.case))
    saying.effects.log.append(
        LogEntry.trusted(
            case_id=entry.case.id,
            at=saying.at,
            actor=MACHINE,
            action=action_of(step),
            reason="closed: the next event is more than 28 days away" if entry.closed else reason_of(step),
            laboratory=laboratory,
            event_id=detection.event_id,
            revision=detection.revision,
            before=entry.before,
            after=entry.case.computed,
            rules=tuple(rule.id for rule in grade.fired) if grade else (),
            rule_set=f"{saying.grading.rules.name} {saying.grading.rules.version} {saying.grading.book.digest[:12]}",
            stands=entry.report is not None,
            joined=named_reports(entry.joined),
            was=was,
            became=became,
        )
    )


def named_reports(reports: Iterable[Report]) -> tuple[str, ...]:
    """As the log names them."""
    return tuple(f"{laboratory}/{event_id}" for laboratory, event_id in reports)


def note(
    case: Case,
    saying: Saying,
    *,
    actor: str,
    action: str,
    reason: str,
    before: Level,
    shape: Shape | None,
    joined: Iterable[Report] = (),
    left: Iterable[Report] = (),
) -> None:
    """A line of the log that no report caused; `joined` and `left` are reports that a person moved."""
    was, became = difference(shape, Shape.of(case))
    entry = LogEntry(
        case_id=case.id,
        at=saying.at,
        actor=actor,
        action=action,
        reason=reason,
        before=before,
        after=case.computed,
        joined=named_reports(joined),
        left=named_reports(left),
        was=was,
        became=became,
    )
    saying.effects.log.append(entry)
