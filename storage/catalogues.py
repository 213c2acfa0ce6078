"""The catalogue as rows that are never changed, only followed: a version adds rows and ends others.

Who decides about reports holds the newest version, shared, until the transaction ends; who makes a new one waits for
them and they for it. So a version moves between two batches, and every report is read with the one it is stored with.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from alerts.catalogue import Catalogue, Rows, Settlement, Settlements, assembled, load, shipped, version_of
from alerts.catalogue import Row as Line

_LOCK: Final = 7_305_229_001
SUBSTANCES: Final = "substances"
VARIANTS: Final = "stereo_variants"
STREET: Final = "street_names"
_KEYS: Final = {SUBSTANCES: "key", VARIANTS: "inchikey", STREET: "street_name"}
"""The column that tells the rows of each part apart."""

_HOLD: Final = text("SELECT number, version, at, actor, reason FROM hold_catalogue(:lock)")
_CHANGE: Final = text("SELECT pg_advisory_xact_lock(:lock)")

_NEWEST: Final = text("""
    SELECT number, version, at, actor, reason FROM catalogue_versions ORDER BY number DESC LIMIT :limit
""")

_ROWS: Final = text("""
    SELECT 'substances' AS part, key, shipped, CAST(body AS text) AS body FROM substances WHERE until IS NULL
    UNION ALL
    SELECT list, key, shipped, CAST(body AS text) FROM catalogue_lists WHERE until IS NULL
    ORDER BY 1, 2
""")

_SETTLED: Final = text("""
    SELECT laboratory, review_key, substance, inchikey, smiles, source FROM substance_names WHERE until IS NULL
""")

_ADD_VERSION: Final = text("""
    INSERT INTO catalogue_versions (number, version, actor, reason) VALUES (:number, :version, :actor, :reason)
""")

_END_SUBSTANCES: Final = text("""
    UPDATE substances SET until = :number WHERE until IS NULL AND key = ANY(CAST(:keys AS text[]))
""")

_ADD_SUBSTANCES: Final = text("""
    INSERT INTO substances (key, since, shipped, body)
    SELECT key, :number, :shipped, CAST(body AS jsonb)
    FROM unnest(CAST(:keys AS text[]), CAST(:bodies AS text[])) AS r (key, body)
""")

_END_LIST: Final = text("""
    UPDATE catalogue_lists SET until = :number WHERE until IS NULL AND list = :part AND key = ANY(CAST(:keys AS text[]))
""")

_ADD_LIST: Final = text("""
    INSERT INTO catalogue_lists (list, key, since, shipped, body)
    SELECT :part, key, :number, :shipped, CAST(body AS jsonb)
    FROM unnest(CAST(:keys AS text[]), CAST(:bodies AS text[])) AS r (key, body)
