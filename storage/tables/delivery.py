"""Tables of telling: who is told, what was planned for them and why, and each attempt to send it."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.tables.base import metadata
from storage.tables.stream import outbox

OPEN_STATES: Final = "state IN ('planned', 'sending', 'deferred', 'unknown')"


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _active() -> Column[bool]:
    return Column("active", Boolean, nullable=False, server_default=true())


def _words(name: str) -> Column[object]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


subscribers: Final = Table(
    "subscribers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text),
    Column("kind", Text, nullable=False),
    _flag("example"),
    _active(),
    _moment("updated_at"),
)

destinations: Final = Table(
    "destinations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subscriber_id", Text, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text),
    Column("language", Text, nullable=False, server_default=text("'en'")),
    Column("clearance", Text),
    _flag("accepts_conditions"),
    _flag("accepts_exercises"),
    _flag("precursors"),
    _flag("recording"),
    _active(),
    Column("suppressed", Text),
    Column("role", Text, nullable=False, server_default=text("'contact'")),
    Column("on_duty", JSONB(none_as_null=True)),
    _moment("updated_at"),
    CheckConstraint("channel IN ('email', 'webhook')", name="channel"),
)
"""`suppressed` says why nothing more is sent there (address refused, endpoint gone). Rows are never deleted: a
cancellation may have to reach them. Index: the destinations of one subscriber, at import."""

destination_leases: Final = Table(
    "destination_leases",
    metadata,
    Column("destination_id", Text, ForeignKey("destinations.id"), primary_key=True),
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("until", DateTime(timezone=True), nullable=False, server_default=text("'-infinity'")),
)
"""Which courier may send to a destination; apart from `destinations`, because it changes all the time."""
Index("ix_destination_leases_owner", destination_leases.c.owner)  # a courier renews and lists what it owns

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subscriber_id", Text, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("ground", Text, nullable=False),
    _words("countries"),
    _words("classes"),
    _words("substances"),
    Column("min_level", SmallInteger, nullable=False, server_default=text("2")),
    Column("quiet_hours", JSONB),
    Column("filter", Text),
    Column("digest", JSONB),
    _active(),
    _moment("updated_at"),
    CheckConstraint("ground IN ('statutory', 'voluntary')", name="ground"),
)

subscription_destinations: Final = Table(
    "subscription_destinations",
    metadata,
    Column("subscription_id", Text, ForeignKey("subscriptions.id"), primary_key=True),
    Column("destination_id", Text, ForeignKey("destinations.id"), primary_key=True),
    _moment("linked_at"),
)

alert_threads: Final = Table(
    "alert_threads",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("tense", Text, nullable=False),
    Column("planned_revision", Integer, nullable=False, server_default=text("0")),
    Column("current_revision", Integer, nullable=False),
    Column("handling", Text, nullable=False),
    _flag("conditions"),
    Column("audience", Text, nullable=False),
    _flag("cancelled"),
    _moment("updated_at"),
)
"""One row per alert: the highest revision planned, and the handling of the highest seen (held ones too)."""

held_events: Final = Table(
    "held_events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("outbox_id", BigInteger, nullable=False),
    Column("alert_id", Text),
    Column("revision", Integer),
    Column("reason", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("planned", Integer, nullable=False, server_default=text("0")),
    _moment("held_at"),
    Column("released_at", DateTime(timezone=True)),
)
"""Alert events that told nobody because a person must look first (blast limit, cannot be read, tense crossed)."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("tense", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    _flag("statutory"),
    _flag("in_thread"),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gates", JSONB, nullable=False),
    _words("subscriptions"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _flag("resent"),
    Column("lease_epoch", BigInteger),
    Column("due_at", DateTime(timezone=True)),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    _moment("planned_at"),
    Column("sending_at", DateTime(timezone=True)),
    Column("accepted_at", DateTime(timezone=True)),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("schedule_from", Integer, nullable=False, server_default=text("0")),
    _moment("updated_at"),
)
"""The ledger. `in_thread`: planned to be sent, so the destination gets every later revision. `due_at` is null once
nothing more will be tried. `acknowledged_at` is set at once, `state` when nothing is in flight any more.
`schedule_from`: so many attempts were made before a person had it tried again."""
Index("ix_deliveries_thread", deliveries.c.alert_id, deliveries.c.destination_id, deliveries.c.revision)
"""Planning reads a thread; the claim asks for earlier revisions of the same alert and destination."""
Index("ix_deliveries_open", deliveries.c.destination_id, deliveries.c.due_at, postgresql_where=text(OPEN_STATES))
"""The courier's look, every second: only what still moves, by destination; small however long the ledger grows."""
Index("ix_deliveries_planned_at", deliveries.c.planned_at)
"""`tocsin deliveries list`, newest first."""

attempts: Final = Table(
    "attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("courier", Text, nullable=False),
    Column("lease_epoch", BigInteger, nullable=False),
    _moment("started_at"),
    Column("ended_at", DateTime(timezone=True)),
    Column("verdict", Text),
    Column("reason", Text),
    Column("code", Text),
    Column("answer", Text),
)
"""Written before the send, completed after it: a row without an end is a courier that died on the way."""

Index(
    "ix_outbox_unplanned_alert",
    outbox.c.body["alert_id"].astext,
    postgresql_where=text("planned_at IS NULL AND topic = 'alert-events'"),
)
"""The claim asks whether a newer revision of its alert waits unplanned: its handling may be stricter (P5)."""

Index(
    "ix_outbox_alert_events",
    outbox.c.body["alert_id"].astext,
    postgresql_where=text("topic = 'alert-events'"),
)
"""The audit asks for every alert event, and for the others of its alert; the outbox holds other topics too."""
