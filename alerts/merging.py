"""A person joins two cases that speak of one threat, parts one that speaks of two, or takes either back.

Reports move with everything they say; later ones of the same key, or later revisions of the same reports, follow
(`routes`). Whoever had an alert is told once where it goes on.
"""

from collections.abc import Iterable

from alerts.cases import Case, CaseFile, Context, Filed, Report, new_case
from alerts.counting import recount
from alerts.deciding import Word
from alerts.errors import Undecidable
from alerts.evidence import Evidence
from alerts.filing import end
from alerts.lifecycle import Speak, Step, ceiling, news, told
from alerts.routes import moved, told_apart
from alerts.shapes import Shape
from alerts.speaking import Saying, note, take
from schemas.vocabularies import AlertKind, CaseState, Change, Level


def merge(
    source: tuple[CaseFile, Case], target: tuple[CaseFile, Case], saying: Saying, word: Word, context: Context
) -> None:
    """All reports of the source go to the target. What the target has not told, it takes over with the thread."""
    (from_file, gone), (to_file, stays) = source, target
    _mergeable(from_file, gone, to_file, stays)
    shapes, before = (Shape.of(gone), Shape.of(stays)), (gone.computed, stays.computed)
    carried = [item.evidence.report for item in from_file.reports().values() if item.case == gone.id]
    _move(carried, from_file, to_file, stays, context)
    gives = stays.thread is None and gone.thread is not None
    gone.decisions = gone.decisions.model_copy(update={"merged_into": stays.id, "gave_thread": gives})
    gone.state, gone.touched = CaseState.MOVED, True
    if gives:
        stays.thread, gone.thread = gone.thread, None
    end(from_file, gone)
    _tell(to_file, stays, Change.MERGED, saying, word)
    _hand_on(from_file, gone, stays, saying, word)
    _log(gone, saying, word, "merged", before[0], shapes[0], left=carried)
    _log(stays, saying, word, "merged", before[1], shapes[1], joined=carried)


def split(
    file: CaseFile,
    case: Case,
    apart: CaseFile,
    reports: frozenset[Report],
    saying: Saying,
    word: Word,
    context: Context,
) -> Case:
    """These reports make a case of their own; everything else stays."""
    own = {item.evidence.report: item.evidence for item in file.reports().values() if item.case == case.id}
    if case.key.startswith("U:"):
        raise Undecidable("unidentified findings are parted by their dates; settle what they are instead")
    if missing := reports - own.keys():
        raise Undecidable(f"{len(missing)} of the reports do not stand in this case")
    if not own.keys() - reports or not reports:
        raise Undecidable("some reports must go and some must stay")
    shape, before = Shape.of(case), case.computed
    new = new_case(apart, own[min(reports, key=str)])
    new.opened_by, apart.current = min(reports, key=str), new
    _move(sorted(reports, key=str), file, apart, new, context)
    _tell(file, case, Change.SPLIT, saying, word)
    number = (case.thread.number,) if case.thread else ()
    if new.computed >= Level.L1:
        step = Speak(AlertKind.RAISED, new.computed, (Change.FIRST_LEVEL, Change.SPLIT))
        take(apart, new, step, saying, references=number, by=word.by, reason=word.reason)
    _log(case, saying, word, "split", before, shape, left=reports)
    _log(new, saying, word, "split", Level.L0, None, joined=reports)
    return new


def undo_merge(
    source: tuple[CaseFile, Case], target: tuple[CaseFile, Case], saying: Saying, word: Word, context: Context
) -> None:
    """The reports go back to where they came from, later ones of that key too; both alerts say so."""
    (from_file, back), (to_file, held) = source, target
    if back.decisions.merged_into != held.id or not held.receives:
        raise Undecidable("the cases have changed since: nothing can be taken back")
    shapes, before = (Shape.of(back), Shape.of(held)), (back.computed, held.computed)
    carried = [item.evidence.report for item in to_file.reports().values() if item.evidence.own_key == back.key]
    from_file.ended.pop(back.id, None)
    from_file.current, back.state = back, CaseState.OPEN
    _move(carried, to_file, from_file, back, context)
    if back.decisions.gave_thread:
        back.thread, held.thread = held.thread, None
    back.decisions = back.decisions.model_copy(update={"merged_into": None, "gave_thread": False})
    _tell(to_file, held, Change.UNDONE, saying, word)
    _tell(from_file, back, Change.UNDONE, saying, word, always=True)
    _log(back, saying, word, "merge undone", before[0], shapes[0], joined=carried)
    _log(held, saying, word, "merge undone", before[1], shapes[1], left=carried)


def undo_split(
    apart: tuple[CaseFile, Case], home: tuple[CaseFile, Case], saying: Saying, word: Word, context: Context
) -> None:
    """The case that was parted off goes back; who was told of it is told where to read on."""
    (apart_file, gone), (file, case) = apart, home
    if not gone.receives or not case.receives:
        raise Undecidable("the cases have changed since: nothing can be taken back")
    shapes, before = (Shape.of(gone), Shape.of(case)), (gone.computed, case.computed)
    carried = [item.evidence.report for item in apart_file.reports().values() if item.case == gone.id]
    _move(carried, apart_file, file, case, context)
    gone.state, gone.touched = CaseState.MOVED, True
    gone.decisions = gone.decisions.model_copy(update={"merged_into": case.id})
    end(apart_file, gone)
    _tell(file, case, Change.UNDONE, saying, word)
    _hand_on(apart_file, gone, case, saying, word)
    _log(gone, saying, word, "split undone", before[0], shapes[0], left=carried)
    _log(case, saying, word, "split undone", before[1], shapes[1], joined=carried)


