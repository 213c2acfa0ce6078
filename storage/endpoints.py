"""The ways to destinations, as rows: confirmation, keys that are exchanged, endpoints that fail, certificates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy import Connection, RowMapping, text

from schemas.deliveries import Channel
from schemas.securing import Security

JsonRow = dict[str, JsonValue]

OVERLAP: Final = timedelta(hours=24)
"""How long the secret before still signs too."""

PATIENCE: Final = timedelta(days=5)
"""How long an endpoint may do nothing but fail, before it is switched off."""

FAILING: Final = "failing"
GONE: Final = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One destination as `tocsin destination` shows and tries it."""

    id: str
    subscriber: str
    name: str
    channel: Channel
    address: str
    language: str
    active: bool
    statutory: bool
    suppressed: str | None
    secret: str | None = field(repr=False)
    previous_secret: str | None = field(repr=False)
    previous_until: datetime | None
    security: Security
    confirmed_at: datetime | None
    confirmed_by: str | None
    failing_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchedOff:
    """An endpoint whose owner is to be told, at these mail destinations of the same subscriber."""

    destination: str
    address: str
    reason: str
    at: datetime
    owners: tuple[str, ...]


_CURRENT: Final = text("""
    SELECT t.id, t.secret, x.previous_secret
    FROM destinations t LEFT JOIN endpoints x ON x.destination_id = t.id
    WHERE t.id = ANY(:ids) AND t.secret IS NOT NULL
""")

_SECURE: Final = text("""
    INSERT INTO endpoints AS old (destination_id, security)
    SELECT id, security FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id text, security jsonb)
    WHERE security <> '{}' OR EXISTS (SELECT FROM endpoints e WHERE e.destination_id = new.id)
    ON CONFLICT (destination_id) DO UPDATE SET security = excluded.security WHERE old.security <> excluded.security
""")

_EXCHANGE: Final = text("""
    INSERT INTO endpoints (destination_id, previous_secret, previous_until)
    VALUES (:id, :secret, clock_timestamp() + CAST(:overlap AS interval))
    ON CONFLICT (destination_id) DO UPDATE SET previous_secret = excluded.previous_secret,
      previous_until = excluded.previous_until
""")

_SET_SECRET: Final = text("UPDATE destinations SET secret = :secret, updated_at = now() WHERE id = :id")

_CONFIRM: Final = text("""
    INSERT INTO endpoints (destination_id, confirmed_at, confirmed_by) VALUES (:id, clock_timestamp(), :by)
    ON CONFLICT (destination_id) DO UPDATE SET confirmed_at = excluded.confirmed_at,
      confirmed_by = excluded.confirmed_by
""")

_HEARD: Final = text("UPDATE endpoints SET failing_since = NULL WHERE destination_id = :id")

_FAILED: Final = text("""
    INSERT INTO endpoints AS x (destination_id, failing_since) VALUES (:id, clock_timestamp())
    ON CONFLICT (destination_id) DO UPDATE SET failing_since = coalesce(x.failing_since, excluded.failing_since)
    RETURNING failing_since <= clock_timestamp() - CAST(:patience AS interval)
""")

_SWITCH_OFF: Final = text("""
    UPDATE destinations SET suppressed = :reason, updated_at = now() WHERE id = :id AND suppressed IS NULL
""")

_RESUME: Final = text("""
    WITH on_again AS (
      UPDATE destinations SET suppressed = NULL, updated_at = now() WHERE id = :id AND suppressed IS NOT NULL
      RETURNING id)
    UPDATE endpoints SET failing_since = NULL, noticed_at = NULL FROM on_again WHERE destination_id = on_again.id
""")

_IS_OFF: Final = text("SELECT suppressed IS NOT NULL FROM destinations WHERE id = :id")

_LOG: Final = text(
    "INSERT INTO destination_log (destination_id, action, by, reason) VALUES (:id, :action, :by, :reason)"
)

