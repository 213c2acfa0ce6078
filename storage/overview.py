"""How far a site has come, for who watches or waits: reports read, cases by level, messages, what is still to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from schemas.vocabularies import AlertKind, Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What became of the records on some topics. `next_offset` is the sum over their partitions."""

    next_offset: int
    applied: int
    duplicates: int
    dead: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ToDo:
    """What is under way. `last_due` is when the last of it that waits for a time will be tried."""

    gathering: int
    unplanned: int
    unpublished: int
    deliveries: int
    last_due: datetime | None

    @property
    def nothing(self) -> bool:
        return not (self.gathering or self.unplanned or self.unpublished or self.deliveries)


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardRow:
    """One case: `told` counts the destinations that took a message of it, `pending` the deliveries still to go."""

    name: str
    level: Level
    countries: tuple[str, ...]
    number: str | None
    told: int
    pending: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Seconds from the broker's time of a report to the relay's acceptance of the mail it caused at once."""

    p50: float
    p99: float


_READ: Final = text("""
    SELECT coalesce(sum(next_offset), 0) AS next_offset, coalesce(sum(applied), 0) AS applied,
           coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(dead), 0) AS dead
    FROM stream_positions WHERE flow = :flow AND topic = ANY(CAST(:topics AS text[]))
""")

_TO_DO: Final = text("""
    SELECT (SELECT count(*) FROM timers WHERE kind = 'gather') AS gathering,
           (SELECT count(*) FROM outbox WHERE planned_at IS NULL AND topic = 'alert-events') AS unplanned,
           (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS unpublished,
           (SELECT count(*) FROM deliveries
            WHERE state IN ('planned', 'sending', 'deferred', 'unknown') AND due_at IS NOT NULL) AS deliveries,
           greatest((SELECT max(due_at) FROM timers WHERE kind = 'gather'), (SELECT max(due_at) FROM deliveries
            WHERE state IN ('planned', 'sending', 'deferred', 'unknown'))) AS last_due
""")

_BOARD: Final = text("""
    SELECT c.name, c.level, c.number, coalesce(d.told, 0) AS told, coalesce(d.pending, 0) AS pending,
           ARRAY(SELECT key FROM jsonb_each_text(c.summary->'countries') WHERE value <> '0' ORDER BY key) AS countries
    FROM cases c LEFT JOIN (
        SELECT alert_id, count(DISTINCT destination_id) FILTER (WHERE accepted_at IS NOT NULL) AS told,
               count(*) FILTER (WHERE state IN ('planned', 'sending', 'deferred', 'unknown')) AS pending
        FROM deliveries GROUP BY alert_id
    ) AS d USING (alert_id)
    WHERE c.listed ORDER BY c.level DESC, c.number DESC NULLS LAST, c.name, c.id
""")
"""Read while few look: it goes through every delivery."""

_LEVELS: Final = text("SELECT level, count(*) AS number FROM cases WHERE listed GROUP BY level")

_KINDS: Final = text("SELECT kind, count(*) AS number FROM alerts GROUP BY kind")

_TIMES: Final = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99
    FROM (
        SELECT extract(epoch FROM d.accepted_at - d.decided_at) AS seconds
        FROM deliveries d JOIN alerts a ON (a.alert_id, a.revision) = (d.alert_id, d.revision)
        WHERE d.channel = 'email' AND d.accepted_at IS NOT NULL AND EXISTS (
            SELECT FROM case_log l
            WHERE l.case_id = a.case_id AND l.at = a.decided_at AND l.action = a.kind AND l.event_id IS NOT NULL)
    ) AS at_once
""")
"""A message that a report caused has a line of the case log with that report; one that was gathered has none."""

_FIRST_MAIL: Final = text("SELECT min(accepted_at) FROM deliveries WHERE channel = 'email'")


def read(connection: Connection, *, flow: str, topics: Sequence[str]) -> Read:
    """What became of everything on these topics."""
    row = connection.execute(_READ, {"flow": flow, "topics": list(topics)}).one()
    return Read(
        next_offset=int(row.next_offset), applied=int(row.applied), duplicates=int(row.duplicates), dead=int(row.dead)
    )


def to_do(connection: Connection) -> ToDo:
    """What is under way, at one moment."""
    row = connection.execute(_TO_DO).one()
    return ToDo(
        gathering=row.gathering,
        unplanned=row.unplanned,
        unpublished=row.unpublished,
        deliveries=row.deliveries,
        last_due=row.last_due,
    )


def board(connection: Connection) -> tuple[BoardRow, ...]:
    """Every listed case, gravest first, then the newest alert."""
    return tuple(
        BoardRow(
            name=row.name,
            level=Level(row.level),
            countries=tuple(row.countries),
            number=row.number,
            told=row.told,
            pending=row.pending,
        )
        for row in connection.execute(_BOARD)
    )


def cases_by_level(connection: Connection) -> Mapping[Level, int]:
    """Listed cases by computed level, every level."""
    found = {row.level: row.number for row in connection.execute(_LEVELS)}
    return {level: found.get(level, 0) for level in Level}


def alert_events_by_kind(connection: Connection) -> Mapping[AlertKind, int]:
    """Alert events by kind, those that there are."""
    found = {AlertKind(row.kind): row.number for row in connection.execute(_KINDS)}
    return {kind: found[kind] for kind in AlertKind if kind in found}


def report_to_accepted(connection: Connection) -> Times | None:
    """How fast mails went that a report caused at once, gathered ones apart; None before the first."""
    row = connection.execute(_TIMES).one()
    return None if row.p50 is None else Times(p50=float(row.p50), p99=float(row.p99))


def first_mail_accepted(connection: Connection) -> datetime | None:
    """When the first mail of all was accepted."""
    found: datetime | None = connection.execute(_FIRST_MAIL).scalar_one()
    return found
