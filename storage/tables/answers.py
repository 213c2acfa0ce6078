"""Tables of what comes back: who acknowledged, what was done, what else is known; and the site's own keys."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
)

from storage.tables.base import metadata

acknowledgements: Final = Table(
    "acknowledgements",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("way IN ('link', 'webhook', 'command')", name="way"),
)
"""One row per delivery, the first that came: a person read it and says so. Never changed."""
Index("ix_acknowledgements_alert_id", acknowledgements.c.alert_id)
"""Escalation and `alert show` ask who answered an alert."""

measures: Final = Table(
    "measures",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("delivery_id", Text, ForeignKey("deliveries.delivery_id"), nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("destination_id", Text, ForeignKey("destinations.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Measures taken and further information, as an authority reported them. Append-only."""
Index("ix_measures_alert_id", measures.c.alert_id)
"""Everything reported about one alert, oldest first."""

unsubscriptions: Final = Table(
    "unsubscriptions",
    metadata,
    Column("subscription_id", Text, ForeignKey("subscriptions.id"), primary_key=True),
    Column("destination_id", Text, ForeignKey("destinations.id"), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Voluntary subscriptions that a reader ended with one click; the file of subscribers does not bring them back."""

site_keys: Final = Table(
    "site_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Keys that all processes of a site share, made when first asked for; never shown."""
