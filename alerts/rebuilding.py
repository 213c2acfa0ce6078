"""Rebuilds cases from the case log alone: which reports stand in them, their level, state, alert and decisions.

What the log says is everything that happened; a case that cannot be rebuilt from it has been changed by something that
left no line. With the reports themselves, days, facts and grades follow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import JsonValue

from alerts.cases import Report
from alerts.effects import LogEntry
from schemas.vocabularies import Level


@dataclass
class Rebuilt:
    """A case as its log tells it. `stands` holds state, key, alert and decisions, as the log words them."""

    level: Level = Level.L0
    reports: set[Report] = field(default_factory=set)
    stands: dict[str, JsonValue] = field(default_factory=dict)


def rebuilt(log: Iterable[LogEntry]) -> dict[str, Rebuilt]:
    """Every case that the log speaks of, from its lines in their order."""
    cases: dict[str, Rebuilt] = {}
    for entry in log:
        case = cases.setdefault(entry.case_id, Rebuilt())
        _change(case, entry.became)
        if entry.after is not None:
            case.level = entry.after
        _place(case, entry, cases)
    return cases


def _change(case: Rebuilt, became: Mapping[str, JsonValue]) -> None:
    for name, value in became.items():
        if value is None:
            case.stands.pop(name, None)
        else:
            case.stands[name] = value


def _place(case: Rebuilt, entry: LogEntry, cases: Mapping[str, Rebuilt]) -> None:
    """Put in the report that the line is about, and those that came with it; a report is in one case of a key."""
    for report in map(_named, entry.joined):
        _put(case, report, cases)
    case.reports -= set(map(_named, entry.left))
    if entry.laboratory is None or entry.event_id is None or entry.stands is None:
        return
    spoken_of = (entry.laboratory, entry.event_id)
    if entry.stands:
        _put(case, spoken_of, cases)
    else:
        case.reports.discard(spoken_of)


def _named(text: str) -> Report:
    laboratory, _, event_id = text.partition("/")
    return laboratory, UUID(event_id)


def _put(case: Rebuilt, report: Report, cases: Mapping[str, Rebuilt]) -> None:
    place = (case.stands.get("ledger"), case.stands.get("key"))
    for other in cases.values():
        if (other.stands.get("ledger"), other.stands.get("key")) == place:
            other.reports.discard(report)
    case.reports.add(report)
