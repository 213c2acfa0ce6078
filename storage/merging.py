"""Merging and splitting in the database: both cases under their locks, and the routes that later reports follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from alerts import merging
from alerts.cases import Case, CaseFile, Report
from alerts.deadlines import earliest
from alerts.deciding import Word
from alerts.effects import Effects
from alerts.errors import Undecidable
from alerts.evidence import Evidence
from alerts.occurrences import twin_key
from alerts.pipeline import Setting, wake
from alerts.routes import Routes
from alerts.speaking import Saying
from schemas.alert_events import AlertEvent
from schemas.decoding import decode_bytes
from schemas.rejections import Rejection
from schemas.vocabularies import Tense
from storage import archive, catalogues, recording, suggestions
from storage.deciding import CasePlace, recall
from storage.memory import Kept, Recalled


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A decision that still holds: everything of `place.key`, or one report of it, goes to `to_key`."""

    place: CasePlace
    to_key: str
    report: Report | None = None


_STANDING: Final = text("""
    SELECT ledger, from_key, to_key, laboratory, event_id, case_id FROM case_routes WHERE undone_at IS NULL ORDER BY id
""")

_VERSION: Final = text("SELECT count(undone_at) || '/' || count(*) FROM case_routes")
"""Rises with every decision: each adds a row or marks some as undone."""

_ADD: Final = text("""
    INSERT INTO case_routes (ledger, from_key, to_key, laboratory, event_id, case_id, actor, reason, at)
    VALUES (:ledger, :from_key, :to_key, :laboratory, :event_id, :case_id, :by, :reason, :at)
""")

_UNDO: Final = text("UPDATE case_routes SET undone_at = :at WHERE case_id = :case_id AND undone_at IS NULL")

_UNDO_APART: Final = text("""
    UPDATE case_routes SET undone_at = :at
    WHERE ledger = :ledger AND from_key = ANY(:keys) AND to_key = from_key AND undone_at IS NULL
      AND (laboratory, event_id) = (:laboratory, :event_id)
""")

_APART: Final = text("SELECT count(*) FROM case_routes WHERE ledger = :ledger AND from_key = :key")

_AT: Final = text("""
    SELECT id FROM cases WHERE (ledger, case_key) = (:ledger, :key) AND receives ORDER BY ordinal DESC LIMIT 1
""")


def follow(connection: Connection, routes: Routes) -> Routes:
    """The routes as they are. Ask under the lock of the catalogue, which whoever changes routes takes too: then they
    stay so until the transaction ends. One statement where nothing has changed."""
    version = connection.execute(_VERSION).scalar_one()
    if version == (routes.version or "0/0"):
        return routes
    return standing(connection)


def standing(connection: Connection) -> Routes:
    """The routes as they are now."""
    keys: dict[tuple[Tense, str], str] = {}
    reports: dict[tuple[tuple[Tense, str], Report], str] = {}
    for row in connection.execute(_STANDING):
        place = (Tense(row.ledger), row.from_key)
        if row.laboratory is None:
            keys[place] = row.to_key
        else:
            reports[(place, (row.laboratory, row.event_id))] = row.to_key
    return Routes(version=connection.execute(_VERSION).scalar_one(), keys=keys, reports=reports)


def merge(
    connection: Connection, gone: CasePlace, stays: CasePlace, setting: Setting, word: Word, *, at: datetime
) -> list[AlertEvent]:
    """Join a case into another. Raises Undecidable, and then nothing is changed."""
    desk = _Desk.of(connection, [gone, stays], setting, at)
    merging.merge(desk.at(gone), desk.at(stays), desk.saying, word, setting.context)
    _route(connection, gone, stays.key, None, gone.id, word, at)
    return desk.record(connection)


def split(
    connection: Connection, place: CasePlace, reports: frozenset[Report], setting: Setting, word: Word, *, at: datetime
) -> list[AlertEvent]:
    """Part reports off into a case of their own."""
    catalogues.begin_change(connection)
    number = connection.execute(_APART, {"ledger": place.ledger, "key": place.key}).scalar_one()
    apart = CasePlace(ledger=place.ledger, key=f"{place.key}~{number + 1}", id="")
    desk = _Desk.of(connection, [place, apart], setting, at)
    file, case = desk.at(place)
    new = merging.split(file, case, desk.file(apart), reports, desk.saying, word, setting.context)
    for report in sorted(reports, key=str):
        _route(connection, place, apart.key, report, new.id, word, at)
    return desk.record(connection)


def tell_apart(
    connection: Connection, place: CasePlace, report: Report, setting: Setting, word: Word, *, at: datetime
) -> list[AlertEvent]:
    """Count a report as an event of its own, now and in its later revisions."""
    desk = _Desk.of(connection, [place], setting, at)
    file, case = desk.at(place)
    merging.tell_apart(file, case, report, desk.saying, word, setting.context)
    key = file.reports()[report].evidence.own_key or place.key
    _route(connection, CasePlace(ledger=place.ledger, key=key, id=""), key, report, "", word, at)
    suggestions.unconfirm(connection, place.ledger, report)
    return desk.record(connection)


