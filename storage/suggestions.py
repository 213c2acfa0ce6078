"""What suggestions are made from: the products of open cases, and the reports of one case."""

from typing import Final

from sqlalchemy import Connection, text

from alerts.evidence import Evidence
from alerts.suggesting import alike
from schemas.vocabularies import Tense

_PRODUCTS: Final = text("""
    SELECT id, ledger, case_key FROM cases
    WHERE receives AND listed AND case_key LIKE '%|%|%|%|%|%' ORDER BY ledger, case_key
""")

_REPORTS: Final = text("SELECT CAST(body AS text) AS body FROM case_reports WHERE case_id = :id")


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
