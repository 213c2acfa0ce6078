"""Reports in a few words, and a desk that decides about them: for the tests of facts, rules, cases and messages."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import JsonValue

from alerts.anchors import facts_of
from alerts.cases import Case, CaseFile
from alerts.catalogue import load
from alerts.evidence import Evidence
from alerts.facts import Facts
from alerts.grading import european_grading
from alerts.identity import identify
from alerts.lifecycle import Policy
from alerts.pipeline import Setting, cancel, read
from schemas.alert_events import AlertEvent
from schemas.decoding import Decoded, decode_bytes
from schemas.vocabularies import AlertKind, Change, Level, Tense
from tocsin.simulation import Simulated, Simulation

Document = dict[str, JsonValue]

CATALOGUE = load()
GRADING = european_grading()
DAY = date(2026, 3, 2)
UNLISTED = "O=C(C(CCC)NCC)c1ccc(CCCC)cc1"
"""A cathinone that no catalogue has: new in the Union, effects not known."""


def days(after: int) -> str:
    """The day that many days after the first one of every test."""
    return (DAY + timedelta(days=after)).isoformat()


def component(
    name: str,
    *,
    role: str = "main_active",
    methods: Sequence[str] = ("gc_ms",),
    standard: str = "unknown",
    identification: str = "identified",
    **more: JsonValue,
) -> Document:
    """One substance as a laboratory names it."""
    return {
        "name_reported": name,
        "role": role,
        "methods": list(methods),
        "reference_standard": standard,
        "identification": identification,
        **more,
    }


def strip(name: str = "nitazene (strip positive)") -> Document:
    """What a test strip shows."""
    return component(name, methods=["strip"], identification="presumptive")


def harm(severity: str, *, exposure: str = "confirmed", outcome: str = "recovered", **more: JsonValue) -> Document:
    """What happened to the people a report speaks of."""
    return {"outcome": outcome, "severity": severity, "exposure": exposure, **more}


def death(*, exposure: str = "confirmed", **more: JsonValue) -> Document:
    return harm("life_threatening", exposure=exposure, outcome="death", **more)


def report(
    event: str,
    *components: Document | str,
    day: int = 0,
    lab: str = "si-example",
    country: str = "SI",
    sample: Document | None = None,
    told_after: timedelta = timedelta(hours=30),
    **changes: JsonValue,
) -> Document:
    """A collected sample of day `day`, its own case reference, told 30 hours after the start of that day.

    `sample` is added to a powder; other fields replace those of the report.
    """
    happened = DAY + timedelta(days=day)
    told = datetime(happened.year, happened.month, happened.day, tzinfo=UTC) + told_after
    document: Document = {
        "schema_version": "1.0",
        "event_id": str(uuid5(NAMESPACE_URL, f"{lab}:{event}")),
        "revision": 1,
        "action": "new",
        "status": "actual",
        "report_type": "collected_sample",
        "reporter": {"lab": lab, "role": "forensic_lab", "case_ref": f"EX-{event}"},
        "reported_at": told.isoformat(),
        "event_date": {"value": happened.isoformat(), "precision": "day"},
        "country": country,
        "components": [component(item) if isinstance(item, str) else item for item in components],
        "sample": {"physical_form": "powder", **(sample or {})},
        "handling": "AMBER",
        "public_consent": {"given": False},
    }
    return document | copy.deepcopy(changes)


def street(**more: JsonValue) -> Document:
    """A sample bought on the street: known local origin."""
    return {"distribution": ["street"], **more}


def revised(
    earlier: Document, *, action: str = "amend", revision: int = 2, hours: int = 1, **changes: JsonValue
) -> Document:
    """The next revision of a report, some hours later."""
    told = datetime.fromisoformat(str(earlier["reported_at"])) + timedelta(hours=hours)
    return earlier | {"action": action, "revision": revision, "reported_at": told.isoformat()} | copy.deepcopy(changes)


def retracted(earlier: Document, *, revision: int = 2, hours: int = 1) -> Document:
    return revised(earlier, action="retract", revision=revision, hours=hours)


def as_bytes(document: Document) -> bytes:
    return json.dumps(document).encode()


def decoded(document: Document) -> Decoded:
    """The report as it is decoded; it must be valid."""
    found = decode_bytes(as_bytes(document), laboratory=None)
    assert isinstance(found, Decoded), found
    return found


def setting(loaded: Sequence[str] = (), policy: Policy | None = None) -> Setting:
    return Setting(catalogue=CATALOGUE, grading=GRADING, loaded=frozenset(loaded), policy=policy)


def said(document: Document) -> dict[str, Evidence]:
    """What one report says to which case, by the name of the substance."""
    found = decoded(document)
    at = found.detection.reported_at
    reading = read(found, laboratory=found.detection.reporter.lab, at=at, setting=setting())
    return {evidence.subject.name: evidence for evidence in reading.said.evidence}


def key_of(name: str) -> str:
    """The substance key of a name, without the product."""
    detection = decoded(report("key", name)).detection
    return identify(detection.components[0], laboratory="x", sample="x", catalogue=CATALOGUE)[0].key


@dataclass
class Desk:
    """Decides about reports one after another, each at its own `reported_at`, timers in between."""

    loaded: tuple[str, ...] = ()
    policy: Policy | None = None
    simulation: Simulation = field(init=False)
    lines: int = 0

    def __post_init__(self) -> None:
        self.simulation = Simulation(setting(self.loaded, self.policy))

    def tell(self, *documents: Document) -> "Desk":
        """Decide about reports in the order given."""
        for document in documents:
            self.lines += 1
            self.simulation.run([(self.lines, as_bytes(document))])
        return self

    def wait(self, *, hours: float) -> "Desk":
        """Let time pass after the last message or report."""
        last = max(entry.at for entry in self.simulation.effects.log)
        self.simulation._wake(last + timedelta(hours=hours))
        return self

    @property
    def result(self) -> Simulated:
        return self.simulation.result()

    @property
    def messages(self) -> list[AlertEvent]:
        return self.simulation.effects.events

    @property
    def story(self) -> list[tuple[AlertKind, Level]]:
        """Kind and level of every message, in order."""
        return [(message.kind, message.level) for message in self.messages]

    @property
    def changes(self) -> list[tuple[Change, ...]]:
        return [message.changes for message in self.messages]

    @property
    def rejections(self) -> list[str]:
        return [rejected.reason.value for rejected in self.simulation.rejected]

    def cases(self, name: str | None = None, *, ledger: Tense = Tense.ACTUAL) -> list[Case]:
        """Listed cases of a substance name, in the order of key and age."""
        found = [case for file in self.files(ledger) for case in file.cases() if case.listed]
        chosen = [case for case in found if name is None or case.subject.name.casefold() == name.casefold()]
        return sorted(chosen, key=lambda case: (case.key, case.ordinal))

    def files(self, ledger: Tense = Tense.ACTUAL) -> list[CaseFile]:
        return [file for (tense, _), file in self.simulation.memory.files.items() if tense is ledger]

    def case(self, name: str | None = None, *, ledger: Tense = Tense.ACTUAL) -> Case:
        """The only listed case (of a substance)."""
        (only,) = self.cases(name, ledger=ledger)
        return only

    def facts(self, name: str | None = None, *, day: int | None = None, ledger: Tense = Tense.ACTUAL) -> Facts:
        """The facts of the only case at its last event, or at a day."""
        case = self.case(name, ledger=ledger)
        file = self.simulation.memory.files[(ledger, case.key)]
        anchor = max(case.live_days) if day is None else DAY + timedelta(days=day)
        return facts_of(case, anchor, file.sightings, self.simulation.setting.context)

    def fired(self, name: str | None = None) -> set[str]:
        """Ids of the rules behind the grade of the only case."""
        grade = self.case(name).grade
        return {rule.id for rule in grade.fired} if grade else set()

    def score(self, name: str | None = None) -> tuple[int, int, Level, str]:
        """Impact, spread, level and confidence of the only case."""
        grade = self.case(name).grade
        assert grade is not None
        return grade.impact, grade.spread, grade.level, grade.confidence.value

    def withdraw(self, name: str | None = None, *, hours: float = 1) -> AlertEvent:
        """A person cancels the alert of the only case."""
        case = self.case(name)
        memory, effects = self.simulation.memory, self.simulation.effects
        file = memory.files[(case.ledger, case.key)]
        at = max(entry.at for entry in effects.log) + timedelta(hours=hours)
        return cancel(
            file, case, memory, effects, self.simulation.setting, at=at, by="a person", reason="laboratory mix-up"
        )


def event_id(document: Document) -> UUID:
    return UUID(str(document["event_id"]))
