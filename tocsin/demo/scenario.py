"""Reads the scenario file: the acceptance table and documented events, as reports in the shape of the format.

A report says only what its source says; the loader adds what every report has (format version, ids, handling) and
`assumed` names the fields that the source does not say. Ids come from scenario and line: the same file, the same ids.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml
from pydantic import Field, JsonValue, ValidationError, model_validator

from schemas.base import Frozen
from schemas.decoding import Decoded, decode_bytes
from schemas.detections import SCHEMA_VERSION, Detection
from schemas.rejections import Rejection
from schemas.values import Country, Instant
from schemas.vocabularies import AlertKind, Change, Confidence
from tocsin.errors import Refusal

SHIPPED: Final = Path(__file__).parent / "scenario.yaml"
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:tocsin:scenario")
_OURS: Final = ("ref", "like", "assumed", "note", "use", "why", "repeat", "revises")

Document = dict[str, JsonValue]


class BrokenScenario(Refusal):
    """A scenario file that cannot be used; names the file, the place and what is wrong."""

    exit_code = 2


class SourceKind(StrEnum):
    AUTHORITY = "authority"
    PRESS = "press"
    RELAY = "relay"
    ABSTRACT = "abstract"
    COPY = "copy"


class Use(StrEnum):
    """What a documented report is good for: told live, only counted as history, or left out because told elsewhere."""

    LIVE = "live"
    ARCHIVAL = "archival"
    LEFT_OUT = "left_out"


class Repeat(Frozen):
    """The same report again: that many times in all, that many days apart."""

    times: int = Field(ge=2, le=400)
    every_days: int = Field(ge=1)


class Entry(Frozen):
    """One line of a scenario: a report, and what is ours about it. `revises` names the line it is a revision of."""

    ref: str = Field(pattern="^[a-z0-9][a-z0-9-]*$", max_length=40)
    like: str | None = None
    assumed: tuple[str, ...] = ()
    note: str | None = None
    use: Use = Use.LIVE
    why: str | None = None
    repeat: Repeat | None = None
    revises: str | None = None
    report: Mapping[str, JsonValue]

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, value: object) -> object:
        """Every key that is not ours belongs to the report."""
        if not isinstance(value, Mapping) or "report" in value:
            return value
        return {
            **{key: value[key] for key in _OURS if key in value},
            "report": {key: part for key, part in value.items() if key not in _OURS},
        }


class ExpectedCase(Frozen):
    """What one case must be at the end; what is left out is not looked at. It is found by name or subgroup."""

    name: str | None = None
    subgroup: str | None = None
    level: str = Field(pattern="^L[0-4]$")
    impact: int | None = None
    spread: int | None = None
    confidence: Confidence | None = None
    countries: tuple[Country, ...] | None = None
    events: int | None = None
    provisional: bool | None = None

    @model_validator(mode="after")
    def _named(self) -> "ExpectedCase":
        if (self.name is None) == (self.subgroup is None):
            raise ValueError("name the case by name or by subgroup")
        return self


class ExpectedMessage(Frozen):
    """One message, in its place."""

    kind: AlertKind
    level: str = Field(pattern="^L[0-4]$")
    countries: tuple[Country, ...] | None = None
    changes: tuple[Change, ...] | None = None


class Expected(Frozen):
    """What must come of a row: every case above L0 is named, every message is, in order."""

    cases: tuple[ExpectedCase, ...] = ()
    messages: tuple[ExpectedMessage, ...] = ()


class Row(Frozen):
    """One row of the acceptance table of the grading, or one of its variants."""

    row: str
    when: str | None = None
    waits: str | None = None
    now: Instant | None = None
    history: tuple[Country, ...] = ()
    reports: tuple[Entry, ...] = Field(min_length=1)
    expected: Expected

    @property
    def title(self) -> str:
        """The row as a sentence."""
        return f"{self.row}: {self.when}" if self.when else self.row


class Source(Frozen):
    """Where the facts of an event can be read. A title in [brackets] is rebuilt or translated."""

    title: str
    publisher: str
    year: int | None = None
    url: str
    kind: SourceKind


class Event(Frozen):
    """A documented event: its reports, who issued it, the sources, and what is doubtful."""

    id: str = Field(pattern="^[a-z0-9-]+$")
    title: str
    issued_by: str
    doubts: str
    sources: tuple[Source, ...] = Field(min_length=1)
    reports: tuple[Entry, ...] = Field(min_length=1)


class Scenario(Frozen):
    """The whole file, checked."""

    about: str
    templates: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict)
    acceptance: tuple[Row, ...]
    events: tuple[Event, ...]

    @cached_property
    def live(self) -> tuple[Document, ...]:
        """The documented reports that are told, archival ones as such, in the order of their reporting."""
        told = [document for event in self.events for document in self.reports_of(event)]
        return tuple(sorted(told, key=lambda document: str(document["reported_at"])))

    def reports_of(self, part: Row | Event) -> tuple[Document, ...]:
        """The reports of one row or event as JSON, in the order of the file."""
        scope = f"row:{part.title}" if isinstance(part, Row) else f"event:{part.id}"
        told = [entry for entry in part.reports if entry.use is not Use.LEFT_OUT]
        return tuple(document for entry in told for document in self._documents(entry, scope))

    def _documents(self, entry: Entry, scope: str) -> Iterator[Document]:
        said = merged(self.templates[entry.like], entry.report) if entry.like else entry.report
        repeat = entry.repeat or Repeat.model_construct(times=1, every_days=0)
        for number in range(repeat.times):
            ref = entry.revises or (entry.ref if number == 0 else f"{entry.ref}-{number + 1}")
            complete = _complete(said, ref=ref, scope=scope, archival=entry.use is Use.ARCHIVAL)
            yield shifted(complete, days=number * repeat.every_days)


def load(path: Path = SHIPPED) -> Scenario:
    """The scenario of a file, every report in it a good one."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        scenario = Scenario.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise BrokenScenario(f"{path} cannot be used as a scenario: {' '.join(str(error).split())[:600]}") from error
    _check(scenario, path)
    return scenario


