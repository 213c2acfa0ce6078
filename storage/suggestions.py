"""What suggestions are made from: the products of open cases, the reports of one case, what persons said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from alerts.cases import Report
from alerts.deciding import Word
from alerts.evidence import Evidence
from alerts.suggesting import alike
from schemas.vocabularies import Tense

Pair = tuple[Report, Report]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What persons said: pairs that are one event, and reports that are an event of their own."""

    one: Mapping[Pair, Word] = field(default_factory=dict)
    apart: Mapping[Report, Word] = field(default_factory=dict)


_PRODUCTS: Final = text("""
    SELECT id, ledger, case_key FROM cases
    WHERE receives AND listed AND case_key LIKE '%|%|%|%|%|%' ORDER BY ledger, case_key
""")

_REPORTS: Final = text("SELECT CAST(body AS text) AS body FROM case_reports WHERE case_id = :id")

_CONFIRM: Final = text("""
    INSERT INTO confirmed_twins (ledger, laboratory, event_id, other_laboratory, other_event_id, actor, reason, at)
    VALUES (:ledger, :laboratory, :event_id, :other_laboratory, :other_event_id, :by, :reason, :at)
    ON CONFLICT DO NOTHING
""")

_UNCONFIRM: Final = text("""
    DELETE FROM confirmed_twins WHERE ledger = :ledger
      AND ((laboratory, event_id) = (:laboratory, :event_id)
        OR (other_laboratory, other_event_id) = (:laboratory, :event_id))
""")

_CONFIRMED: Final = text("SELECT * FROM confirmed_twins WHERE ledger = :ledger")

_APART: Final = text("""
    SELECT laboratory, event_id, actor, reason FROM case_routes
    WHERE ledger = :ledger AND from_key = ANY(:keys) AND to_key = from_key AND laboratory IS NOT NULL
      AND undone_at IS NULL ORDER BY id
""")


def products(connection: Connection) -> list[tuple[str, str]]:
    """Pairs of open cases, by id, that may be of one product."""
    by_place = {(Tense(row.ledger), row.case_key): row.id for row in connection.execute(_PRODUCTS)}
    ledgers = sorted({ledger for ledger, _ in by_place})
    return [
        (by_place[(ledger, one)], by_place[(ledger, other)])
        for ledger in ledgers
        for one, other in alike(key for of, key in by_place if of is ledger)
    ]


def reports(connection: Connection, case_id: str) -> list[Evidence]:
    """Everything that a case counts."""
    return [Evidence.model_validate_json(row.body) for row in connection.execute(_REPORTS, {"id": case_id})]


def confirm(connection: Connection, ledger: Tense, pair: Pair, word: Word, *, at: datetime) -> bool:
    """Keep that two reports are one event; False when that was said before. Nothing that is counted changes."""
    (laboratory, event_id), (other_laboratory, other_event_id) = sorted(pair, key=str)
    values = {
        "ledger": ledger,
        "laboratory": laboratory,
        "event_id": event_id,
        "other_laboratory": other_laboratory,
        "other_event_id": other_event_id,
        "by": word.by,
        "reason": word.reason,
        "at": at,
    }
    return bool(connection.execute(_CONFIRM, values).rowcount)


def unconfirm(connection: Connection, ledger: Tense, report: Report) -> None:
    """A report that is told apart is one with no other any more."""
    connection.execute(_UNCONFIRM, {"ledger": ledger, "laboratory": report[0], "event_id": report[1]})


def said(connection: Connection, ledger: Tense, of: list[Evidence]) -> Said:
    """What persons said of the reports of a case."""
    keys = sorted({key for one in of for key in (one.case_key, one.own_key) if key is not None})
    apart = connection.execute(_APART, {"ledger": ledger, "keys": keys})
    return Said(
        one={
            ((row.laboratory, row.event_id), (row.other_laboratory, row.other_event_id)): Word(
                by=row.actor, reason=row.reason
            )
            for row in connection.execute(_CONFIRMED, {"ledger": ledger})
        },
        apart={(row.laboratory, UUID(str(row.event_id))): Word(by=row.actor, reason=row.reason) for row in apart},
    )