_NOTICES: Final = text(f"""
    WITH due AS (
      UPDATE endpoints x SET noticed_at = clock_timestamp()
      FROM destinations t WHERE t.id = x.destination_id AND t.channel = 'webhook' AND x.noticed_at IS NULL
        AND t.suppressed IN ('{FAILING}', '{GONE}')
      RETURNING t.id, t.subscriber_id, t.address, t.suppressed, x.noticed_at)
    SELECT due.id AS destination, due.address, due.suppressed AS reason, due.noticed_at AS at,
           coalesce(array_agg(m.id ORDER BY m.id) FILTER (WHERE m.id IS NOT NULL), '{{}}') AS owners
    FROM due LEFT JOIN destinations m ON m.subscriber_id = due.subscriber_id AND m.channel = 'email'
      AND m.active AND m.suppressed IS NULL AND NOT m.recording
    GROUP BY due.id, due.address, due.suppressed, due.noticed_at
""")

_LISTED: Final = text("""
    SELECT t.id, t.subscriber_id AS subscriber, t.name, t.channel, t.address, t.language,
           t.active AND s.active AS active, t.suppressed, t.secret, x.previous_secret, x.previous_until,
           coalesce(x.security, '{}') AS security, x.confirmed_at, x.confirmed_by, x.failing_since,
           EXISTS (SELECT 1 FROM subscription_destinations l JOIN subscriptions u ON u.id = l.subscription_id
             WHERE l.destination_id = t.id AND u.active AND u.ground = 'statutory') AS statutory
    FROM destinations t JOIN subscribers s ON s.id = t.subscriber_id LEFT JOIN endpoints x ON x.destination_id = t.id
    WHERE CAST(:beginning AS text) IS NULL OR starts_with(t.id, :beginning)
      OR t.subscriber_id || '/' || t.name = :beginning
    ORDER BY t.subscriber_id, t.name, t.id
""")

_WAITING: Final = text("""
    SELECT t.subscriber_id || '/' || t.name FROM destinations t LEFT JOIN endpoints x ON x.destination_id = t.id
    WHERE t.channel = 'webhook' AND t.active AND x.confirmed_at IS NULL ORDER BY 1
""")

_OF_DELIVERY: Final = text("""
    SELECT t.secret, CASE WHEN x.previous_until > clock_timestamp() THEN x.previous_secret END AS previous
    FROM deliveries d JOIN destinations t ON t.id = d.destination_id LEFT JOIN endpoints x ON x.destination_id = t.id
    WHERE d.delivery_id = :delivery_id AND d.channel = 'webhook'
""")

_CERTIFICATES: Final = text("""
    SELECT DISTINCT x.security ->> 'certificate' FROM endpoints x JOIN destinations t ON t.id = x.destination_id
    WHERE t.active AND x.security ->> 'smime' = 'encrypt' AND x.security ->> 'certificate' IS NOT NULL
""")


def exchanged(connection: Connection, rows: Sequence[JsonRow]) -> list[JsonRow]:
    """The rows of destinations that a file brings, ready to be written. A secret that is new signs beside the one
    before it for a day; a file that still has the one before a rotation does not bring it back."""
    found = connection.execute(_CURRENT, {"ids": [row["id"] for row in rows]}).mappings()
    known = {row["id"]: row for row in found}
    return [_exchanged(connection, row, known) for row in rows]


def _exchanged(connection: Connection, row: JsonRow, known: Mapping[str, RowMapping]) -> JsonRow:
    now = known.get(str(row["id"]))
    if now is None or row["secret"] in (None, now["secret"]):
        return row
    if row["secret"] == now["previous_secret"]:
        return {**row, "secret": now["secret"]}
    connection.execute(_EXCHANGE, {"id": row["id"], "secret": now["secret"], "overlap": OVERLAP})
    return row


