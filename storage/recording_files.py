"""Writes what is filed under each case key: reports, the links that make several one event, first sightings."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, text

from alerts.cases import CaseFile, Filed, Report
from storage.columns import Value, columns, write

_FILES: Final = text("""
    WITH gone_reports AS (
        DELETE FROM case_reports r USING unnest(CAST(:gr_ledger AS text[]), CAST(:gr_key AS text[]),
            CAST(:gr_laboratory AS text[]), CAST(:gr_event_id AS uuid[])) AS g (ledger, case_key, laboratory, event_id)
        WHERE (r.ledger, r.case_key, r.laboratory, r.event_id) = (g.ledger, g.case_key, g.laboratory, g.event_id)
    ), gone_links AS (
        DELETE FROM occurrence_links l USING unnest(CAST(:gl_ledger AS text[]), CAST(:gl_key AS text[]),
            CAST(:gl_laboratory AS text[]), CAST(:gl_event_id AS uuid[]), CAST(:gl_keep AS text[]))
            AS g (ledger, case_key, laboratory, event_id, keep)
        WHERE (l.ledger, l.case_key, l.laboratory, l.event_id) = (g.ledger, g.case_key, g.laboratory, g.event_id)
          AND NOT l.link = ANY(string_to_array(g.keep, chr(10)))
    ), reports AS (
        INSERT INTO case_reports (ledger, case_key, laboratory, event_id, case_id, body)
        SELECT ledger, case_key, laboratory, event_id, case_id, CAST(body AS jsonb)
        FROM unnest(CAST(:r_ledger AS text[]), CAST(:r_key AS text[]), CAST(:r_laboratory AS text[]),
                    CAST(:r_event_id AS uuid[]), CAST(:r_case_id AS text[]), CAST(:r_body AS text[]))
             AS r (ledger, case_key, laboratory, event_id, case_id, body)
        ON CONFLICT (ledger, case_key, laboratory, event_id) DO UPDATE SET case_id = excluded.case_id,
            body = excluded.body
    ), links AS (
        INSERT INTO occurrence_links (ledger, case_key, link, laboratory, event_id, day)
        SELECT * FROM unnest(CAST(:k_ledger AS text[]), CAST(:k_key AS text[]), CAST(:k_link AS text[]),
                             CAST(:k_laboratory AS text[]), CAST(:k_event_id AS uuid[]), CAST(:k_day AS date[]))
        ON CONFLICT (ledger, case_key, link, laboratory, event_id) DO UPDATE SET day = excluded.day
    ), gone_sightings AS (
        DELETE FROM first_sightings s USING unnest(CAST(:gs_ledger AS text[]), CAST(:gs_key AS text[]),
            CAST(:gs_keep AS text[])) AS g (ledger, case_key, keep)
        WHERE (s.ledger, s.case_key) = (g.ledger, g.case_key) AND NOT s.country = ANY(string_to_array(g.keep, ','))
    )
    INSERT INTO first_sightings (ledger, case_key, country, day)
    SELECT * FROM unnest(CAST(:s_ledger AS text[]), CAST(:s_key AS text[]), CAST(:s_country AS text[]),
                         CAST(:s_day AS date[]))
    ON CONFLICT (ledger, case_key, country) DO UPDATE SET day = excluded.day
""")


def write_files(connection: Connection, files: Iterable[CaseFile]) -> None:
    """In one statement: what left and what came, of the keys that changed."""
    changed = [file for file in files if file.added or file.removed or file.sightings_changed]
    added = [(file, filed) for file in changed for filed in _current(file).values()]
    gone = [(file, report) for file in changed for report in sorted(file.removed, key=str)]
    names = "r_ledger r_key r_laboratory r_event_id r_case_id r_body"
    write(
        connection,
        _FILES,
        columns(names, ((*_place(file), *item.evidence.report, item.case, _json(item)) for file, item in added)),
        columns(
            "gr_ledger gr_key gr_laboratory gr_event_id",
            (_left(file, one) for file, one in gone if _is_gone(file, one)),
        ),
        columns(
            "gl_ledger gl_key gl_laboratory gl_event_id gl_keep",
            ((*_left(file, one), "\n".join(_links_of(file, one))) for file, one in gone),
        ),
        columns("k_ledger k_key k_link k_laboratory k_event_id k_day", _links(added)),
        columns(
            "gs_ledger gs_key gs_keep",
            ((*_place(file), ",".join(file.sightings)) for file in changed if file.sightings_changed),
        ),
        columns(
            "s_ledger s_key s_country s_day",
            (
                (*_place(file), country, day)
                for file in changed
                if file.sightings_changed
                for country, day in file.sightings.items()
            ),
        ),
    )


def _place(file: CaseFile) -> tuple[str, str]:
    return (file.ledger.value, file.key)


def _json(item: Filed) -> str:
    return item.evidence.model_dump_json()


def _current(file: CaseFile) -> dict[Report, Filed]:
    """What was added and still stands: the last of each report."""
    latest = {item.evidence.report: item for item in file.added}
    known = file.known
    if known is None:
        return latest
    return {report: item for report, item in latest.items() if known.get(report) is item}


def _is_gone(file: CaseFile, report: Report) -> bool:
    return report not in _current(file)


def _left(file: CaseFile, report: Report) -> Sequence[Value]:
    return (*_place(file), *report)


def _links_of(file: CaseFile, report: Report) -> list[str]:
    item = _current(file).get(report)
    return [] if item is None else list(item.evidence.ties)


def _links(added: Iterable[tuple[CaseFile, Filed]]) -> Iterable[Sequence[Value]]:
    for file, item in added:
        for link in item.evidence.ties:
            yield (file.ledger.value, file.key, link, *item.evidence.report, item.evidence.day)
