"""What a person decides about a case: close, reopen, lower, set the level for a time, renew. Each with name and reason.

Who may decide it is asked before (`entitlement`); here it is done, told and logged, or refused with a sentence.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from alerts.cases import Case, CaseFile
from alerts.decisions import Decisions
from alerts.errors import Undecidable
from alerts.lifecycle import Speak, moved_to
from alerts.shapes import Shape
from alerts.speaking import Saying, note, take
from alerts.threads import Thread
from schemas.alert_events import OverrideRef
from schemas.vocabularies import AlertKind, CaseState, Change, Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """Who says it, and why."""

    by: str
    reason: str


def close(file: CaseFile, case: Case, saying: Saying, word: Word) -> None:
    """Nothing more is asked of anybody. The case still counts, and new facts open it again."""
    if case.state is not CaseState.OPEN:
        raise Undecidable(f"the case is {case.state} already")
    shape = Shape.of(case)
    if case.thread is not None and not case.thread.ended:
        _say(file, case, Speak(AlertKind.CLOSED, case.thread.announced, (Change.CLOSED_BY_PERSON,)), saying, word)
    else:
        _shut(case, saying.at)
    _log(case, saying, word, "closed", shape)


def _shut(case: Case, at: datetime) -> None:
    """Close what nobody was told of, or what expired before."""
    case.state, case.decisions = CaseState.CLOSED, case.decisions.model_copy(update={"shut": True})
    if case.thread is not None:
        case.thread = case.thread.model_copy(update={"ended_as": AlertKind.CLOSED, "ended_at": at})
    case.touched = True


def reopen(file: CaseFile, case: Case, saying: Saying, word: Word) -> None:
    """What was closed, or expired, goes on in the same thread at the level that was told last."""
    thread, shape = case.thread, Shape.of(case)
    if not case.decisions.shut and not (thread is not None and thread.may_go_on and case.state is CaseState.OPEN):
        raise Undecidable(f"the case is {case.state}, and its alert was neither closed nor has it expired")
    case.state, case.decisions = CaseState.OPEN, case.decisions.model_copy(update={"shut": False})
    case.touched = True
    if thread is not None:
        _say(file, case, Speak(AlertKind.UPDATED, thread.announced, (Change.REOPENED,)), saying, word)
    _log(case, saying, word, "reopened", shape)


def downgrade(file: CaseFile, case: Case, saying: Saying, word: Word, level: Level) -> None:
    """Tell a lower level. What the reports give now was seen and judged: only more than that escalates again."""
    thread, shape = _standing(case), Shape.of(case)
    if level >= thread.announced:
        raise Undecidable(f"L{level:d} is not below L{thread.announced:d}, which was told")
    _judge(case, level)
    _say(file, case, Speak(AlertKind.DOWNGRADED, level, (Change.LOWERED_BY_PERSON,)), saying, word)
    _log(case, saying, word, "downgraded", shape)


def override(file: CaseFile, case: Case, saying: Saying, word: Word, level: Level, until: datetime) -> None:
    """Set the level until a day, when it goes back by itself. A case that nobody was told of is raised by it."""
    shape, decided = Shape.of(case), case.decisions
    if until <= saying.at:
        raise Undecidable("the time at which the level goes back must lie ahead")
    if case.state is not CaseState.OPEN or (case.thread is not None and case.thread.ended):
        raise Undecidable("the alert has ended: reopen the case first")
    if case.thread is None and level < Level.L1:
        raise Undecidable("nobody was told of this case: there is no level to lower")
    before = decided.before_override if decided.override else (case.thread.announced if case.thread else None)
    step = moved_to(case, level, Change.OVERRIDDEN)
    ref = OverrideRef(level=level, by=word.by, reason=word.reason, since=saying.at, until=until)
    case.decisions = Decisions(**{**dict(decided), "override": ref, "before_override": before})
    _judge(case, level)
    _say(file, case, step, saying, word)
    _log(case, saying, word, "overridden", shape)


def renew(file: CaseFile, case: Case, saying: Saying, word: Word, until: datetime | None = None) -> None:
    """Say that the alert holds on: until a day, or for another full term. A review that was overdue is done."""
    thread, shape = _standing(case), Shape.of(case)
    if until is not None:
        if until <= saying.at:
            raise Undecidable("the time until which it is renewed must lie ahead")
        term = until - saying.at
        saying = replace(saying, policy=replace(saying.policy, validity=term, provisional=term))
    _say(file, case, Speak(AlertKind.UPDATED, thread.announced, (Change.RENEWED,)), saying, word)
    _log(case, saying, word, "renewed", shape)


def _standing(case: Case) -> Thread:
    if case.thread is None:
        raise Undecidable("nobody was told of this case")
    if case.thread.ended:
        raise Undecidable("the alert has ended: reopen the case first")
    return case.thread


def _judge(case: Case, level: Level) -> None:
    if case.thread is not None:
        judged = case.computed if case.computed > level else None
        case.thread = case.thread.model_copy(update={"judged": judged})


def _say(file: CaseFile, case: Case, step: Speak, saying: Saying, word: Word) -> None:
    take(file, case, step, saying, by=word.by, reason=word.reason)


def _log(case: Case, saying: Saying, word: Word, action: str, shape: Shape) -> None:
    note(case, saying, actor=word.by, action=action, reason=word.reason, before=case.computed, shape=shape)
