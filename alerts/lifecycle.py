"""When a case speaks: raised, escalated, updated (at once or gathered), cancelled, or silent, each with its reason.

Only change speaks. The one who is led by a report speaks about it; a case that a report merely refers to speaks when
it first reaches L3, "read with" the one that leads. What was told and is not true any more is corrected by whoever
told it. An alert that expired or was closed goes on when new facts come.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from alerts.cases import Case
from alerts.facts import ORDINARY_PRESENTATIONS, ORDINARY_ROUTES, ROUTES_OF_SALE
from alerts.harm import HarmRank
from alerts.novelty import first_in_union
from alerts.ruleset import RuleSet
from alerts.threads import Thread, Told
from schemas.alert_events import Correction
from schemas.vocabularies import AlertKind, CaseState, Change, Level, Novelty, Statement


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


GATHERING = timedelta(hours=6)
"""Between two updates of one alert, unless the site is set otherwise."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often one alert may be updated, how long it stays valid after its last revision, and when it is reviewed.

    A provisional one expires sooner. Levels without an interval of review are ended by their validity alone.
    """

    gathering: timedelta
    validity: timedelta
    provisional: timedelta
    reviews: Mapping[Level, timedelta]

    @classmethod
    def of(cls, rules: RuleSet, gathering: timedelta = GATHERING) -> "Policy":
        """The terms of the rule file; how often may be told is a setting of the site."""
        terms = rules.terms
        return cls(
            gathering=gathering,
            validity=timedelta(days=terms.validity.days),
            provisional=timedelta(days=terms.provisional.days),
            reviews={
                Level.L4: timedelta(days=terms.review_l4.days),
                Level.L3: timedelta(days=terms.review_l3.days),
            },
        )


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What a report did to a case: `day` of what it now says to it (None: nothing), whether an earlier revision stood
    in it (`held`), whether the computed level fell for it (`fell`), and whether it is `history`."""

    day: date | None
    held: bool
    fell: bool
    history: bool


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
        first_in_union=first_in_union(case.subject, case.sightings) if _calls_it_new(case) else "",
    )


def _calls_it_new(case: Case) -> bool:
    """Whether the alert says, or said before, that the substance is new to the Union."""
    before = case.thread.told.first_in_union if case.thread else ""
    return bool(before) or (case.grade is not None and case.grade.novelty is Novelty.NEW_TO_UNION)


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


def corrections(before: Told, now: Told) -> tuple[Correction, ...]:
    """What the last message said and is not so: each statement as it was, and what is known instead."""
    return (
        *_gone(Statement.COUNTRY, before.countries, now.countries),
        *_lower(Statement.HARM, before.harm, now.harm, lambda rank: HarmRank(rank).name.lower()),
        *_gone(Statement.PRESENTATION, before.presentations, now.presentations),
        *_gone(Statement.ROUTE_OF_SALE, before.routes, now.routes),
        *_lower(Statement.DOSE, before.dose_band, now.dose_band, lambda band: DOSE_BANDS[band]),
        *_moved(before.first_in_union, now.first_in_union),
        *_lower(Statement.CONFIRMATION, not before.provisional, not now.provisional, lambda yes: CONFIRMATIONS[yes]),
    )


DOSE_BANDS = ("usual", "high", "extreme")
CONFIRMATIONS = ("provisional", "confirmed")


def _gone(what: Statement, before: Iterable[str], now: Iterable[str]) -> Iterable[Correction]:
    """Each value that is not there any more; where one took the place of one, that one too."""
    old, new = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    instead = new[0] if len(old) == len(new) == 1 else ""
    return (Correction(what=what, was=value, now=instead) for value in old)


def _moved(before: str, now: str) -> Iterable[Correction]:
    """A first sighting that was told and is elsewhere or at another time, or is none."""
    if before and before != now:
        yield Correction(what=Statement.FIRST_SIGHTING, was=before, now=now)


def _lower(what: Statement, before: int, now: int, word: Callable[[int], str]) -> Iterable[Correction]:
    if now < before:
        yield Correction(what=what, was=word(before), now=word(now))


def news(before: Told, now: Told) -> tuple[Change, ...]:
    """What a message would say: first what was wrong, then what is new."""
    wrong = (Change.CORRECTED,) if corrections(before, now) else ()
    return (*wrong, *changes(before, now))