def secure(connection: Connection, wanted: Mapping[str, Security]) -> int:
    """How the way to each destination is protected, as the file says; how many rows that changed."""
    rows = [
        {"id": id_, "security": each.model_dump(mode="json", exclude_defaults=True)} for id_, each in wanted.items()
    ]
    return connection.execute(_SECURE, {"rows": json.dumps(rows)}).rowcount


def rotate(connection: Connection, destination: str, *, secret: str, before: str, by: str, reason: str) -> None:
    """From now on `secret` signs, and the one before it too for a day."""
    connection.execute(_EXCHANGE, {"id": destination, "secret": before, "overlap": OVERLAP})
    connection.execute(_SET_SECRET, {"id": destination, "secret": secret})
    log(connection, destination, action="rotated", by=by, reason=reason)


def confirm(connection: Connection, destination: str, *, by: str) -> None:
    """The endpoint answered its challenge, and this person consented to alerts: it gets them from now on."""
    connection.execute(_CONFIRM, {"id": destination, "by": by})
    log(connection, destination, action="confirmed", by=by, reason="challenge answered, alerts consented to")


def heard(connection: Connection, destination: str) -> None:
    """The endpoint took something: whatever failed before is forgotten."""
    connection.execute(_HEARD, {"id": destination})


def failed(connection: Connection, destination: str, *, may_end: bool) -> bool:
    """The endpoint failed. Whether it is switched off now, after nothing but failures for five days."""
    long = connection.execute(_FAILED, {"id": destination, "patience": PATIENCE}).scalar_one()
    if not (long and may_end):
        return False
    if connection.execute(_SWITCH_OFF, {"id": destination, "reason": FAILING}).rowcount == 0:
        return False
    log(connection, destination, action="switched off", by="courier", reason=f"failed for {PATIENCE.days} days")
    return True


def resume(connection: Connection, destination: str, *, by: str, reason: str) -> bool:
    """Send there again. Whether it was switched off."""
    if not connection.execute(_IS_OFF, {"id": destination}).scalar_one():
        return False
    connection.execute(_RESUME, {"id": destination})
    log(connection, destination, action="switched on", by=by, reason=reason)
    return True


def log(connection: Connection, destination: str, *, action: str, by: str, reason: str) -> None:
    """Write down what was decided about a destination."""
    connection.execute(_LOG, {"id": destination, "action": action, "by": by, "reason": reason})


def notices(connection: Connection) -> tuple[SwitchedOff, ...]:
    """Endpoints that were switched off since the last look; each is handed out once, to one transaction."""
    rows = connection.execute(_NOTICES).mappings()
    return tuple(SwitchedOff(**{**row, "owners": tuple(row["owners"])}) for row in rows)


def listed(connection: Connection, beginning: str | None = None) -> tuple[Endpoint, ...]:
    """Every destination, or those whose id begins so, or the one that is SUBSCRIBER/NAME."""
    rows = connection.execute(_LISTED, {"beginning": beginning}).mappings()
    return tuple(
        Endpoint(
            **{**row, "channel": Channel(row["channel"]), "security": Security.model_validate(row["security"])},
        )
        for row in rows
    )


def waiting(connection: Connection) -> tuple[str, ...]:
    """Webhooks that were not confirmed yet, as SUBSCRIBER/NAME."""
    return tuple(connection.execute(_WAITING).scalars())


def shared_secrets(connection: Connection, delivery_id: str) -> tuple[str, ...]:
    """What the receiver of a webhook may sign its answer with now; none where it only has a public key of ours."""
    row = connection.execute(_OF_DELIVERY, {"delivery_id": delivery_id}).one_or_none()
    return tuple(each for each in row or () if each is not None and each.startswith("whsec_"))


def certificates(connection: Connection) -> tuple[str, ...]:
    """The certificates, as PEM, that mails are encrypted for."""
    return tuple(connection.execute(_CERTIFICATES).scalars())