def undo_apart(
    connection: Connection, place: CasePlace, report: Report, setting: Setting, word: Word, *, at: datetime
) -> list[AlertEvent]:
    """Take back that a report was told apart: where another body's describes the same, they count once again."""
    desk = _Desk.of(connection, [place], setting, at)
    file, case = desk.at(place)
    filed = file.reports().get(report)
    keys = [] if filed is None else [filed.evidence.own_key or place.key, place.key]
    asked = {"ledger": place.ledger, "keys": keys, "laboratory": report[0], "event_id": report[1], "at": at}
    if filed is None or not connection.execute(_UNDO_APART, asked).rowcount:
        raise Undecidable("nobody told this report of the case apart")
    twin = _twin(connection, filed.evidence)
    merging.undo_apart(file, case, report, twin, desk.saying, word, setting.context)
    return desk.record(connection)


def _twin(connection: Connection, evidence: Evidence) -> str | None:
    """What two bodies must agree on, from the report as it came."""
    (body,) = archive.bodies(connection, [(evidence.laboratory, evidence.event_id, evidence.revision)])
    decoded = decode_bytes(body.encode(), laboratory=None)
    return None if isinstance(decoded, Rejection) else twin_key(decoded.detection)


def undo(connection: Connection, place: CasePlace, setting: Setting, word: Word, *, at: datetime) -> list[AlertEvent]:
    """Take back that this case was merged into another, or parted off from one."""
    catalogues.begin_change(connection)
    route = _of(connection, place.id)
    if route is None:
        raise Undecidable("it was neither merged into another case nor parted off from one")
    other = _other(connection, place, route)
    desk = _Desk.of(connection, [place, other], setting, at)
    back = merging.undo_merge if route.report is None else merging.undo_split
    back(desk.at(place), desk.at(other), desk.saying, word, setting.context)
    connection.execute(_UNDO, {"case_id": place.id, "at": at})
    return desk.record(connection)


def _of(connection: Connection, case_id: str) -> Route | None:
    rows = [row for row in connection.execute(_STANDING) if row.case_id == case_id]
    if not rows:
        return None
    row = rows[0]
    report = None if row.laboratory is None else (row.laboratory, UUID(str(row.event_id)))
    place = CasePlace(ledger=Tense(row.ledger), key=row.from_key, id=row.case_id)
    return Route(place=place, to_key=row.to_key, report=report)


def _other(connection: Connection, place: CasePlace, route: Route) -> CasePlace:
    """The case that holds the reports of a merged one, or the one that a part came from."""
    key = route.to_key if route.report is None else route.place.key
    found = connection.execute(_AT, {"ledger": place.ledger, "key": key}).scalar_one_or_none()
    if found is None:
        raise Undecidable("the other case has ended since")
    return CasePlace(ledger=place.ledger, key=key, id=found)


def _route(
    connection: Connection,
    place: CasePlace,
    to_key: str,
    report: Report | None,
    case_id: str,
    word: Word,
    at: datetime,
) -> None:
    connection.execute(
        _ADD,
        {
            "ledger": place.ledger,
            "from_key": place.key,
            "to_key": to_key,
            "laboratory": report[0] if report else None,
            "event_id": report[1] if report else None,
            "case_id": case_id,
            "by": word.by,
            "reason": word.reason,
            "at": at,
        },
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    """Two cases recalled whole, under the lock of the catalogue (which routes share) and those of their keys."""

    recalled: Recalled
    saying: Saying
    effects: Effects

    @classmethod
    def of(cls, connection: Connection, places: Sequence[CasePlace], setting: Setting, at: datetime) -> "_Desk":
        catalogues.begin_change(connection)
        recalled, effects = recall(connection, list(places), setting, at=at), Effects()
        for file in recalled.memory.files.values():
            for case in list(file.cases()):
                while due := earliest(case, at):
                    wake(file, case, recalled.memory, effects, setting, due=due[0], kind=due[1])
        return cls(recalled, setting.saying(recalled.memory, effects, at), effects)

    def file(self, place: CasePlace) -> CaseFile:
        return self.recalled.memory.files[(place.ledger, place.key)]

    def at(self, place: CasePlace) -> tuple[CaseFile, Case]:
        file = self.file(place)
        case = next((case for case in file.cases() if case.id == place.id), None)
        if case is None:
            raise Undecidable("one of the cases is not there any more")
        return file, case

    def record(self, connection: Connection) -> list[AlertEvent]:
        return recording.record(connection, self.recalled, self.effects, kept=Kept())
