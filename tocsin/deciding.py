"""What every decision of a person on the command line needs: the case, the right to decide, a yes, the transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from alerts.deciding import Word
from alerts.entitlement import Act, refusal
from alerts.errors import Undecidable
from alerts.pipeline import Setting
from schemas.alert_events import AlertEvent
from schemas.vocabularies import Level
from storage import browsing, delivery_list, people
from storage.browsing import CaseDetail
from storage.deciding import CasePlace, Decision, decide, wait_for_an_answer
from tocsin import wiring
from tocsin.confirming import confirm
from tocsin.errors import Refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a person wants of a case, before it is known whether they may."""

    asked: str
    by: str
    reason: str
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """A database to decide in, with what decisions depend on."""

    connection: Connection
    setting: Setting

    def found(self, asked: str) -> CaseDetail:
        """The case that is meant."""
        found = browsing.case(self.connection, asked)
        if found is None:
            raise Refusal(f"No one case is {asked!r}: `tocsin case list --level 0` shows those there are.")
        return found

    def may(self, wish: Wish, act: Act, countries: frozenset[str]) -> Word:
        """The word of a person who may; refuses others, and whoever gives no name or reason (P7)."""
        return entitled(self.connection, act, countries, by=wish.by, reason=wish.reason)

    def decide(self, found: CaseDetail, decision: Decision) -> list[AlertEvent]:
        """Do it; refuses with a sentence what does not fit the case."""
        try:
            return decide(self.connection, place_of(found), self.setting, decision, at=datetime.now(UTC))
        except Undecidable as error:
            raise Refusal(f"{found.row.name}: {error}; nothing was changed.") from error

    def ask(self, found: CaseDetail, what: str, wish: Wish) -> None:
        """Name who will be told, and go on with a yes only. Before any lock: a person may think about it."""
        wait_for_an_answer(self.connection)
        confirm(
            f"{what} {found.row.name} ({found.row.number or found.row.id[:12]}) tells: {self._whom(found)}",
            yes=wish.yes,
        )

    def _whom(self, found: CaseDetail) -> str:
        if found.row.number is None:
            return "nobody, because nobody was told of it"
        told = delivery_list.listed(self.connection, alert=found.row.number, limit=10_000)
        names = sorted({f"{row.subscriber} ({row.channel})" for row in told if row.attempts})
        return ", ".join(names) or "nobody who had it before, because nobody has it yet"


def entitled(connection: Connection, act: Act, countries: frozenset[str], *, by: str, reason: str) -> Word:
    """The word of a registered person who may decide this for these countries; else a refusal with its sentence."""
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise Refusal("--by and --reason must say who decides and why; both are kept.")
    why = refusal(people.find(connection, by), act, countries)
    if why is not None:
        raise Refusal(f"{by} {why}; nothing was changed.")
    return Word(by=by, reason=reason)


@contextmanager
def desk(data_dir: Path | None) -> Iterator[Desk]:
    """One transaction to decide in; a refusal leaves nothing behind."""
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "case")
    try:
        setting = wiring.setting(settings, engine)
        with engine.begin() as connection:
            yield Desk(connection, setting)
    finally:
        engine.dispose()


def place_of(found: CaseDetail) -> CasePlace:
    """Where a case is."""
    return CasePlace(ledger=found.row.tense, key=found.row.key, id=found.row.id)


def countries_of(found: CaseDetail) -> frozenset[str]:
    """Whom a decision about a case concerns."""
    return frozenset(found.row.countries)


def level_of(text: str) -> Level:
    """L0 to L4, as people write it."""
    try:
        return Level(int(text.strip().upper().removeprefix("L")))
    except ValueError:
        raise Refusal(f"--level {text!r} is no level: use L0, L1, L2, L3 or L4.") from None


def instant_of(text: str, option: str) -> datetime:
    """A day or an instant; without an offset it is in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} {text!r} is no time: write 2026-12-01 or 2026-12-01T08:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def told(events: list[AlertEvent], *, otherwise: str) -> str:
    """What came of it, in one line."""
    if not events:
        return otherwise
    return "; ".join(f"{event.number} {event.kind} as revision {event.revision}, L{event.level:d}" for event in events)
