"""Who is told, as rows: the idempotent import of a file, what planning reads, and the list for operators."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, ValidationError
from sqlalchemy import Connection, RowMapping, TextClause, text

from schemas.deliveries import Ground, Role
from schemas.duty import DutyWindow
from schemas.securing import Security
from schemas.subscribers import (
    ALL,
    DestinationEntry,
    Recipient,
    SubscriberEntry,
    Subscription,
    SubscriptionEntry,
    destination_id,
)
from schemas.subscribers import Destination as DestinationValue
from schemas.vocabularies import Handling, Level
from storage import endpoints

JsonRow = dict[str, JsonValue]

DEFAULT_CLEARANCE: Final = {Ground.STATUTORY: Handling.AMBER_STRICT, Ground.VOLUNTARY: Handling.GREEN}


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import changed, in rows. All zero the second time."""

    subscribers: int
    destinations: int
    subscriptions: int
    links: int
    ended: int

    @property
    def changed(self) -> bool:
        return any((self.subscribers, self.destinations, self.subscriptions, self.links, self.ended))


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One destination in the operator's list."""

    subscriber: str
    name: str
    country: str | None
    kind: str
    example: bool
    channel: str
    address: str
    clearance: str | None
    subscriptions: tuple[str, ...]
    active: bool
    suppressed: str | None


_SUBSCRIBERS: Final = text("""
    INSERT INTO subscribers AS old (id, name, country, kind, example, active)
    SELECT id, name, country, kind, example, active FROM jsonb_to_recordset(CAST(:rows AS jsonb))
      AS new (id text, name text, country text, kind text, example boolean, active boolean)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country, kind = excluded.kind,
      example = excluded.example, active = excluded.active, updated_at = now()
    WHERE (old.name, old.country, old.kind, old.example, old.active)
      IS DISTINCT FROM (excluded.name, excluded.country, excluded.kind, excluded.example, excluded.active)
""")

_DESTINATIONS: Final = text("""
    INSERT INTO destinations AS old (id, subscriber_id, name, channel, address, secret, language, clearance,
      accepts_conditions, accepts_exercises, precursors, recording, active, role, on_duty)
    SELECT id, subscriber_id, name, channel, address, secret, language, clearance,
      accepts_conditions, accepts_exercises, precursors, recording, active, role, on_duty
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id text, subscriber_id text, name text, channel text,
      address text, secret text, language text, clearance text, accepts_conditions boolean,
      accepts_exercises boolean, precursors boolean, recording boolean, active boolean, role text, on_duty jsonb)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, language = excluded.language,
      clearance = excluded.clearance, accepts_conditions = excluded.accepts_conditions,
      accepts_exercises = excluded.accepts_exercises, precursors = excluded.precursors,
      recording = excluded.recording, active = excluded.active, role = excluded.role, on_duty = excluded.on_duty,
      updated_at = now()
    WHERE (old.name, old.secret, old.language, old.clearance, old.accepts_conditions, old.accepts_exercises,
           old.precursors, old.recording, old.active, old.role, old.on_duty) IS DISTINCT FROM
          (excluded.name, excluded.secret, excluded.language, excluded.clearance, excluded.accepts_conditions,
           excluded.accepts_exercises, excluded.precursors, excluded.recording, excluded.active, excluded.role,
           excluded.on_duty)
""")

_LEASES: Final = text("""
    INSERT INTO destination_leases (destination_id) SELECT id FROM destinations WHERE subscriber_id = ANY(:ids)
    ON CONFLICT (destination_id) DO NOTHING
""")

_SUBSCRIPTIONS: Final = text("""
    INSERT INTO subscriptions AS old (id, subscriber_id, ground, countries, classes, substances, min_level, quiet_hours,
      filter, digest, active)
    SELECT id, subscriber_id, ground, countries, classes, substances, min_level, quiet_hours, filter, digest, true
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id text, subscriber_id text, ground text,
      countries text[], classes text[], substances text[], min_level smallint, quiet_hours jsonb, filter text,
      digest jsonb)
    ON CONFLICT (id) DO UPDATE SET ground = excluded.ground, countries = excluded.countries,
      classes = excluded.classes, substances = excluded.substances, min_level = excluded.min_level,
      quiet_hours = excluded.quiet_hours, filter = excluded.filter, digest = excluded.digest,
      active = true, updated_at = now()
    WHERE (old.ground, old.countries, old.classes, old.substances, old.min_level, old.quiet_hours, old.filter,
           old.digest, old.active) IS DISTINCT FROM
          (excluded.ground, excluded.countries, excluded.classes, excluded.substances, excluded.min_level,
           excluded.quiet_hours, excluded.filter, excluded.digest, true)
""")

