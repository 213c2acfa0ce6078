"""When a case speaks: raised, escalated, updated (at once or gathered), cancelled, or silent, each with its reason.

Only change speaks. The one who is led by a report speaks about it; a case that a report merely refers to speaks when
it first reaches L3, "read with" the one that leads.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.cases import Case
from alerts.facts import ORDINARY_PRESENTATIONS, ORDINARY_ROUTES, ROUTES_OF_SALE
from alerts.threads import Thread, Told
from schemas.vocabularies import AlertKind, CaseState, Change, Level


class Silence(StrEnum):
    """Why a case said nothing."""

    BELOW_INFORMATION = "below_information"
    REFERRED_ONLY = "referred_only"
    NOTHING_NEW = "nothing_new"
    ENDED = "ended"
    MOVED = "moved"
    HISTORY = "history"


@dataclass(frozen=True)
class Silent:
    reason: Silence


@dataclass(frozen=True)
class Gather:
    """Told later, in one message, when the window ends."""

    due: datetime


@dataclass(frozen=True)
class Speak:
    kind: AlertKind
    level: Level
    changes: tuple[Change, ...]


Step = Silent | Gather | Speak


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often one alert may be updated, and how long it stays valid after its last revision."""

    gathering: timedelta = timedelta(hours=6)
    validity: timedelta = timedelta(days=90)


def told(case: Case) -> Told:
    """What a message about the case as it is now says."""
    summary = case.summary
    return Told(
        countries=frozenset(country for country, events in summary.countries.items() if events),
        harm=summary.harm,
        presentations=summary.presentations - ORDINARY_PRESENTATIONS,
        routes=(summary.distributions & ROUTES_OF_SALE) - ORDINARY_ROUTES,
        dose_band=summary.dose_band,
        provisional=case.provisional,
    )


def changes(before: Told, now: Told) -> tuple[Change, ...]:
    """What is new against the last message, in the order it is said."""
    found = {
        Change.NEW_COUNTRY: bool(now.countries - before.countries),
        Change.HARM_WORSE: now.harm > before.harm,
        Change.NEW_PRESENTATION: bool(now.presentations - before.presentations),
        Change.NEW_ROUTE_OF_SALE: bool(now.routes - before.routes),
        Change.DOSE_ROSE: now.dose_band > before.dose_band,
        Change.CONFIRMED: before.provisional and not now.provisional,
    }
    return tuple(change for change, holds in found.items() if holds)


def after_report(case: Case, *, leads: bool, fell: bool, history: bool, now: datetime, policy: Policy) -> Step:
    """The step of a case that a report touched. `fell`: a report was taken out and the computed level is lower.

    `history`: the report is archival; it changes facts and levels, and what they mean is told with the next report.
    """
    thread = case.thread
    if case.state is CaseState.MOVED:
        return Silent(Silence.MOVED)
    if thread is None:
        return Silent(Silence.HISTORY) if history else _first(case, leads)
    if thread.ended:
        return Silent(Silence.ENDED)
    if fell and case.computed < Level.L1:
        return Speak(AlertKind.CANCELLED, thread.announced, (Change.WITHDRAWN,))
    if fell and case.computed < thread.announced:
        return Speak(AlertKind.UPDATED, thread.announced, (Change.PARTLY_WITHDRAWN,))
    if history:
        return Silent(Silence.HISTORY)
    news = changes(thread.told, told(case))
    if case.computed > thread.announced:
        return _risen(case, thread, news, leads)
    if not news:
        return Silent(Silence.NOTHING_NEW)
    return _update(thread, news, now, policy) if leads else Silent(Silence.REFERRED_ONLY)


def after_gathering(case: Case) -> Step:
    """The step of a case whose gathering window ended: one update with all that is new by then."""
    thread = case.thread
    if thread is None or thread.ended:
        return Silent(Silence.ENDED)
    news = changes(thread.told, told(case))
    return Speak(AlertKind.UPDATED, thread.announced, news) if news else Silent(Silence.NOTHING_NEW)


def _first(case: Case, leads: bool) -> Step:
    if case.computed < Level.L1:
        return Silent(Silence.BELOW_INFORMATION)
    if leads or case.computed >= Level.L3:
        return Speak(AlertKind.RAISED, case.computed, (Change.FIRST_LEVEL,))
    return Silent(Silence.REFERRED_ONLY)


def _risen(case: Case, thread: Thread, news: tuple[Change, ...], leads: bool) -> Step:
    if leads or thread.announced < Level.L3 <= case.computed:
        return Speak(AlertKind.ESCALATED, case.computed, (Change.LEVEL_ROSE, *news))
    return Silent(Silence.REFERRED_ONLY)


def _update(thread: Thread, news: tuple[Change, ...], now: datetime, policy: Policy) -> Step:
    due = None if thread.last_update is None else thread.last_update + policy.gathering
    if thread.announced is Level.L4 or due is None or due <= now:
        return Speak(AlertKind.UPDATED, thread.announced, news)
    return Gather(due)
