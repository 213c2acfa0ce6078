"""What the demo publishes: history as it is, documented events moved in time so that the last one ends today."""

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from schemas.topics import detections_topic
from schemas.vocabularies import ReporterRole, Tense
from storage.laboratories import Laboratory
from tocsin.demo import history, scenario
from tocsin.demo.scenario import Document

HISTORY_COUNTRY: Final = "SI"
_SEATS: Final = {"eu": "NL"}
"""Where a laboratory sits whose id does not begin with its country: Europol in The Hague."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One message. `told` is the tense in which it speaks: archival reports never make an alert."""

    topic: str
    value: bytes
    told: Tense


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Everything the demo publishes, in the order in which it is published, and who reports it."""

    laboratories: tuple[Laboratory, ...]
    history: tuple[Report, ...]
    live: tuple[Report, ...]

    @property
    def reports(self) -> int:
        return len(self.history) + len(self.live)

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(laboratory.topic for laboratory in self.laboratories)


def replay(*, began: datetime, days: int) -> Replay:
    """The same for the same first run: `began` is when that was, `days` the shift that was fixed then."""
    past = tuple(_history())
    told = [moved(document, days=days, latest=began) for document in _shipped()]
    return Replay(laboratories=_laboratories(told), history=past, live=tuple(_report(document) for document in told))


def shift_to(today: date) -> int:
    """By how many days the documented events are moved so that the last is reported on this day."""
    last = max(_reported(document) for document in _shipped())
    return (today - last.date()).days


def moved(document: Document, *, days: int, latest: datetime) -> Document:
    """The report that many days later. What would then be reported after `latest` is reported at `latest`."""
    result = copy.deepcopy(document)
    reported = min(_reported(document) + timedelta(days=days), latest)
    result["reported_at"] = reported.isoformat(timespec="seconds").replace("+00:00", "Z")
    for field in ("sampled_at", "analysed_at"):
        if field in result:
            result[field] = (date.fromisoformat(str(result[field])) + timedelta(days=days)).isoformat()
    when = result["event_date"]
    if isinstance(when, dict) and isinstance(value := when.get("value"), str):
        when["value"] = (_day(document) + timedelta(days=days)).isoformat()[: len(value)]
    return result


@cache
def _shipped() -> tuple[Document, ...]:
    return scenario.load().live


def _day(document: Document) -> date:
    """The day that grading counts: a month or year moves with it, else it would drift against days."""
    detection = scenario.detection(document)
    reported = detection.reported_at.date()
    return min(detection.event_date.last_day or reported, reported)


def _reported(document: Document) -> datetime:
    return datetime.fromisoformat(str(document["reported_at"])).astimezone(UTC)


def _history() -> Sequence[Report]:
    topic = detections_topic(history.LABORATORY)
    return [
        Report(topic=topic, value=detection.model_dump_json(exclude_none=True).encode(), told=detection.status)
        for detection in history.history()
    ]


def _report(document: Document) -> Report:
    laboratory, _ = _reporter(document)
    return Report(
        topic=detections_topic(laboratory), value=scenario.as_bytes(document), told=Tense(str(document["status"]))
    )


def _laboratories(told: Sequence[Document]) -> tuple[Laboratory, ...]:
    roles: dict[str, set[ReporterRole]] = defaultdict(set)
    for laboratory, role in (_reporter(document) for document in told):
        roles[laboratory].add(role)
    roles[history.LABORATORY].add(ReporterRole.FORENSIC_LAB)
    return tuple(_laboratory(identifier, frozenset(found)) for identifier, found in sorted(roles.items()))


def _reporter(document: Document) -> tuple[str, ReporterRole]:
    reporter = scenario.detection(document).reporter
    return reporter.lab, reporter.role


def _laboratory(identifier: str, roles: frozenset[ReporterRole]) -> Laboratory:
    prefix = identifier[:2]
    words = " and ".join(sorted(role.value.replace("_", " ") for role in roles))
    return Laboratory(
        id=identifier,
        display_name=f"Example {words} {prefix.upper()}",
        country=_SEATS.get(prefix, prefix.upper()),
        roles=roles,
        topic=detections_topic(identifier),
    )
