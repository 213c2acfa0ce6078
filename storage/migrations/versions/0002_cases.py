"""The cases tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"

TABLES = (
    "detections",
    "findings",
    "cases",
    "case_days",
    "case_grades",
    "case_reports",
    "occurrence_links",
    "first_sightings",
    "alerts",
    "case_log",
    "timers",
)
NUMBERS = ("alert_number_actual", "alert_number_exercise", "alert_number_test")


def upgrade() -> None:
    _reports()
    _cases()
    _files()
    _messages()
    for number in NUMBERS:
        op.execute(sa.schema.CreateSequence(sa.Sequence(number)))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for number in NUMBERS:
        op.execute(sa.schema.DropSequence(sa.Sequence(number)))


def _reports() -> None:
    op.create_table(
        "detections",
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("laboratory", "event_id", "revision", name="pk_detections"),
    )
    op.create_index("ix_detections_event_id", "detections", ["event_id"])
    op.create_index("ix_detections_topic_partition_offset", "detections", ["topic", "partition", "offset"])
    op.create_table(
        "findings",
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("substance", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("subgroup", sa.Text),
        sa.Column("rung", sa.Text, nullable=False),
        sa.Column("conflict", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text),
        sa.PrimaryKeyConstraint("laboratory", "event_id", "revision", "position", name="pk_findings"),
    )
    op.create_index("ix_findings_substance", "findings", ["substance"])


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("substance", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("first_event", sa.Date),
        sa.Column("opened_by", JSONB),
        sa.Column("subject", JSONB, nullable=False),
        sa.Column("summary", JSONB, nullable=False),
        sa.Column("thread", JSONB),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("ledger", "case_key", "ordinal", name="uq_cases_ledger_case_key_ordinal"),
    )
    op.create_index("ix_cases_alert_id", "cases", ["alert_id"], postgresql_where=sa.text("alert_id IS NOT NULL"))
    op.create_table(
        "case_days",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "day", "country", "region", name="pk_case_days"),
    )
    op.create_table(
        "case_grades",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("impact", sa.SmallInteger, nullable=False),
        sa.Column("spread", sa.SmallInteger, nullable=False),
        sa.Column("confidence", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "day", name="pk_case_grades"),
    )


def _files() -> None:
    op.create_table(
        "case_reports",
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text, nullable=False),
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "case_key", "laboratory", "event_id", name="pk_case_reports"),
    )
    op.create_index("ix_case_reports_event_id", "case_reports", ["event_id"])
    op.create_table(
        "occurrence_links",
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("laboratory", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "case_key", "link", "laboratory", "event_id", name="pk_occurrence_links"),
    )
    op.create_table(
        "first_sightings",
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "case_key", "country", name="pk_first_sightings"),
    )


def _messages() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("tense", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "revision", name="pk_alerts"),
    )
    op.create_index("ix_alerts_number", "alerts", ["number"])
    op.create_table(
        "case_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("laboratory", sa.Text),
        sa.Column("event_id", sa.Uuid),
        sa.Column("revision", sa.Integer),
        sa.Column("level_before", sa.SmallInteger),
        sa.Column("level_after", sa.SmallInteger),
        sa.Column("rules", ARRAY(sa.Text), nullable=False),
        sa.Column("rule_set", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_log"),
    )
    op.create_index("ix_case_log_case_id_id", "case_log", ["case_id", "id"])
    op.create_table(
        "timers",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("case_key", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_timers"),
    )
    op.create_index("ix_timers_due_at", "timers", ["due_at"])
