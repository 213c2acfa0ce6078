"""Grades the anchors of a case: only what a new event may have changed is asked again."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date

from alerts.cases import Answers, Case, Context
from alerts.facts import Facts, Past, counted_on, facts_at
from alerts.lookback import Lookback
from schemas.vocabularies import Confidence


def facts_of(case: Case, anchor: date, sightings: Mapping[str, date], context: Context) -> Facts:
    """The facts of a case at an anchor."""
    look = case.look_back(anchor, context.grading.rules.windows_days)
    past = Past(first_event=case.first_event or anchor, sightings=sightings, loaded=context.loaded)
    return facts_at(look, subject=case.subject, past=past)


def grade_from(case: Case, day: date, sightings: Mapping[str, date], context: Context) -> None:
    """Grade the anchors at or after a day: windows look back, so earlier ones cannot have changed."""
    anchors, windows, grading = case.live_days, context.grading.rules.windows_days, context.grading
    asked = anchors[bisect_left(anchors, day) :]
    if not asked:
        return
    past = Past(first_event=case.first_event or asked[0], sightings=dict(sightings), loaded=context.loaded)
    if case.answers.basis != (case.subject, past):
        case.answers = Answers(basis=(case.subject, past))
    for look in case.look_back_since(asked, windows):
        confidence = look.harmful.confidence or Confidence.B
        grade = grading.grade(_facts(case, look, past), confidence=confidence, anchor=look.anchor)
        if case.grades.get(look.anchor) is not grade:
            case.set_grade(grade)


def _facts(case: Case, look: Lookback, past: Past) -> Facts:
    """The facts at an anchor, from those it had before where only more events of known kinds came to it."""
    known = None if look.widened else case.answers.facts.get(look.anchor)
    facts = facts_at(look, subject=case.subject, past=past) if known is None else counted_on(known, look)
    case.answers.facts[look.anchor], look.widened = facts, False
    return facts
