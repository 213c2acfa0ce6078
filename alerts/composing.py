"""Turns a case and the step it takes into the alert event: every fact that a text in any language needs."""

import uuid
from datetime import date, datetime

from alerts.cases import Case
from alerts.days import Cell, total
from alerts.evidence import REMOTE
from alerts.facts import newly_affected
from alerts.grading import Grading
from alerts.harm import HarmRank
from alerts.lifecycle import Speak, corrections
from alerts.responses import circumstances, responses
from alerts.threads import Thread
from schemas.alert_events import AlertEvent, CountryCount, Harm, Product, RuleSetRef, SubstanceRef
from schemas.vocabularies import AlertKind, Audience, Distribution, Scope, Severity

NAMESPACE = uuid.UUID("8f0f5c1e-5a0b-5d0e-9a56-7d2b1f6f4c11")
ENDINGS = frozenset({AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED})
_SEVERITY = {
    HarmRank.MINOR: Severity.MINOR,
    HarmRank.MODERATE: Severity.MODERATE,
    HarmRank.HOSPITALISED: Severity.HOSPITALISED,
    HarmRank.LIFE_THREATENING: Severity.LIFE_THREATENING,
    HarmRank.DEATH: Severity.LIFE_THREATENING,
}


def event_id(alert_id: str, revision: int) -> uuid.UUID:
    """The same for the same revision, so that a repeated message is known as one."""
    return uuid.uuid5(NAMESPACE, f"{alert_id}:{revision}")


def compose(
    case: Case,
    thread: Thread,
    step: Speak,
    *,
    before: Thread | None,
    at: datetime,
    grading: Grading,
    catalogue_version: str,
    by: str | None = None,
    reason: str | None = None,
) -> AlertEvent:
    """The event of one revision. `thread` already carries the new revision, level and times, `before` what was told.

    A case that no report is left in repeats what was said last, as what is now withdrawn or moved.
    """
    grade, summary = case.grade, case.summary
    if grade is None:
        return _repeated(case, thread, step, at=at, by=by, reason=reason)
    advice, questions = responses().chosen(circumstances(case))
    ended = step.kind in ENDINGS
    days = sorted(case.live_days)
    last = days[-1] if days else at.date()
    return AlertEvent(
        event_id=event_id(thread.alert_id, thread.revision),
        alert_id=thread.alert_id,
        number=thread.number,
        revision=thread.revision,
        kind=step.kind,
        tense=case.ledger,
        case_id=case.id,
        decided_at=at,
        changes=step.changes,
        references=thread.references,
        level=thread.announced,
        computed_level=case.computed,
        impact=grade.impact,
        spread=grade.spread,
        confidence=grade.confidence,
        provisional=case.provisional,
        novelty=grade.novelty,
        scope=_scope(case),
        substance=substance_of(case),
        countries=_countries(case, last, grading),
        product=_product(case),
        harm=_harm(case, last, grading.rules.windows_days.harm),
        events_28d=_events(case, last, grading.rules.windows_days.events),
        events_total=summary.events,
        first_event=days[0] if days else None,
        last_event=days[-1] if days else None,
        rules=grade.fired,
        advice=() if ended else advice,
        questions=() if ended else questions,
        reason=reason,
        audience=Audience.PRECURSOR if case.subject.precursor or summary.precursor else Audience.GENERAL,
        handling=summary.handling,
        use_conditions=summary.use_conditions,
        public_consent=summary.public_consent and summary.reports > 0,
        valid_until=thread.valid_until,
        review_at=thread.review_at,
        withdrawn=thread.withdrawn,
        corrections=() if ended or before is None else corrections(before.told, thread.told),
        override=case.decisions.override,
        decided_by=by,
        rule_set=RuleSetRef(name=grading.rules.name, version=grading.rules.version, digest=grading.book.digest),
        catalogue_version=catalogue_version,
        sources=summary.sources,
    )


def _repeated(
    case: Case, thread: Thread, step: Speak, *, at: datetime, by: str | None, reason: str | None
) -> AlertEvent:
    if thread.said is None:
        raise ValueError(f"case {case.id} has neither a grade nor anything that was said before")
    changed = {
        "event_id": event_id(thread.alert_id, thread.revision),
        "revision": thread.revision,
        "kind": step.kind,
        "decided_at": at,
        "changes": step.changes,
        "references": thread.references,
        "level": thread.announced,
        "computed_level": case.computed,
        "advice": (),
        "questions": (),
        "reason": reason,
        "valid_until": None,
        "review_at": None,
        "withdrawn": thread.withdrawn,
        "corrections": (),
        "override": None,
        "decided_by": by,
    }
    return thread.said.model_copy(update=changed)


def substance_of(case: Case) -> SubstanceRef:
    """The substance of a case, as its messages name it."""
    subject = case.subject
    return SubstanceRef(
        key=subject.key,
        name=subject.name,
        category=subject.category,
        subgroup=subject.subgroup,
        inchikey=subject.inchikey,
        cas=subject.cas,
        class_rule=subject.class_rule,
        class_because=subject.class_because,
    )


def _scope(case: Case) -> Scope:
    """Union where more than one country is affected, or may be: remote sale, or a border in between."""
    routes, countries = case.summary.distributions, case.summary.countries
    may_cross = bool(routes & (REMOTE | {Distribution.BORDER}))
    return Scope.UNION if len(countries) > 1 or may_cross else Scope.NATIONAL


def _countries(case: Case, last: date, grading: Grading) -> tuple[CountryCount, ...]:
    """Countries by current events; also those that the spread counts although only history speaks of them."""
    windows = grading.rules.windows_days
    fresh = newly_affected(last, case.days, windows)
    events = dict.fromkeys(fresh, 0) | {country: n for country, n in case.summary.countries.items() if n}
    for place, cell in case.days.items():
        if place.country in fresh and not case.summary.countries.get(place.country):
            recent = 0 <= (last - place.day).days < windows.new_country
            events[place.country] += cell.events if recent else 0
    counts = sorted(events.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        CountryCount(country=country, events=number, newly_affected=country in fresh) for country, number in counts
    )


def _product(case: Case) -> Product:
    summary = case.summary
    return Product(
        forms=tuple(sorted(summary.forms)),
        presentations=tuple(sorted(summary.presentations)),
        distributions=tuple(sorted(summary.distributions)),
        sold_as=summary.sold_as,
        appearance=summary.appearance,
        mis_sold=summary.mis_sold,
        max_dose_mg=summary.dose_mg or None,
        other_substances=summary.others,
    )


def _window(case: Case, last: date, days: int) -> Cell:
    return total(cell for place, cell in case.days.items() if 0 <= (last - place.day).days < days)


def _harm(case: Case, last: date, days: int) -> Harm:
    window, summary = _window(case, last, days), case.summary
    return Harm(
        deaths=window.deaths,
        life_threatening=window.life_threatening,
        hospitalised=window.hospitalised,
        worst_severity=_SEVERITY.get(summary.harm),
        exposure=summary.exposure if summary.harm else None,
    )


def _events(case: Case, last: date, days: int) -> int:
    return _window(case, last, days).live
