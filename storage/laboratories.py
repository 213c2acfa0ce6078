"""Who may report: the registry of laboratories, each with its own topic, and a version that rises with every change."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from schemas.vocabularies import ReporterRole


class LaboratoryState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Laboratory:
    """`id` never changes; a successor carries the `canonical_id` of the laboratory it follows."""

    id: str
    display_name: str
    country: str
    roles: frozenset[ReporterRole]
    topic: str
    canonical_id: str = ""
    state: LaboratoryState = field(default=LaboratoryState.ACTIVE)

    def __post_init__(self) -> None:
        if not self.canonical_id:
            object.__setattr__(self, "canonical_id", self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChange:
    """A person's decision about a laboratory; `at` is the database's time of it."""

    laboratory: str
    state: LaboratoryState
    by: str
    reason: str
    at: datetime | None = None


_PUT: Final = text("""
    INSERT INTO laboratories (id, canonical_id, display_name, country, roles, state, topic)
    VALUES (:id, :canonical_id, :display_name, :country, CAST(:roles AS text[]), :state, :topic)
    ON CONFLICT (id) DO UPDATE SET canonical_id = excluded.canonical_id, display_name = excluded.display_name,
        country = excluded.country, roles = excluded.roles
    WHERE (laboratories.canonical_id, laboratories.display_name, laboratories.country, laboratories.roles)
        IS DISTINCT FROM (excluded.canonical_id, excluded.display_name, excluded.country, excluded.roles)
""")

_TURN: Final = text("UPDATE laboratories SET state = :state WHERE id = :laboratory AND state <> :state")

_LOG: Final = text("""
    INSERT INTO laboratory_log (laboratory, state, actor, reason) VALUES (:laboratory, :state, :by, :reason)
""")

_HISTORY: Final = text("""
    SELECT laboratory, state, actor, reason, at FROM laboratory_log WHERE laboratory = :laboratory ORDER BY id
""")

_RAISE_VERSION: Final = text("UPDATE system SET number = number + 1 WHERE name = 'registry_version'")

_VERSION: Final = text("SELECT number FROM system WHERE name = 'registry_version'")

_ALL: Final = text("""
    SELECT id, canonical_id, display_name, country, roles, state, topic FROM laboratories ORDER BY id
""")


def put(connection: Connection, laboratory: Laboratory) -> bool:
    """Register or change a laboratory; False when nothing changed, and then the version stays too.

    `state` counts for a new one only: one that is suspended stays so until a person resumes it (`turn`).
    """
    changed = connection.execute(
        _PUT,
        {
            "id": laboratory.id,
            "canonical_id": laboratory.canonical_id,
            "display_name": laboratory.display_name,
            "country": laboratory.country,
            "roles": sorted(laboratory.roles),
            "state": laboratory.state,
            "topic": laboratory.topic,
        },
    ).rowcount
    if changed:
        connection.execute(_RAISE_VERSION)
    return bool(changed)


def turn(connection: Connection, change: StateChange) -> bool:
    """Suspend or resume, and keep who and why; False when it is in that state already or not registered."""
    values = {"laboratory": change.laboratory, "state": change.state, "by": change.by, "reason": change.reason}
    turned = bool(connection.execute(_TURN, values).rowcount)
    if turned:
        connection.execute(_LOG, values)
        connection.execute(_RAISE_VERSION)
    return turned


def history(connection: Connection, laboratory: str) -> tuple[StateChange, ...]:
    """Every suspension and resumption, oldest first."""
    return tuple(
        StateChange(
            laboratory=row.laboratory, state=LaboratoryState(row.state), by=row.actor, reason=row.reason, at=row.at
        )
        for row in connection.execute(_HISTORY, {"laboratory": laboratory})
    )


def registered(connection: Connection) -> tuple[Laboratory, ...]:
    """Every laboratory by id, suspended ones too: their reports are read, and refused with a reason."""
    return tuple(
        Laboratory(
            id=row.id,
            canonical_id=row.canonical_id,
            display_name=row.display_name,
            country=row.country,
            roles=frozenset(ReporterRole(role) for role in row.roles),
            state=LaboratoryState(row.state),
            topic=row.topic,
        )
        for row in connection.execute(_ALL)
    )


def registry_version(connection: Connection) -> int:
    """Rises with every change of the registry; a worker that sees a new one starts anew."""
    return int(connection.execute(_VERSION).scalar_one())
