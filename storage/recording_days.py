"""Writes the days and grades of cases: what was added or changed, and of cases counted anew what is gone."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, text

from alerts.cases import Case
from alerts.days import written
from storage.columns import Value, columns, write
from storage.memory import Recalled

_DAYS: Final = text("""
    WITH gone_days AS (
        DELETE FROM case_days d USING unnest(CAST(:gd_case_id AS text[]), CAST(:gd_day AS date[]),
            CAST(:gd_country AS text[]), CAST(:gd_region AS text[])) AS g (case_id, day, country, region)
        WHERE (d.case_id, d.day, d.country, d.region) = (g.case_id, g.day, g.country, g.region)
    ), gone_grades AS (
        DELETE FROM case_grades d USING unnest(CAST(:gg_case_id AS text[]), CAST(:gg_day AS date[])) AS g (case_id, day)
        WHERE (d.case_id, d.day) = (g.case_id, g.day)
    ), days AS (
        INSERT INTO case_days (case_id, day, country, region, body)
        SELECT case_id, day, country, region, CAST(body AS jsonb)
        FROM unnest(CAST(:d_case_id AS text[]), CAST(:d_day AS date[]), CAST(:d_country AS text[]),
                    CAST(:d_region AS text[]), CAST(:d_body AS text[])) AS d (case_id, day, country, region, body)
        ON CONFLICT (case_id, day, country, region) DO UPDATE SET body = excluded.body
    )
    INSERT INTO case_grades (case_id, day, level, impact, spread, confidence, body)
    SELECT case_id, day, level, impact, spread, confidence, CAST(body AS jsonb)
    FROM unnest(CAST(:g_case_id AS text[]), CAST(:g_day AS date[]), CAST(:g_level AS smallint[]),
                CAST(:g_impact AS smallint[]), CAST(:g_spread AS smallint[]), CAST(:g_confidence AS text[]),
                CAST(:g_body AS text[])) AS g (case_id, day, level, impact, spread, confidence, body)
    ON CONFLICT (case_id, day) DO UPDATE SET level = excluded.level, impact = excluded.impact,
        spread = excluded.spread, confidence = excluded.confidence, body = excluded.body
""")


def write_days(connection: Connection, cases: Sequence[Case], recalled: Recalled) -> None:
    """In one statement, of cases that a batch touched."""
    write(
        connection,
        _DAYS,
        columns("gd_case_id gd_day gd_country gd_region", _each(cases, lambda case: _gone_days(case, recalled))),
        columns("gg_case_id gg_day", _each(cases, lambda case: _gone_grades(case, recalled))),
        columns("d_case_id d_day d_country d_region d_body", _each(cases, _days)),
        columns("g_case_id g_day g_level g_impact g_spread g_confidence g_body", _each(cases, _grades)),
    )


def _each(cases: Iterable[Case], rows: Callable[[Case], Iterable[Sequence[Value]]]) -> Iterable[Sequence[Value]]:
    for case in cases:
        yield from rows(case)


def _gone_days(case: Case, recalled: Recalled) -> Iterable[Sequence[Value]]:
    if case.recounted:
        yield from ((case.id, *place) for place in recalled.loaded_days.get(case.id, frozenset()) - case.days.keys())


def _gone_grades(case: Case, recalled: Recalled) -> Iterable[Sequence[Value]]:
    if case.recounted:
        yield from ((case.id, day) for day in recalled.loaded_grades.get(case.id, frozenset()) - case.grades.keys())


def _days(case: Case) -> Iterable[Sequence[Value]]:
    for place in sorted(case.touched_days & case.days.keys()):
        yield (case.id, *place, written(case.days[place]))


def _grades(case: Case) -> Iterable[Sequence[Value]]:
    for day in sorted(case.touched_grades & case.grades.keys()):
        grade = case.grades[day]
        scores = (int(grade.level), grade.impact, grade.spread, grade.confidence.value)
        yield (case.id, day, *scores, grade.model_dump_json())
