"""Digests as rows: who is owed one, what they heard, and that each window has one; sending is the ledger's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryReason, Gate, Purpose
from schemas.digests import Digest, DigestWish, Window
from schemas.vocabularies import Handling
from storage import letters


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """A destination that takes digests. `wish` is its own, or None for the standard."""

    destination: str
    channel: Channel
    language: str
    clearance: Handling | None
    wish: DigestWish | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One alert event that a reader was told, or that waits for the digest."""

    destination: str
    event: AlertEvent
    at: datetime
    reason: DeliveryReason
    content: Content
    handling: Handling


_READERS: Final = text("""
    SELECT destination, channel, language, clearance, wish FROM (
      SELECT t.id AS destination, t.channel, t.language, t.clearance, x.confirmed_at,
             (array_agg(u.digest ORDER BY u.id) FILTER (WHERE u.digest IS NOT NULL))[1] AS wish
      FROM destinations t JOIN subscribers s ON s.id = t.subscriber_id
      JOIN subscription_destinations l ON l.destination_id = t.id
      JOIN subscriptions u ON u.id = l.subscription_id AND u.active
      LEFT JOIN endpoints x ON x.destination_id = t.id
      WHERE t.active AND s.active AND t.suppressed IS NULL AND NOT t.recording
        AND NOT EXISTS (SELECT FROM unsubscriptions x WHERE (x.subscription_id, x.destination_id) = (u.id, t.id))
      GROUP BY t.id, x.confirmed_at) r
    WHERE channel = 'email' OR wish IS NOT NULL AND confirmed_at IS NOT NULL
    ORDER BY destination
""")

_DONE: Final = text("SELECT digest_id FROM digests WHERE digest_id = ANY(:ids)")

_HEARD: Final = text("""
    SELECT d.destination_id AS destination, CAST(e.body AS text) AS body, d.planned_at AS at, d.reason, d.content,
           a.handling
    FROM deliveries d JOIN outbox e ON e.event_id = d.event_id JOIN alert_threads a ON a.alert_id = d.alert_id
    WHERE d.destination_id = ANY(:destinations) AND d.planned_at >= :since AND d.planned_at < :until
      AND (d.reason = 'digest' OR d.in_thread)
    ORDER BY d.planned_at, d.delivery_id
""")

_KEEP: Final = text("""
    INSERT INTO digests (digest_id, destination_id, window_start, window_end, empty)
    SELECT digest_id, destination_id, :start, :end, empty
    FROM unnest(CAST(:ids AS text[]), CAST(:destinations AS text[]), CAST(:empty AS boolean[]))
         AS w (digest_id, destination_id, empty)
    ON CONFLICT (digest_id) DO NOTHING RETURNING digest_id
""")

_WAITING: Final = text("""
    SELECT d.delivery_id, d.destination_id, g.window_start, g.window_end
    FROM deliveries d JOIN digests g ON g.digest_id = d.delivery_id
    WHERE d.purpose = 'digest' AND d.state IN ('planned', 'deferred')
    ORDER BY d.delivery_id FOR UPDATE OF d SKIP LOCKED
""")
"""Through the partial index of what is open."""


def readers(connection: Connection) -> tuple[Reader, ...]:
    """Every destination that takes digests, with the wish of its first subscription that has one: mail does unless
    told otherwise, a webhook where a subscription asks for it."""
    rows = connection.execute(_READERS).mappings()
    return tuple(
        Reader(
            destination=row["destination"],
            channel=Channel(row["channel"]),
            language=row["language"],
            clearance=Handling(row["clearance"]) if row["clearance"] in set(Handling) else None,
            wish=DigestWish.model_validate(row["wish"]) if row["wish"] else None,
        )
        for row in rows
    )


def done(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Which of these digests were planned."""
    return frozenset(row.digest_id for row in connection.execute(_DONE, {"ids": list(ids)}))


def heard(connection: Connection, destinations: Sequence[str], *, since: datetime, until: datetime) -> list[Told]:
    """What these destinations were told, or what waits for their digest, planned in this time."""
    asked = {"destinations": list(destinations), "since": since, "until": until}
    return [
        Told(
            destination=row["destination"],
            event=AlertEvent.model_validate_json(row["body"]),
            at=row["at"],
            reason=DeliveryReason(row["reason"]),
            content=Content(row["content"]),
            handling=Handling(row["handling"]),
        )
        for row in connection.execute(_HEARD, asked).mappings()
    ]


def plan(connection: Connection, over: Window, made: Mapping[str, tuple[str, Digest]]) -> int:
    """Keep that each of these readers had the digest of this window, and put those that are not empty into the ledger;
    how many. `made`: destination and digest by id. After a restore the ledger may know one already, from its receipt.
    """
    row = {"start": over.start, "end": over.end, "ids": list(made)}
    destinations, said = [each for each, _ in made.values()], [each for _, each in made.values()]
    kept = connection.execute(
        _KEEP, {**row, "destinations": destinations, "empty": [each.empty for each in said]}
    ).scalars()
    return sum(_put(connection, id_, *made[id_]) for id_ in sorted(kept) if not made[id_][1].empty)


def _put(connection: Connection, digest_id: str, destination: str, digest: Digest) -> bool:
    return letters.plan(
        connection,
        letters.Planned(
            delivery_id=digest_id,
            destination=destination,
            number=f"digest-{digest.window.end:%Y-%m-%d}",
            purpose=Purpose.DIGEST,
            gate=Gate.DIGEST,
            reason=DeliveryReason.DIGEST_DUE,
            content=Content.FULL,
            letter=digest,
        ),
    )


def waiting(connection: Connection) -> Mapping[Window, Mapping[str, str]]:
    """Digests that are planned and nobody sends now, locked: by window and id, to which destination."""
    found: dict[Window, dict[str, str]] = {}
    for row in connection.execute(_WAITING):
        found.setdefault(Window(start=row.window_start, end=row.window_end), {})[row.delivery_id] = row.destination_id
    return found
