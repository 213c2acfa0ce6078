"""The delivery tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"

TABLES = (
    "attempts",
    "deliveries",
    "held_events",
    "alert_threads",
    "subscription_destinations",
    "subscriptions",
    "destination_leases",
    "destinations",
    "subscribers",
)


def upgrade() -> None:
    _subscribers()
    _destinations()
    _leases()
    _subscriptions()
    _threads()
    _held_events()
    _deliveries()
    _delivery_indexes()
    _attempts()
    op.create_index(
        "ix_outbox_unplanned_alert",
        "outbox",
        [sa.text("(body ->> 'alert_id')")],
        postgresql_where=sa.text("planned_at IS NULL AND topic = 'alert-events'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_unplanned_alert", "outbox")
    for table in TABLES:
        op.drop_table(table)


def _moment(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _flag(name: str, *, default: bool = False) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.true() if default else sa.false())


def _words(name: str) -> "sa.Column[object]":
    return sa.Column(name, ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))


def _must(*names: str) -> "tuple[sa.Column[str], ...]":
    return tuple(sa.Column(name, sa.Text, nullable=False) for name in names)


def _subscribers() -> None:
    op.create_table(
        "subscribers",
        *_must("id", "name"),
        sa.Column("country", sa.Text),
        *_must("kind"),
        _flag("example"),
        _flag("active", default=True),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
    )


def _destinations() -> None:
    op.create_table(
        "destinations",
        *_must("id", "subscriber_id", "name", "channel", "address"),
        sa.Column("secret", sa.Text),
        sa.Column("language", sa.Text, nullable=False, server_default=sa.text("'en'")),
        sa.Column("clearance", sa.Text),
        *(_flag(name) for name in ("accepts_conditions", "accepts_exercises", "precursors", "recording")),
        _flag("active", default=True),
        sa.Column("suppressed", sa.Text),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_destinations"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_destinations_subscriber_id_subscribers"
        ),
        sa.CheckConstraint("channel IN ('email', 'webhook')", name="channel"),
    )
    op.create_index("ix_destinations_subscriber_id", "destinations", ["subscriber_id"])


def _leases() -> None:
    op.create_table(
        "destination_leases",
        *_must("destination_id"),
        sa.Column("owner", sa.Text),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("'-infinity'")),
        sa.PrimaryKeyConstraint("destination_id", name="pk_destination_leases"),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_destination_leases_destination_id_destinations"
        ),
    )
    op.create_index("ix_destination_leases_owner", "destination_leases", ["owner"])


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        *_must("id", "subscriber_id", "ground"),
        *(_words(name) for name in ("countries", "classes", "substances")),
        sa.Column("min_level", sa.SmallInteger, nullable=False, server_default=sa.text("2")),
        _flag("active", default=True),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_subscriptions_subscriber_id_subscribers"
        ),
        sa.CheckConstraint("ground IN ('statutory', 'voluntary')", name="ground"),
    )
    op.create_index("ix_subscriptions_subscriber_id", "subscriptions", ["subscriber_id"])
    op.create_table(
        "subscription_destinations",
        *_must("subscription_id", "destination_id"),
        sa.PrimaryKeyConstraint("subscription_id", "destination_id", name="pk_subscription_destinations"),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name="fk_subscription_destinations_subscription_id_subscriptions",
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_subscription_destinations_destination_id_destinations"
        ),
    )


def _threads() -> None:
    op.create_table(
        "alert_threads",
        *_must("alert_id", "tense"),
        sa.Column("planned_revision", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("current_revision", sa.Integer, nullable=False),
        *_must("handling", "audience"),
        _flag("conditions"),
        _flag("cancelled"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alert_threads"),
    )


def _held_events() -> None:
    op.create_table(
        "held_events",
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("outbox_id", sa.BigInteger, nullable=False),
        sa.Column("alert_id", sa.Text),
        sa.Column("revision", sa.Integer),
        *_must("reason", "sentence"),
        sa.Column("planned", sa.Integer, nullable=False, server_default=sa.text("0")),
        _moment("held_at"),
        sa.PrimaryKeyConstraint("event_id", name="pk_held_events"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *_must("delivery_id"),
        sa.Column("event_id", sa.Uuid, nullable=False),
        *_must("alert_id", "number"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_must("kind", "purpose", "destination_id", "channel", "content", "tense"),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        _flag("statutory"),
        _flag("in_thread"),
        *_must("state", "reason"),
        sa.Column("gates", JSONB, nullable=False),
        _words("subscriptions"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        _flag("resent"),
        sa.Column("lease_epoch", sa.BigInteger),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        _moment("planned_at"),
        sa.Column("sending_at", sa.DateTime(timezone=True)),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name="fk_deliveries_destination_id_destinations"
        ),
    )


def _delivery_indexes() -> None:
    op.create_index("ix_deliveries_thread", "deliveries", ["alert_id", "destination_id", "revision"])
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["destination_id", "due_at"],
        postgresql_where=sa.text("state IN ('planned', 'sending', 'deferred', 'unknown')"),
    )
    op.create_index("ix_deliveries_planned_at", "deliveries", ["planned_at"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        *_must("delivery_id"),
        sa.Column("number", sa.Integer, nullable=False),
        *_must("courier"),
        sa.Column("lease_epoch", sa.BigInteger, nullable=False),
        _moment("started_at"),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        *(sa.Column(name, sa.Text) for name in ("verdict", "reason", "code", "answer")),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.delivery_id"], name="fk_attempts_delivery_id_deliveries"),
    )
