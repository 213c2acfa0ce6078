"""Tables of what was decided: reports, findings, cases with their days and grades, alerts, the case log, timers."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.tables.base import metadata

detections: Final = Table(
    "detections",
    metadata,
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("catalogue", Text),
    Index("ix_detections_event_id", "event_id"),
    Index("ix_detections_topic_partition_offset", "topic", "partition", "offset"),
)
"""Every accepted revision, and the catalogue version it was read with. By event id: who owns an event. By source: the
audit compares rows with the log."""

findings: Final = Table(
    "findings",
    metadata,
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("substance", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("subgroup", Text),
    Column("rung", Text, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("case_key", Text),
    Column("review_key", Text),
    Column("rungs", Text, nullable=False, server_default=""),
    Column("class_rules", Text, nullable=False, server_default=""),
    Column("nearest", Text),
    Column("likeness", Double),
    Index("ix_findings_substance", "substance"),
    Index("ix_findings_review_key", "review_key", postgresql_where=text("review_key IS NOT NULL")),
)
"""One component of one revision, resolved. `case_key` is empty for what was recorded only. By substance: look-ups.

By `review_key`, under which it waits for a person or did: the review queue, and what a settlement touches."""

cases: Final = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ledger", Text, nullable=False),
    Column("case_key", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("substance", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("alert_id", Text),
    Column("number", Text),
    Column("first_event", Date),
    Column("opened_by", JSONB),
    Column("subject", JSONB, nullable=False),
    Column("summary", JSONB, nullable=False),
    Column("thread", JSONB),
    Column("decisions", JSONB, nullable=False, server_default="{}"),
    Column("receives", Boolean, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("ledger", "case_key", "ordinal"),
)
Index("ix_cases_alert_id", cases.c.alert_id, postgresql_where=cases.c.alert_id.is_not(None))
"""Small: facts without event lists. By ledger, key and ordinal: recall. By alert: the command line."""

case_days: Final = Table(
    "case_days",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("country", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("body", JSONB, nullable=False),
)
"""Counters per country, region and day: recall reads the months before a report, never the findings."""

case_grades: Final = Table(
    "case_grades",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("impact", SmallInteger, nullable=False),
    Column("spread", SmallInteger, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("body", JSONB, nullable=False),
)
"""The grade at each anchor day with its trace."""

case_reports: Final = Table(
    "case_reports",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("case_key", Text, primary_key=True),
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_case_reports_event_id", "event_id"),
)
Index(
    "ix_case_reports_place",
    case_reports.c.ledger,
    case_reports.c.case_key,
    text("(body ->> 'day')"),
    text("(body ->> 'country')"),
)
"""What the current revision of each report says to each case. By event: which cases an amendment touches. By place:
what a day of a country is counted from."""

occurrence_links: Final = Table(
    "occurrence_links",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("case_key", Text, primary_key=True),
    Column("link", Text, primary_key=True),
    Column("laboratory", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("day", Date, nullable=False),
)
"""Keys that reports of one real-world event share; the primary key answers "who else has this link"."""

first_sightings: Final = Table(
    "first_sightings",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("case_key", Text, primary_key=True),
    Column("country", Text, primary_key=True),
    Column("day", Date, nullable=False),
)

alerts: Final = Table(
    "alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("tense", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_alerts_number", "number"),
    Index(
        "ix_alerts_new_to_union",
        "case_id",
        postgresql_where=text("tense = 'actual' AND body->>'novelty' = 'new_to_union'"),
    ),
)
"""Every revision that was told. By number: what people ask for. New to the Union: what opens a notification draft."""

case_log: Final = Table(
    "case_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("laboratory", Text),
    Column("event_id", Uuid),
    Column("revision", Integer),
    Column("level_before", SmallInteger),
    Column("level_after", SmallInteger),
    Column("rules", ARRAY(Text), nullable=False),
    Column("rule_set", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Index("ix_case_log_case_id_id", "case_id", "id"),
)
"""Append-only: what happened to a case and why. By case: its history."""

timers: Final = Table(
    "timers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("ledger", Text, nullable=False),
    Column("case_key", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Index("ix_timers_due_at", "due_at"),
)
"""What is to happen when; the clock takes them in the order they are due."""

NUMBERS: Final = {
    tense: Sequence(f"alert_number_{tense}", metadata=metadata) for tense in ("actual", "exercise", "test")
}
"""Labels for people, one counter per tense; gaps are allowed."""
