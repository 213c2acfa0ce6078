"""Recalls the reports that a batch needs to count some places of a case anew, and no more of a case that may be large.

Whoever amends, retracts or adds to an event changes the places of all reports that speak of that event, on one side or
the other; these places are counted from their own reports, and from what these are one event with.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, text

from alerts.cases import Filed, FileKey, Report
from alerts.days import place_of
from alerts.evidence import Evidence
from alerts.memory import Memory
from schemas.vocabularies import Tense
from storage.columns import columns
from storage.pipelining import send

FEW: Final = 200
"""Reports of a case that are recalled whole sooner than sought out."""

_LARGE: Final = text("""
    SELECT ledger, case_key FROM unnest(CAST(:ledgers AS text[]), CAST(:keys AS text[])) AS asked (ledger, case_key)
    WHERE (SELECT count(*) FROM (
        SELECT FROM case_reports r WHERE (r.ledger, r.case_key) = (asked.ledger, asked.case_key) LIMIT :few
    ) AS first) >= :few
""")

_TIES: Final = """
            SELECT jsonb_array_elements_text(r.body->'links') UNION ALL
            SELECT r.body->>'twin' WHERE r.body->>'twin' IS NOT NULL
"""
"""`Evidence.ties` of a stored report."""

_NEAR: Final = text(f"""
    WITH RECURSIVE tied AS (
        SELECT r.ledger, r.case_key, r.laboratory, r.event_id
        FROM unnest(CAST(:s_ledgers AS text[]), CAST(:s_keys AS text[]), CAST(:s_laboratories AS text[]),
                    CAST(:s_event_ids AS uuid[])) AS s (ledger, case_key, laboratory, event_id)
        JOIN case_reports r USING (ledger, case_key, laboratory, event_id)
        UNION
        SELECT l.ledger, l.case_key, l.laboratory, l.event_id
        FROM unnest(CAST(:l_ledgers AS text[]), CAST(:l_keys AS text[]), CAST(:l_links AS text[]))
             AS s (ledger, case_key, link)
        JOIN occurrence_links l USING (ledger, case_key, link)
        UNION
        SELECT l.ledger, l.case_key, l.laboratory, l.event_id
        FROM tied t
        JOIN case_reports r USING (ledger, case_key, laboratory, event_id)
        CROSS JOIN LATERAL ({_TIES}) AS said (link)
        JOIN occurrence_links l ON (l.ledger, l.case_key, l.link) = (t.ledger, t.case_key, said.link)
    ), places AS (
        SELECT * FROM unnest(CAST(:p_ledgers AS text[]), CAST(:p_keys AS text[]), CAST(:p_days AS text[]),
                             CAST(:p_countries AS text[]), CAST(:p_regions AS text[]))
        UNION
        SELECT r.ledger, r.case_key, r.body->>'day', r.body->>'country', coalesce(r.body->>'region', '')
        FROM tied t JOIN case_reports r USING (ledger, case_key, laboratory, event_id)
    ), needed AS (
        SELECT r.ledger, r.case_key, r.laboratory, r.event_id
        FROM places AS p (ledger, case_key, day, country, region)
        JOIN case_reports r ON (r.ledger, r.case_key, r.body->>'day', r.body->>'country')
                             = (p.ledger, p.case_key, p.day, p.country)
                           AND coalesce(r.body->>'region', '') = p.region
        UNION
        SELECT l.ledger, l.case_key, l.laboratory, l.event_id
        FROM needed n
        JOIN case_reports r USING (ledger, case_key, laboratory, event_id)
        CROSS JOIN LATERAL ({_TIES}) AS said (link)
        JOIN occurrence_links l ON (l.ledger, l.case_key, l.link) = (n.ledger, n.case_key, said.link)
    )
    SELECT r.ledger, r.case_key, r.case_id, CAST(r.body AS text) AS body,
           EXISTS (SELECT FROM places p WHERE p = (r.ledger, r.case_key, r.body->>'day', r.body->>'country',
                                                   coalesce(r.body->>'region', ''))) AS whole
    FROM needed JOIN case_reports r USING (ledger, case_key, laboratory, event_id)