_LINKS: Final = text("""
    INSERT INTO subscription_destinations (subscription_id, destination_id)
    SELECT subscription_id, destination_id FROM jsonb_to_recordset(CAST(:rows AS jsonb))
      AS new (subscription_id text, destination_id text)
    ON CONFLICT DO NOTHING
""")

_OLD_LINKS: Final = text("""
    DELETE FROM subscription_destinations l USING subscriptions s
    WHERE s.id = l.subscription_id AND s.subscriber_id = ANY(:ids) AND NOT EXISTS (
      SELECT 1 FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (subscription_id text, destination_id text)
      WHERE new.subscription_id = l.subscription_id AND new.destination_id = l.destination_id)
""")

_END_DESTINATIONS: Final = text("""
    UPDATE destinations SET active = false, updated_at = now()
    WHERE subscriber_id = ANY(:ids) AND active AND NOT id = ANY(:kept)
""")

_END_SUBSCRIPTIONS: Final = text("""
    UPDATE subscriptions SET active = false, updated_at = now()
    WHERE subscriber_id = ANY(:ids) AND active AND NOT id = ANY(:kept)
""")

_RECIPIENTS: Final = """
    SELECT d.id, d.subscriber_id, d.name, d.channel, d.address, d.language, d.clearance, d.accepts_conditions,
           d.accepts_exercises, d.precursors, d.recording, d.active AND s.active AS active, d.suppressed, d.role,
           d.on_duty, s.country, d.channel <> 'webhook' OR EXISTS (SELECT FROM endpoints e
             WHERE e.destination_id = d.id AND e.confirmed_at IS NOT NULL) AS confirmed,
           coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'ground', u.ground, 'countries', u.countries,
             'classes', u.classes, 'substances', u.substances, 'min_level', u.min_level,
             'quiet_hours', u.quiet_hours, 'filter', u.filter, 'digest', u.digest) ORDER BY u.id)
             FILTER (WHERE u.id IS NOT NULL), '[]') AS subscriptions
    FROM destinations d
    JOIN subscribers s ON s.id = d.subscriber_id
    LEFT JOIN subscription_destinations l ON l.destination_id = d.id
    LEFT JOIN subscriptions u ON u.id = l.subscription_id AND u.active AND NOT EXISTS (
      SELECT FROM unsubscriptions x WHERE (x.subscription_id, x.destination_id) = (u.id, d.id))
"""

_ALL: Final = text(f"{_RECIPIENTS} GROUP BY d.id, s.id ORDER BY d.id")

_SOME: Final = text(f"{_RECIPIENTS} WHERE d.id = ANY(CAST(:ids AS text[])) GROUP BY d.id, s.id ORDER BY d.id")

_LANGUAGES: Final = text("SELECT DISTINCT language FROM destinations WHERE active ORDER BY language")

_LIST: Final = text("""
    SELECT s.id AS subscriber, s.name, s.country, s.kind, s.example, d.channel, d.address, d.clearance,
           d.active AND s.active AS active, d.suppressed,
           coalesce(array_agg(u.ground || ' ' || u.id ORDER BY u.id) FILTER (WHERE u.id IS NOT NULL), '{}')
             AS subscriptions
    FROM subscribers s
    JOIN destinations d ON d.subscriber_id = s.id
    LEFT JOIN subscription_destinations l ON l.destination_id = d.id
    LEFT JOIN subscriptions u ON u.id = l.subscription_id AND u.active AND NOT EXISTS (
      SELECT FROM unsubscriptions x WHERE (x.subscription_id, x.destination_id) = (u.id, d.id))
    GROUP BY s.id, d.id ORDER BY s.id, d.name
""")

_UNSUBSCRIBE: Final = text("""
    INSERT INTO unsubscriptions (subscription_id, destination_id)
    SELECT u.id, d.destination_id FROM deliveries d
    JOIN subscription_destinations l ON l.destination_id = d.destination_id
    JOIN subscriptions u ON u.id = l.subscription_id AND u.ground = 'voluntary'
    WHERE d.delivery_id = :delivery_id ON CONFLICT DO NOTHING
""")

