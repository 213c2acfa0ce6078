"""What deciding remembers: cases by key, events by report, numbers of alerts. Recalled from a database, or all of it
in the process (`simulate`)."""

from dataclasses import dataclass, field
from uuid import UUID

from alerts.cases import CaseFile, FileKey, Report
from alerts.deduplication import KnownEvent
from alerts.errors import Missing
from alerts.readings import Reading
from alerts.told import Told
from schemas.vocabularies import Tense

PREFIX = {Tense.ACTUAL: "", Tense.EXERCISE: "EXERCISE-", Tense.TEST: "TEST-"}


def label(tense: Tense, year: int, number: int) -> str:
    """The number people see: TOC-A-2026-0042, marked in exercises and tests."""
    return f"{PREFIX[tense]}TOC-A-{year}-{number:04d}"


@dataclass
class Memory:
    """The state that a fold reads and changes. `complete`: nothing exists that is not here. `told`: what people were
    told before the database was restored."""

    complete: bool = False
    files: dict[FileKey, CaseFile] = field(default_factory=dict)
    events: dict[Report, KnownEvent] = field(default_factory=dict)
    owners: dict[UUID, frozenset[str]] = field(default_factory=dict)
    waiting: dict[Report, list[Reading]] = field(default_factory=dict)
    issued: dict[Tense, int] = field(default_factory=dict)
    told: Told = field(default_factory=dict)

    def file(self, ledger: Tense, key: str) -> CaseFile:
        """Everything under a case key. Raises Missing for one that was not recalled."""
        found = self.files.get((ledger, key))
        if found is not None:
            return found
        if not self.complete:
            raise Missing(frozenset({key}))
        created = CaseFile(ledger=ledger, key=key, filed={})
        self.files[(ledger, key)] = created
        return created

    def number(self, tense: Tense, year: int) -> str:
        """The next number of a tense. A memory recalled from a database gives placeholders (`#1`), one per alert."""
        self.issued[tense] = self.issued.get(tense, 0) + 1
        if self.complete:
            return label(tense, year, self.issued[tense])
        return f"#{tense}:{year}:{self.issued[tense]}"

    def wait(self, event: KnownEvent, reading: Reading) -> None:
        """Keep a revision until its event comes. It makes its laboratory no owner of the event yet."""
        self.events[reading.report] = event
        self.waiting.setdefault(reading.report, []).append(reading)

    def remember(self, event: KnownEvent) -> None:
        """Add an event, and its laboratory to the owners of its id."""
        self.events[(event.laboratory, event.event_id)] = event
        self.owners[event.event_id] = self.owners.get(event.event_id, frozenset()) | {event.laboratory}