def tell_apart(file: CaseFile, case: Case, report: Report, saying: Saying, word: Word, context: Context) -> None:
    """A report that was counted as one event with another body's is an event of its own after all."""
    filed = file.reports().get(report)
    if filed is None or filed.case != case.id or filed.evidence.twin is None:
        raise Undecidable("no other report is taken for the same event as this one")
    shape, before = Shape.of(case), case.computed
    _replace(file, case, told_apart(filed.evidence), context)
    _tell(file, case, Change.SPLIT, saying, word)
    _log(case, saying, word, "told apart", before, shape)


def undo_apart(
    file: CaseFile, case: Case, report: Report, twin: str | None, saying: Saying, word: Word, context: Context
) -> None:
    """It may be one event with another body's again; `twin` is what its words say of the event."""
    filed = file.reports().get(report)
    if filed is None or filed.case != case.id or twin is None:
        raise Undecidable("its report does not stand in this case, or says too little to be taken for another's event")
    shape, before = Shape.of(case), case.computed
    _replace(file, case, filed.evidence.model_copy(update={"twin": twin}), context)
    _tell(file, case, Change.UNDONE, saying, word)
    _log(case, saying, word, "apart undone", before, shape)


def _replace(file: CaseFile, case: Case, evidence: Evidence, context: Context) -> None:
    """The same report says something else of its event: the case is counted anew."""
    file.removed.add(evidence.report)
    file.added.append(Filed(evidence, case.id))
    file.reports()[evidence.report] = file.added[-1]
    recount(file, context)


def _mergeable(from_file: CaseFile, gone: Case, to_file: CaseFile, stays: Case) -> None:
    if gone.key.startswith("U:") or stays.key.startswith("U:"):
        raise Undecidable("unidentified findings are joined by their dates; settle what they are instead")
    if gone.key == stays.key or from_file.ledger is not to_file.ledger:
        raise Undecidable("they are one already, or one of them is an exercise or a test")
    if not (gone.receives and stays.receives and from_file.current is gone and to_file.current is stays):
        raise Undecidable("only cases that are open, or were closed by a person, can be merged")
    both = from_file.reports().keys() & to_file.reports().keys()
    if both:
        raise Undecidable(f"{len(both)} reports speak of both: they name two threats, not one")


def _move(reports: Iterable[Report], from_file: CaseFile, to_file: CaseFile, case: Case, context: Context) -> None:
    for report in reports:
        filed = from_file.reports().pop(report)
        from_file.removed.add(report)
        evidence = moved(filed.evidence, to_file.key)
        to_file.removed.discard(report)
        to_file.added.append(Filed(evidence, case.id))
        to_file.reports()[report] = to_file.added[-1]
    recount(from_file, context)
    recount(to_file, context)


def _tell(file: CaseFile, case: Case, change: Change, saying: Saying, word: Word, *, always: bool = False) -> None:
    """What joining or parting means for who was told of a case; nothing, when nothing they know has changed."""
    step = _step(case, change, always)
    if step is not None:
        take(file, case, step, saying, by=word.by, reason=word.reason)


def _step(case: Case, change: Change, always: bool) -> Step | None:
    thread = case.thread
    if thread is None:
        first = (Change.FIRST_LEVEL, change)
        return Speak(AlertKind.RAISED, case.computed, first) if case.computed >= Level.L1 else None
    if thread.ended and not always:
        return None
    fresh = news(thread.told, told(case))
    if case.computed > ceiling(thread):
        return Speak(AlertKind.ESCALATED, case.computed, (Change.LEVEL_ROSE, change, *fresh))
    return Speak(AlertKind.UPDATED, thread.announced, (change, *fresh)) if fresh or always else None


def _hand_on(file: CaseFile, gone: Case, stays: Case, saying: Saying, word: Word) -> None:
    """The thread of a case that went into another ends with the number to read instead."""
    if gone.thread is None or gone.thread.ended or stays.thread is None:
        return
    step = Speak(AlertKind.UPDATED, gone.thread.announced, (Change.GOES_ON_ELSEWHERE,))
    take(file, gone, step, saying, references=(stays.thread.number,), by=word.by, reason=word.reason)


def _log(
    case: Case,
    saying: Saying,
    word: Word,
    action: str,
    before: Level,
    shape: Shape | None,
    *,
    joined: Iterable[Report] = (),
    left: Iterable[Report] = (),
) -> None:
    case.touched = True
    moved_in, moved_out = sorted(joined, key=str), sorted(left, key=str)
    note(
        case,
        saying,
        actor=word.by,
        action=action,
        reason=word.reason,
        before=before,
        shape=shape,
        joined=moved_in,
        left=moved_out,
    )