""")


class NoCatalogue(Exception):
    """The database holds no catalogue: `tocsin database migrate` puts the shipped one into it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """One version: its place in the order of versions, the digest of its content, and who made it when and why."""

    number: int
    version: str
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A row that stands; `shipped`: as it came with Tocsin, so that the next release may replace it."""

    part: str
    key: str
    shipped: bool
    row: Line


def hold(connection: Connection) -> Edition:
    """The newest version, which stays the newest until the transaction ends. Raises NoCatalogue."""
    row = connection.execute(_HOLD, {"lock": _LOCK}).one_or_none()
    if row is None:
        raise NoCatalogue
    return _edition(row)


def newest(connection: Connection) -> Edition:
    """The newest version now. Raises NoCatalogue."""
    found = history(connection, limit=1)
    if not found:
        raise NoCatalogue
    return found[0]


def history(connection: Connection, *, limit: int) -> tuple[Edition, ...]:
    """The newest versions, newest first."""
    return tuple(map(_edition, connection.execute(_NEWEST, {"limit": limit})))


def _edition(row: "Row[Any]") -> Edition:
    return Edition(number=row.number, version=row.version, at=row.at, actor=row.actor, reason=row.reason)


def snapshot(connection: Connection, edition: Edition) -> Catalogue:
    """The catalogue of the newest version."""
    return assembled(_as_rows(stored(connection)), version=edition.version, settlements=settlements(connection))


def stored(connection: Connection) -> tuple[Stored, ...]:
    """Every row that stands, by part and key."""
    return tuple(
        Stored(part=row.part, key=row.key, shipped=row.shipped, row=json.loads(row.body))
        for row in connection.execute(_ROWS)
    )


def rows(connection: Connection) -> Rows:
    """The same as the three files."""
    return _as_rows(stored(connection))


def settlements(connection: Connection) -> Settlements:
    """What names are settled as now."""
    return {
        (row.laboratory, row.review_key): Settlement(
            substance=row.substance, inchikey=row.inchikey, smiles=row.smiles, source=row.source
        )
        for row in connection.execute(_SETTLED)
    }


def begin_change(connection: Connection) -> int:
    """Wait until nobody decides with the newest version any more; the number that the next one gets."""
    connection.execute(_CHANGE, {"lock": _LOCK})
    found = history(connection, limit=1)
    return found[0].number + 1 if found else 1


def finish_change(connection: Connection, number: int, *, by: str, reason: str) -> Edition:
    """Announce what was changed as a version. The content says which one it is, so that equal ones are the same."""
    standing, settled = stored(connection), settlements(connection)
    as_shipped = not settled and all(one.shipped for one in standing)
    version = load().version if as_shipped else version_of(_as_rows(standing), settled)
    connection.execute(_ADD_VERSION, {"number": number, "version": version, "actor": by, "reason": reason})
    return newest(connection)


def put(connection: Connection, part: str, added: Iterable[Line], *, number: int, by_release: bool = False) -> None:
    """Let these rows follow those of their keys."""
    listed = {row[_KEYS[part]]: row for row in added}
    if not listed:
        return
    end(connection, part, listed, number=number)
    values = {
        "number": number,
        "shipped": by_release,
        "keys": list(listed),
        "bodies": [json.dumps(row) for row in listed.values()],
    }
    if part == SUBSTANCES:
        connection.execute(_ADD_SUBSTANCES, values)
    else:
        connection.execute(_ADD_LIST, values | {"part": part})


def end(connection: Connection, part: str, keys: Iterable[str], *, number: int) -> None:
    """End the rows of these keys."""
    values = {"number": number, "keys": list(keys)}
    if part == SUBSTANCES:
        connection.execute(_END_SUBSTANCES, values)
    else:
        connection.execute(_END_LIST, values | {"part": part})


def seed(connection: Connection) -> bool:
    """Bring in what this release ships; rows that a person put stay theirs. Whether anything changed."""
    number = begin_change(connection)
    standing = {(one.part, one.key): one for one in stored(connection)}
    changed = [_release(connection, part, wanted, standing, number) for part, wanted in _parts(shipped()).items()]
    if any(changed):
        finish_change(connection, number, by="tocsin", reason="shipped with this release")
    return any(changed)


def _release(
    connection: Connection,
    part: str,
    wanted: Mapping[str, Line],
    standing: Mapping[tuple[str, str], Stored],
    number: int,
) -> bool:
    theirs = {key for (kind, key), one in standing.items() if kind == part and not one.shipped}
    ours = {key: one.row for (kind, key), one in standing.items() if kind == part and one.shipped}
    fresh = [row for key, row in wanted.items() if key not in theirs and ours.get(key) != row]
    gone = ours.keys() - wanted.keys()
    put(connection, part, fresh, number=number, by_release=True)
    end(connection, part, gone, number=number)
    return bool(fresh or gone)


def _parts(found: Rows) -> dict[str, dict[str, Line]]:
    parts = {SUBSTANCES: found.substances, VARIANTS: found.stereo_variants, STREET: found.street_names}
    return {part: {row[_KEYS[part]]: row for row in listed} for part, listed in parts.items()}


def _as_rows(standing: Iterable[Stored]) -> Rows:
    parts: dict[str, list[Line]] = {SUBSTANCES: [], VARIANTS: [], STREET: []}
    for one in standing:
        parts[one.part].append(one.row)
    return Rows(
        substances=tuple(parts[SUBSTANCES]),
        stereo_variants=tuple(parts[VARIANTS]),
        street_names=tuple(parts[STREET]),
    )
