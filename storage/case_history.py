"""The case log as it was written, line by line: what a case can be rebuilt from."""

from typing import Final

from sqlalchemy import Connection, text

from alerts.effects import LogEntry

_LINES: Final = text("""
    SELECT case_id, at, actor, action, reason, laboratory, event_id, revision, level_before AS before,
           level_after AS after, rules, rule_set, detail
    FROM case_log WHERE CAST(:case_id AS text) IS NULL OR case_id = :case_id ORDER BY id
""")


def lines(connection: Connection, case_id: str | None = None) -> list[LogEntry]:
    """Every line of a case, or of all cases, oldest first."""
    found = connection.execute(_LINES, {"case_id": case_id}).mappings()
    return [LogEntry.model_validate({**_plain(dict(row)), **row["detail"]}) for row in found]


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "detail"}