def numbered_reports(path: Path = SHIPPED) -> list[tuple[int, bytes]]:
    """The told reports of a scenario file as numbered JSON, in the order of their reporting; the first is 1."""
    return [(number, as_bytes(document)) for number, document in enumerate(load(path).live, start=1)]


def as_bytes(document: Document) -> bytes:
    """A report as it goes to a topic."""
    return json.dumps(document, ensure_ascii=False).encode()


def shifted(document: Document, *, days: int) -> Document:
    """The same report that many days later: when it was reported, sampled, analysed and happened."""
    moved, by = copy.deepcopy(document), timedelta(days=days)
    reported = datetime.fromisoformat(str(document["reported_at"]))
    moved["reported_at"] = (reported + by).isoformat().replace("+00:00", "Z")
    for field in ("sampled_at", "analysed_at"):
        if field in moved:
            moved[field] = (date.fromisoformat(str(moved[field])) + by).isoformat()
    when = moved["event_date"]
    if isinstance(when, dict) and isinstance(value := when.get("value"), str):
        when["value"] = _later(value, by)
    return moved


def _later(value: str, by: timedelta) -> str:
    """A day, month or year as much later, at the same precision."""
    day = date.fromisoformat(f"{value}-01-01"[:10])
    return (day + by).isoformat()[: len(value)]


def merged(under: Mapping[str, JsonValue], over: Mapping[str, JsonValue]) -> Document:
    """Both, the second winning; objects are merged field by field, lists replaced."""
    result: Document = {**under}
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _complete(said: Mapping[str, JsonValue], *, ref: str, scope: str, archival: bool) -> Document:
    """The report with what every report has."""
    common: Document = {
        "schema_version": SCHEMA_VERSION,
        "event_id": str(_event_id(scope, ref)),
        "revision": 1,
        "action": "new",
        "status": "actual",
        "reporter": {"case_ref": f"EX-{_event_id(scope, ref).hex[:6]}-{ref}"},
        "handling": "AMBER",
        "public_consent": {"given": False},
    }
    whole = merged(common, said)
    return whole | {"status": "archival"} if archival else whole


def _event_id(scope: str, ref: str) -> UUID:
    return uuid5(_NAMESPACE, f"{scope}/{ref}")


def _check(scenario: Scenario, path: Path) -> None:
    """Every report decodes, every name that is referred to exists, every exclusion has its reason."""
    parts: tuple[Row | Event, ...] = (*scenario.acceptance, *scenario.events)
    for part in parts:
        where = part.title if isinstance(part, Row) else part.id
        _check_entries(part.reports, scenario, f"{path}, {where}")
        for number, document in enumerate(scenario.reports_of(part), start=1):
            if isinstance(verdict := _verdict(document), Rejection):
                problem = verdict.problems[0]
                raise BrokenScenario(f"{path}, {where}, report {number}: {problem.pointer} {problem.sentence}")


def _check_entries(entries: Sequence[Entry], scenario: Scenario, where: str) -> None:
    refs = [entry.ref for entry in entries]
    for entry in entries:
        if refs.count(entry.ref) > 1:
            raise BrokenScenario(f"{where}: two reports are called {entry.ref}; name them apart.")
        if entry.like and entry.like not in scenario.templates:
            raise BrokenScenario(f"{where}: {entry.ref} is like {entry.like}, which no template is called.")
        if entry.revises and entry.revises not in refs:
            raise BrokenScenario(f"{where}: {entry.ref} revises {entry.revises}, which is not a report beside it.")
        if entry.use is not Use.LIVE and not entry.why:
            raise BrokenScenario(f"{where}: {entry.ref} is {entry.use}; say why.")


def _verdict(document: Document) -> Decoded | Rejection:
    return decode_bytes(as_bytes(document), laboratory=None)


def detection(document: Document) -> Detection:
    """The report of a document that the scenario has checked."""
    return Detection.model_validate(document)


class _Loader(yaml.SafeLoader):
    """YAML in which a date is text and NO is a country: only true, false and null are words of the language."""


_NOT_HERE: Final = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag not in _NOT_HERE]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
