"""Who may decide: people by id with country and roles, and every change of it with who said so and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from alerts.entitlement import Person
from schemas.vocabularies import PersonRole


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a person might decide from `at` on, and who said so."""

    person: Person
    by: str
    reason: str
    at: datetime | None = None


_PUT: Final = text("""
    WITH changed AS (
        INSERT INTO people (id, country, roles, active) VALUES (:id, :country, CAST(:roles AS text[]), :active)
        ON CONFLICT (id) DO UPDATE SET country = excluded.country, roles = excluded.roles, active = excluded.active
        WHERE (people.country, people.roles, people.active)
            IS DISTINCT FROM (excluded.country, excluded.roles, excluded.active)
        RETURNING id, country, roles, active
    )
    INSERT INTO people_log (person, country, roles, active, actor, reason)
    SELECT id, country, roles, active, :by, :reason FROM changed
""")

_ONE: Final = text("SELECT id, country, roles, active FROM people WHERE id = :id")

_ALL: Final = text("SELECT id, country, roles, active FROM people ORDER BY id")

_HISTORY: Final = text("""
    SELECT person AS id, country, roles, active, actor, reason, at FROM people_log WHERE person = :id ORDER BY id
""")


def put(connection: Connection, change: Change) -> bool:
    """Register or change a person; False when they are registered so already, and then nothing is logged."""
    person = change.person
    values = {
        "id": person.id,
        "country": person.country,
        "roles": sorted(person.roles),
        "active": person.active,
        "by": change.by,
        "reason": change.reason,
    }
    return bool(connection.execute(_PUT, values).rowcount)


def find(connection: Connection, identifier: str) -> Person | None:
    """A person by id."""
    row = connection.execute(_ONE, {"id": identifier}).one_or_none()
    return None if row is None else _person(row)


def registered(connection: Connection) -> tuple[Person, ...]:
    """Everybody, also those who may not decide any more."""
    return tuple(map(_person, connection.execute(_ALL)))


def history(connection: Connection, identifier: str) -> tuple[Change, ...]:
    """What a person might decide since when, oldest first."""
    rows = connection.execute(_HISTORY, {"id": identifier})
    return tuple(Change(person=_person(row), by=row.actor, reason=row.reason, at=row.at) for row in rows)


def _person(row: "Row[Any]") -> Person:
    roles = frozenset(PersonRole(role) for role in row.roles)
    return Person(id=row.id, country=row.country, roles=roles, active=row.active)
