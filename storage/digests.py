"""Digests as rows: who is owed one, what they heard, one claim before the send, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from schemas.alert_events import AlertEvent
from schemas.deliveries import Content, DeliveryReason
from schemas.digests import Digest, DigestWish, Window
from schemas.vocabularies import Handling

RETRY: Final = timedelta(minutes=10)
MOST_ATTEMPTS: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """A mail destination that takes digests. `wish` is its own, or None for the standard."""

    destination: str
    address: str
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A digest that this courier, and nobody else, sends now."""

    digest_id: str
    digest: Digest
    address: str
    language: str
    attempt: int


_READERS: Final = text("""
    SELECT t.id AS destination, t.address, t.language, t.clearance,
           (array_agg(u.digest ORDER BY u.id) FILTER (WHERE u.digest IS NOT NULL))[1] AS wish
    FROM destinations t JOIN subscribers s ON s.id = t.subscriber_id
    JOIN subscription_destinations l ON l.destination_id = t.id
    JOIN subscriptions u ON u.id = l.subscription_id AND u.active
    WHERE t.channel = 'email' AND t.active AND s.active AND t.suppressed IS NULL AND NOT t.recording
      AND NOT EXISTS (SELECT FROM endpoints x WHERE x.destination_id = t.id AND x.security ->> 'smime' = 'encrypt')
      AND NOT EXISTS (SELECT FROM unsubscriptions x WHERE (x.subscription_id, x.destination_id) = (u.id, t.id))
    GROUP BY t.id ORDER BY t.id
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

_PLAN: Final = text("""
    INSERT INTO digests (digest_id, destination_id, window_start, window_end, body, state, due_at)
    VALUES (:digest_id, :destination, :start, :end, CAST(:body AS jsonb), :state,
            CASE WHEN :state = 'planned' THEN clock_timestamp() END)
    ON CONFLICT (digest_id) DO NOTHING
""")

_CLAIM: Final = text("""
    UPDATE digests g SET state = 'sending', attempts = g.attempts + 1, due_at = NULL
    FROM destinations t, subscribers s
    WHERE g.digest_id = (SELECT digest_id FROM digests WHERE state = 'planned' AND due_at <= clock_timestamp()
                         ORDER BY due_at, digest_id LIMIT 1 FOR UPDATE SKIP LOCKED)
      AND t.id = g.destination_id AND s.id = t.subscriber_id AND t.active AND s.active AND t.suppressed IS NULL
    RETURNING g.digest_id, CAST(g.body AS text) AS body, t.address, t.language, g.attempts AS attempt
""")

_FINISH: Final = text("""
    UPDATE digests SET state = :state, answer = :answer,
      due_at = CASE WHEN :state = 'planned' THEN clock_timestamp() + CAST(:wait AS interval) END,
      sent_at = CASE WHEN :state IN ('accepted', 'unknown') THEN clock_timestamp() END
    WHERE digest_id = :digest_id AND state = 'sending' AND attempts = :attempt
""")

_LEFT: Final = text("""
    UPDATE digests SET state = 'unknown', answer = 'the courier vanished while sending'
    WHERE state = 'sending' AND planned_at < clock_timestamp() - CAST(:wait AS interval)
""")


def readers(connection: Connection) -> tuple[Reader, ...]:
    """Every mail destination that takes digests, with the wish of its first subscription that has one. Digests are
    not encrypted: who wants that gets none, rather than one in clear."""
    rows = connection.execute(_READERS).mappings()
    return tuple(
        Reader(
            destination=row["destination"],
            address=row["address"],
            language=row["language"],
            clearance=Handling(row["clearance"]) if row["clearance"] in set(Handling) else None,
            wish=DigestWish.model_validate(row["wish"]) if row["wish"] else None,
        )
        for row in rows
    )


def done(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Which of these digests have their row."""
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


def plan(connection: Connection, digest_id: str, destination: str, digest: Digest) -> bool:
    """Keep a digest, to be sent unless it is empty; whether it is the first of its window."""
    over: Window = digest.window
    row = {
        "digest_id": digest_id,
        "destination": destination,
        "start": over.start,
        "end": over.end,
        "body": digest.model_dump_json(),
        "state": "empty" if digest.empty else "planned",
    }
    return connection.execute(_PLAN, row).rowcount > 0


def claim(connection: Connection) -> Claimed | None:
    """Begin to send the next one that is due. Commit before sending."""
    row = connection.execute(_CLAIM).mappings().one_or_none()
    if row is None:
        return None
    return Claimed(
        digest_id=row["digest_id"],
        digest=Digest.model_validate_json(row["body"]),
        address=row["address"],
        language=row["language"],
        attempt=row["attempt"],
    )


def finish(connection: Connection, claimed: Claimed, *, state: str, answer: str) -> None:
    """Record what came of it; `planned` tries again in ten minutes."""
    values = {"digest_id": claimed.digest_id, "attempt": claimed.attempt, "state": state, "answer": answer}
    connection.execute(_FINISH, {**values, "wait": RETRY})


def give_up_left(connection: Connection) -> int:
    """A courier that vanished while sending: it may have been taken, and a digest is not sent twice."""
    return connection.execute(_LEFT, {"wait": RETRY}).rowcount