def after_report(case: Case, arrived: Arrived, *, leads: bool, now: datetime, policy: Policy) -> Step:
    """The step of a case that a report touched. History changes facts and levels; what they mean is told with the
    next report."""
    thread = case.thread
    if case.state is CaseState.MOVED:
        return Silent(Silence.MOVED)
    if thread is None:
        return Silent(Silence.HISTORY) if arrived.history else _first(case, leads)
    if arrived.fell and case.computed < Level.L1 and not thread.cancelled:
        return Speak(AlertKind.CANCELLED, thread.announced, (Change.WITHDRAWN,))
    if thread.ended:
        return _again(case, thread, arrived, leads)
    fresh = news(thread.told, told(case))
    if arrived.fell and case.computed < thread.announced:
        return Speak(AlertKind.UPDATED, thread.announced, (Change.PARTLY_WITHDRAWN, *fresh))
    if arrived.history:
        return Silent(Silence.HISTORY)
    if case.computed > ceiling(thread):
        return _risen(case, thread, fresh, leads)
    if not fresh:
        return Silent(Silence.NOTHING_NEW)
    wrong = arrived.held and Change.CORRECTED in fresh
    return _update(thread, fresh, now, policy) if leads or wrong else Silent(Silence.REFERRED_ONLY)


def after_gathering(case: Case) -> Step:
    """The step of a case whose gathering window ended: one update with all that is new by then."""
    thread = case.thread
    if thread is None or thread.ended:
        return Silent(Silence.ENDED)
    fresh = news(thread.told, told(case))
    return Speak(AlertKind.UPDATED, thread.announced, fresh) if fresh else Silent(Silence.NOTHING_NEW)


def after_expiry(case: Case, due: datetime) -> Step:
    """The step of a case whose alert was neither confirmed nor renewed, or not revised for as long as it was valid."""
    thread = case.thread
    if thread is None or thread.ended:
        return Silent(Silence.ENDED)
    unconfirmed = case.provisional and thread.expires_at is not None and thread.expires_at <= due
    reason = Change.NOT_CONFIRMED_IN_TIME if unconfirmed else Change.VALIDITY_OVER
    return Speak(AlertKind.EXPIRED, thread.announced, (reason,))


def ceiling(thread: Thread) -> Level:
    """What must be exceeded to escalate: the level told, or the one that a person saw when they told a lower one."""
    return max(thread.announced, thread.judged or Level.L0)


def moved_to(case: Case, level: Level, change: Change) -> Speak:
    """The message by which a level that a person decides is told."""
    announced = case.thread.announced if case.thread else None
    if announced is None:
        return Speak(AlertKind.RAISED, level, (change,))
    if level == announced:
        return Speak(AlertKind.UPDATED, level, (change,))
    return Speak(AlertKind.ESCALATED if level > announced else AlertKind.DOWNGRADED, level, (change,))


def _first(case: Case, leads: bool) -> Step:
    if case.computed < Level.L1:
        return Silent(Silence.BELOW_INFORMATION)
    if leads or case.computed >= Level.L3:
        return Speak(AlertKind.RAISED, case.computed, (Change.FIRST_LEVEL,))
    return Silent(Silence.REFERRED_ONLY)


def _again(case: Case, thread: Thread, arrived: Arrived, leads: bool) -> Step:
    """Whether an alert that expired or was closed goes on: for new facts, for an event after its end, and for anything
    that is found of what was never confirmed. The level is that of the days the report counts in, not of the past."""
    if not thread.may_go_on or arrived.day is None or arrived.history or not leads:
        return Silent(Silence.ENDED)
    level = max((grade.level for day, grade in case.grades.items() if day >= arrived.day), default=Level.L0)
    if level < Level.L1:
        return Silent(Silence.BELOW_INFORMATION)
    fresh = news(thread.told, told(case))
    unconfirmed = thread.ended_as is AlertKind.EXPIRED and thread.told.provisional
    later = thread.ended_at is not None and arrived.day > thread.ended_at.date()
    if not (fresh or unconfirmed or later or level > ceiling(thread)):
        return Silent(Silence.NOTHING_NEW)
    kind = AlertKind.ESCALATED if level > thread.announced else AlertKind.UPDATED
    return Speak(kind, level, (Change.REOPENED, *fresh))


def _risen(case: Case, thread: Thread, fresh: tuple[Change, ...], leads: bool) -> Step:
    if leads or thread.announced < Level.L3 <= case.computed:
        return Speak(AlertKind.ESCALATED, case.computed, (Change.LEVEL_ROSE, *fresh))
    return Silent(Silence.REFERRED_ONLY)


def _update(thread: Thread, fresh: tuple[Change, ...], now: datetime, policy: Policy) -> Step:
    due = None if thread.last_update is None else thread.last_update + policy.gathering
    if thread.announced is Level.L4 or due is None or due <= now:
        return Speak(AlertKind.UPDATED, thread.announced, fresh)
    return Gather(due)
