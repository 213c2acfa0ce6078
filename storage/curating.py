"""People change the catalogue and settle names: each in one transaction with the version and the jobs that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerts.catalogue import Catalogue
from alerts.catalogue import Row as Line
from alerts.identity import named_keys
from storage import catalogues, reviewing
from storage.catalogues import SUBSTANCES, Edition
from storage.reviewing import REFILE, REGRADE, Assertion


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who decides, why and when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Curated:
    """The version that followed, and the keys of the substances that are new or other than before."""

    edition: Edition
    changed: tuple[str, ...]


class StandsAlready(Exception):
    """A name is settled: the assertion must be undone before another one."""


def put_substances(connection: Connection, rows: Sequence[Line], decision: Decision) -> Curated:
    """Add substances or follow them with other rows; reports that it touches are identified anew."""
    number = catalogues.begin_change(connection)
    standing = {one.key: one.row for one in catalogues.stored(connection) if one.part == SUBSTANCES}
    fresh = [row for row in rows if standing.get(row["key"]) != row]
    if not fresh:
        return Curated(edition=catalogues.newest(connection), changed=())
    catalogues.put(connection, SUBSTANCES, fresh, number=number)
    edition = catalogues.finish_change(connection, number, by=decision.by, reason=decision.reason)
    _identify_anew(connection, catalogues.snapshot(connection, edition), [row["key"] for row in fresh])
    return Curated(edition=edition, changed=tuple(sorted(row["key"] for row in fresh)))


def _identify_anew(connection: Connection, catalogue: Catalogue, keys: Sequence[str]) -> None:
    """Queue the findings of these substances, and of names that wait and may mean one of them now."""
    for key in keys:
        reviewing.enqueue(connection, key, kind=REGRADE)
    for key, name in reviewing.open_names(connection):
        if named_keys(name, catalogue) & set(keys):
            reviewing.enqueue(connection, key, kind=REFILE)


def settle(connection: Connection, assertion: Assertion, decision: Decision) -> int:
    """A reviewer says what a key means; its id. Raises StandsAlready."""
    number = catalogues.begin_change(connection)
    made = reviewing.settle(connection, assertion, number=number)
    if made is None:
        raise StandsAlready
    reason = f"{assertion.review_key} settled as {assertion.substance}: {decision.reason}"
    catalogues.finish_change(connection, number, by=decision.by, reason=reason)
    reviewing.enqueue(connection, assertion.review_key, assertion=made)
    return made


def undo(connection: Connection, assertion: Assertion, decision: Decision) -> bool:
    """Take an assertion back; False when that was done before."""
    number = catalogues.begin_change(connection)
    ended = reviewing.undo(
        connection, assertion.id, by=decision.by, reason=decision.reason, at=decision.at, number=number
    )
    if ended:
        reason = f"{assertion.review_key} no longer settled as {assertion.substance}: {decision.reason}"
        catalogues.finish_change(connection, number, by=decision.by, reason=reason)
        reviewing.enqueue(connection, assertion.review_key, assertion=assertion.id)
    return ended