""")


@lru_cache(maxsize=16_384)
def evidence_of(body: str) -> Evidence:
    """A case that is counted afresh is so again and again, mostly from the same reports."""
    return Evidence.model_validate_json(body)


def _joining(evidence: Sequence[Evidence], memory: Memory) -> set[tuple[FileKey, Report]]:
    """Reports of the batch that may share an event with another, of the batch or before it."""
    holders: dict[tuple[FileKey, str], set[Report]] = {}
    for item in evidence:
        key = (item.ledger, item.case_key)
        file = memory.files[key]
        for link in item.ties:
            known = holders.setdefault((key, link), set(file.known_links.get(link, ())))
            known |= {item.report} | {report for report, _ in file.twins.get(link, ())}
    return {(key, report) for (key, _), reports in holders.items() if len(reports) > 1 for report in reports}


@dataclass(frozen=True)
class Seeds:
    """What the batch changes of events that were there, or may: reports filed before, and what is said now."""

    filed: Sequence[tuple[FileKey, Report]]
    said: Sequence[Evidence]

    @property
    def files(self) -> set[FileKey]:
        """The case keys of all these."""
        return {key for key, _ in self.filed} | {(item.ledger, item.case_key) for item in self.said}

    def of(self, files: AbstractSet[FileKey]) -> "Seeds":
        """Under these case keys."""
        filed = [(key, report) for key, report in self.filed if key in files]
        return Seeds(filed, [item for item in self.said if (item.ledger, item.case_key) in files])


def seeds(evidence: Sequence[Evidence], before: Mapping[Report, set[FileKey]], memory: Memory) -> Seeds:
    """`before` are the case keys that reports of the batch were filed in."""
    filed = [(key, report) for report, keys in before.items() for key in keys]
    joining, times = _joining(evidence, memory), Counter((item.case_key, item.report) for item in evidence)
    said = [
        item
        for item in evidence
        if item.report in before
        or times[(item.case_key, item.report)] > 1
        or ((item.ledger, item.case_key), item.report) in joining
    ]
    return Seeds(sorted(filed, key=str), said)


def large(connection: Connection, files: AbstractSet[FileKey]) -> frozenset[FileKey]:
    """Those under which there is more than a batch reads in passing; the others are counted whole."""
    if not files:
        return frozenset()
    parameters = columns("ledgers keys", ((ledger.value, key) for ledger, key in sorted(files)))
    rows = send(connection, _LARGE, {**parameters, "few": FEW})
    return frozenset((Tense(row.ledger), row.case_key) for row in rows)


def recall_near(connection: Connection, joined: Seeds, memory: Memory) -> None:
    """The reports of the places that these touch, and whatever is tied to any of them."""
    for key in joined.files:
        memory.files[key].near = {}
    for item in joined.said:
        memory.files[(item.ledger, item.case_key)].near_places.add(place_of(item))
    if not joined.files:
        return
    filed = [(ledger.value, key, *report) for (ledger, key), report in joined.filed]
    links = [(item.ledger.value, item.case_key, link) for item in joined.said for link in item.ties]
    places = [
        (file.ledger.value, file.key, place.day.isoformat(), place.country, place.region)
        for file in memory.files.values()
        for place in sorted(file.near_places)
    ]
    parameters = columns("s_ledgers s_keys s_laboratories s_event_ids", filed)
    parameters |= columns("l_ledgers l_keys l_links", links)
    parameters |= columns("p_ledgers p_keys p_days p_countries p_regions", places)
    for row in send(connection, _NEAR, parameters):
        file, evidence = memory.files[(Tense(row.ledger), row.case_key)], evidence_of(row.body)
        if file.near is not None:
            file.near[evidence.report] = Filed(evidence, row.case_id)
        if row.whole:
            file.near_places.add(place_of(evidence))