_SUPPRESS: Final = text("""
    UPDATE destinations SET suppressed = :reason, updated_at = now() WHERE id = :id AND suppressed IS NULL
""")


def bring_in(connection: Connection, entries: Sequence[SubscriberEntry]) -> Imported:
    """Make the rows of these subscribers as the file says. What the file no longer names ends, and is never deleted:
    a cancellation may have to reach it. Subscribers that the file does not name stay as they are."""
    ids = [entry.id for entry in entries]
    rows = [_destination(entry, each) for entry in entries for each in entry.destinations]
    destinations = endpoints.exchanged(connection, rows)
    subscriptions = [_subscription(entry, each) for entry in entries for each in entry.subscriptions]
    links = [link for entry in entries for each in entry.subscriptions for link in _links(entry, each)]
    changed = Imported(
        subscribers=_rows(connection, _SUBSCRIBERS, [_subscriber(entry) for entry in entries]),
        destinations=max(
            _rows(connection, _DESTINATIONS, destinations), endpoints.secure(connection, _secured(entries))
        ),
        subscriptions=_rows(connection, _SUBSCRIPTIONS, subscriptions),
        links=_rows(connection, _LINKS, links),
        ended=_end(connection, ids, destinations=destinations, subscriptions=subscriptions, links=links),
    )
    connection.execute(_LEASES, {"ids": ids})
    return changed


def recipients(connection: Connection, ids: Sequence[str] | None = None) -> tuple[Recipient, ...]:
    """Every destination, or these, with its active subscriptions. What cannot be read gets no clearance: nobody is
    told (P5)."""
    found = connection.execute(_ALL) if ids is None else connection.execute(_SOME, {"ids": list(ids)})
    return tuple(_recipient(row) for row in found.mappings())


def languages(connection: Connection) -> tuple[str, ...]:
    """What the readers of this site read."""
    return tuple(connection.execute(_LANGUAGES).scalars())


def listed(connection: Connection) -> tuple[Listed, ...]:
    """Every destination, for the operator."""
    found = connection.execute(_LIST).mappings()
    return tuple(Listed(**{**row, "subscriptions": tuple(row["subscriptions"])}) for row in found)


def unsubscribe(connection: Connection, delivery_id: str) -> int:
    """End every voluntary subscription of the destination that this delivery went to; how many that were. Statutory
    ones stay, and a withdrawal of what was told still goes there (P9)."""
    return connection.execute(_UNSUBSCRIBE, {"delivery_id": delivery_id}).rowcount


def suppress(connection: Connection, destination: str, reason: str) -> bool:
    """Send nothing more there, whatever is planned. Whether that was news."""
    return connection.execute(_SUPPRESS, {"id": destination, "reason": reason}).rowcount > 0


def _rows(connection: Connection, statement: TextClause, rows: Iterable[JsonRow]) -> int:
    return connection.execute(statement, {"rows": json.dumps(list(rows))}).rowcount


def _destinations(connection: Connection, rows: list[JsonRow], secured: Mapping[str, Security]) -> int:
    """Destinations that are new or changed; one that is so in both ways may count once."""
    changed = _rows(connection, _DESTINATIONS, rows)
    return max(changed, endpoints.secure(connection, secured))


def _end(
    connection: Connection,
    ids: list[str],
    *,
    destinations: list[JsonRow],
    subscriptions: list[JsonRow],
    links: list[JsonRow],
) -> int:
    kept = {"ids": ids, "kept": [row["id"] for row in destinations]}
    ended = connection.execute(_END_DESTINATIONS, kept).rowcount
    ended += connection.execute(_END_SUBSCRIPTIONS, {**kept, "kept": [row["id"] for row in subscriptions]}).rowcount
    return ended + connection.execute(_OLD_LINKS, {"ids": ids, "rows": json.dumps(links)}).rowcount


def _subscriber(entry: SubscriberEntry) -> JsonRow:
    return {
        "id": entry.id,
        "name": entry.name,
        "country": entry.country,
        "kind": entry.kind,
        "example": entry.example,
        "active": entry.active,
    }


