"""Rows as the arrays of one `unnest`: a bulk statement takes any number of them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, TextClause

from storage.pipelining import Answer, send

Value = object
Columns = dict[str, list[Value]]


def columns(names: str, rows: Iterable[Sequence[Value]]) -> Columns:
    """Rows as the arrays of one `unnest`."""
    listed = list(rows)
    return {name: [row[place] for row in listed] for place, name in enumerate(names.split())}


def write(connection: Connection, statement: TextClause, *groups: Columns) -> Answer | None:
    """Run a bulk statement unless it would write nothing."""
    parameters = {name: column for group in groups for name, column in group.items()}
    return send(connection, statement, parameters) if any(parameters.values()) else None
