"""Who may be told what: text composed for a reader from the reports it may see, and from nothing else (P5).

The grade may use all reports. Where a level rests on some that a reader may not see, the text says that restricted
information exists, and no more. Conditions of use go with everything that is derived from a report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from alerts.cases import Answers, Case, Context, Filed
from alerts.composing import compose
from alerts.evidence import Evidence
from alerts.explanation import paragraph
from alerts.facts import Past, facts_at
from alerts.grading import Grade, highest
from alerts.lifecycle import Speak
from alerts.summary import Summary
from alerts.sweep import sweep
from alerts.threads import Thread
from alerts.what_if import counted
from schemas.alert_events import AlertEvent, View
from schemas.vocabularies import Change, Confidence, Handling, Tense

RESTRICTED = "Restricted information exists: the level rests also on reports that may not be shown here."
TELLABLE = frozenset(
    {
        Change.FIRST_LEVEL,
        Change.LEVEL_ROSE,
        Change.WITHDRAWN,
        Change.CANCELLED_BY_PERSON,
        Change.NOT_CONFIRMED_IN_TIME,
        Change.VALIDITY_OVER,
        Change.CLOSED_BY_PERSON,
        Change.REOPENED,
        Change.LOWERED_BY_PERSON,
        Change.RENEWED,
        Change.OVERRIDDEN,
        Change.OVERRIDE_ENDED,
    }
)
"""Changes that speak of the alert itself. Any other may be what a restricted report said."""


@dataclass(frozen=True)
class Reader:
    """How far somebody is cleared, and whether they accepted conditions of use."""

    up_to: Handling
    conditions: bool

    def may_see(self, report: Evidence) -> bool:
        return report.handling.within(self.up_to) and (self.conditions or not report.use_conditions)


def mixed(summary: Summary) -> bool:
    """Whether some readers may see some of the reports and not all."""
    return len(summary.handlings) > 1 or (bool(summary.use_conditions) and summary.free > 0)


def with_views(
    event: AlertEvent, case: Case, thread: Thread, step: Speak, filed: Sequence[Filed], context: Context
) -> AlertEvent:
    """The event with what less cleared readers may be told, one view for each set of reports that some may see."""
    own = [item.evidence for item in filed if item.case == case.id and item.evidence.tense is not Tense.ARCHIVAL]
    seen, found = {frozenset(item.report for item in own)}, list[View]()
    for reader in _readers(own):
        visible = [item for item in filed if reader.may_see(item.evidence)]
        reports = frozenset(item.report for item in own if reader.may_see(item))
        if not reports or reports in seen:
            continue
        seen.add(reports)
        view = _view(event, _as_seen(case, visible, context), thread, step, reader, context)
        found += [view] if view is not None else []
    return event.model_copy(update={"views": tuple(found)})


def _readers(reports: Iterable[Evidence]) -> list[Reader]:
    """From the most open: every handling that a report has, without and with conditions of use."""
    tiers = sorted({report.handling for report in reports}, key=lambda handling: handling.rank)
    return [Reader(tier, conditions) for tier in tiers for conditions in (False, True)]


def _as_seen(case: Case, visible: Sequence[Filed], context: Context) -> Case:
    """The case as it would be had only these reports come."""
    twin_days = context.grading.rules.windows_days.twins
    stored = counted(case.id, None, [(item.evidence, item.case) for item in visible], twin_days)
    grades = list[Grade]()
    for look in sweep(stored.days, context.grading.rules.windows_days):
        first = stored.first_event or look.anchor
        past = Past(first_event=first, sightings=stored.sightings, loaded=context.loaded)
        facts = facts_at(look, subject=stored.subject, past=past)
        confidence = look.harmful.confidence or Confidence.B
        grades.append(context.grading.grade(facts, confidence=confidence, anchor=look.anchor))
    return replace(
        case,
        subject=stored.subject,
        days=dict(stored.days),
        grades={},
        settled=highest(grades),
        first_event=stored.first_event,
        summary=stored.summary,
        touched_days=set(),
        touched_grades=set(),
        _gravest=None,
        _anchors=None,
        _looks={},
        answers=Answers(),
    )


def _view(event: AlertEvent, seen: Case, thread: Thread, step: Speak, reader: Reader, context: Context) -> View | None:
    if seen.grade is None:
        return None
    told = compose(
        seen,
        thread,
        step,
        before=None,
        at=event.decided_at,
        grading=context.grading,
        catalogue_version=event.catalogue_version,
    )
    unseen = seen.grade.level < event.level
    says = paragraph(seen.subject.name, seen.grade, (), event.rule_set)
    return View(
        up_to=told.handling,
        conditions=bool(told.use_conditions),
        rests_on_unseen=unseen,
        explanation=f"{RESTRICTED} By what may be shown: {says}" if unseen else says,
        **{name: getattr(told, name) for name in View.SHOWN},
    )


def shown_to(event: AlertEvent, clearance: Handling | None, *, accepts_conditions: bool) -> AlertEvent | None:
    """The event as a reader may see it: whole, as the widest view that is theirs, or None."""
    if clearance is None:
        return None
    if event.handling.within(clearance) and (accepts_conditions or not event.use_conditions):
        return event.model_copy(update={"views": ()}) if event.views else event
    theirs = [view for view in event.views if _is_for(view, clearance, accepts_conditions)]
    widest = max(theirs, key=lambda view: (view.up_to.rank, view.conditions), default=None)
    return None if widest is None else _through(event, widest)


def _is_for(view: View, clearance: Handling, accepts_conditions: bool) -> bool:
    return view.up_to.within(clearance) and (accepts_conditions or not view.conditions)


def _through(event: AlertEvent, view: View) -> AlertEvent:
    """Whatever the view does not have is taken from the event only where it tells nothing of a report."""
    override = event.override.model_copy(update={"reason": ""}) if event.override else None
    return event.model_copy(
        update={
            **{name: getattr(view, name) for name in View.SHOWN},
            "handling": view.up_to,
            "explanation": view.explanation,
            "restricted": view.rests_on_unseen,
            "changes": tuple(change for change in event.changes if change in TELLABLE),
            "near": (),
            "corrections": (),
            "withdrawn": (),
            "reason": None,
            "override": override,
            "views": (),
        }
    )


def hidden_words(event: AlertEvent, shown: AlertEvent) -> frozenset[str]:
    """Words of the whole event that the shown one lacks: none of them may stand in the bytes that go out."""
    return frozenset(word for word in _words(event) - _words(shown) if len(word) >= 4)


def _words(event: AlertEvent) -> set[str]:
    product = event.product
    found = {*product.sold_as, *product.appearance, *product.other_substances, *event.use_conditions}
    found |= {source.laboratory for source in event.sources} | {str(source.event_id) for source in event.sources}
    found |= {rule.says for rule in event.rules} | {miss.says for miss in event.near}
    found |= {event.substance.name, event.substance.key, event.reason or "", event.explanation}
    found |= {event.substance.inchikey or "", event.substance.cas or ""}
    found |= {event.override.reason} if event.override else set()
    return found


def becomes_more_restricted(before: AlertEvent | None, now: AlertEvent) -> bool:
    """Whether readers who could be told something of this alert may now be told nothing."""
    return before is not None and _lowest(now) > _lowest(before)


def _lowest(event: AlertEvent) -> int:
    """The least clearance with which anything of it may be read."""
    return min([event.handling.rank, *(view.up_to.rank for view in event.views)])