def _destination(entry: SubscriberEntry, each: DestinationEntry) -> JsonRow:
    ground = _ground(entry, each)
    conditions = each.accepts_conditions
    return {
        "id": destination_id(entry.id, each.channel, each.address),
        "subscriber_id": entry.id,
        "name": each.name,
        "channel": each.channel,
        "address": each.address,
        "secret": each.secret,
        "language": each.language,
        "clearance": each.clearance or DEFAULT_CLEARANCE[ground],
        "accepts_conditions": ground is Ground.STATUTORY if conditions is None else conditions,
        "accepts_exercises": each.accepts_exercises,
        "precursors": each.precursors or False,
        "recording": each.recording,
        "active": each.active,
        "role": each.role,
        "on_duty": [window.model_dump(mode="json") for window in each.on_duty] or None,
    }


def _secured(entries: Sequence[SubscriberEntry]) -> dict[str, Security]:
    """How the way to each destination is protected; one without a word about it has no row unless it is a webhook."""
    return {
        destination_id(entry.id, each.channel, each.address): each.security
        for entry in entries
        for each in entry.destinations
    }


def _ground(entry: SubscriberEntry, each: DestinationEntry) -> Ground:
    """A destination is statutory when any statutory subscription of its subscriber goes there."""
    grounds = {subscription.ground for subscription in entry.subscriptions if _goes_to(subscription, each)}
    return Ground.STATUTORY if Ground.STATUTORY in grounds else Ground.VOLUNTARY


def _goes_to(subscription: SubscriptionEntry, each: DestinationEntry) -> bool:
    return subscription.destinations is None or each.name in subscription.destinations


def _subscription(entry: SubscriberEntry, each: SubscriptionEntry) -> JsonRow:
    everything = frozenset({ALL}) if each.ground is Ground.VOLUNTARY else frozenset[str]()

    def chosen(selection: frozenset[str] | None) -> JsonValue:
        return [*sorted(everything if selection is None else selection)]

    return {
        "id": f"{entry.id}/{each.name}",
        "subscriber_id": entry.id,
        "ground": each.ground,
        "countries": chosen(each.countries),
        "classes": chosen(each.classes),
        "substances": chosen(each.substances),
        "min_level": Level.L2 if each.min_level is None else each.min_level,
        "quiet_hours": each.quiet_hours.model_dump(mode="json") if each.quiet_hours else None,
        "filter": each.filter,
        "digest": each.digest.model_dump(mode="json") if each.digest else None,
    }


def _links(entry: SubscriberEntry, each: SubscriptionEntry) -> list[JsonRow]:
    return [
        {
            "subscription_id": f"{entry.id}/{each.name}",
            "destination_id": destination_id(entry.id, target.channel, target.address),
        }
        for target in entry.destinations
        if _goes_to(each, target)
    ]


def _recipient(row: RowMapping) -> Recipient:
    try:
        subscriptions = tuple(Subscription.model_validate(each) for each in row["subscriptions"])
        clearance = Handling(row["clearance"])
    except (ValidationError, ValueError):
        subscriptions, clearance = _readable(row["subscriptions"]), None
    return Recipient(
        destination=DestinationValue(
            id=row["id"],
            subscriber=row["subscriber_id"],
            name=row["name"],
            channel=row["channel"],
            address=row["address"],
            language=row["language"],
            clearance=clearance,
            accepts_conditions=row["accepts_conditions"],
            accepts_exercises=row["accepts_exercises"],
            precursors=row["precursors"],
            recording=row["recording"],
            active=row["active"],
            suppressed=row["suppressed"],
            confirmed=row["confirmed"],
            role=Role(row["role"]),
            on_duty=_windows(row["on_duty"]),
        ),
        country=row["country"],
        subscriptions=subscriptions,
    )


def _windows(found: Sequence[Mapping[str, object]] | None) -> tuple[DutyWindow, ...]:
    """Windows that cannot be read count as always on duty: rather one too many is woken."""
    try:
        return tuple(DutyWindow.model_validate(each) for each in found or ())
    except ValidationError:
        return ()


def _readable(found: Sequence[Mapping[str, object]]) -> tuple[Subscription, ...]:
    """What remains of a broken audience: enough for a row that says so, never enough to be told."""
    return tuple(Subscription(id=str(each["id"]), ground=Ground.VOLUNTARY) for each in found)
