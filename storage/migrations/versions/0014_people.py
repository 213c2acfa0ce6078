"""What people decide: who they are, what they decided about a case, and a case log that a case can be rebuilt from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("cases", sa.Column("decisions", JSONB, nullable=False, server_default="{}"))
    op.add_column("cases", sa.Column("receives", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE cases SET receives = state = 'open'")
    op.alter_column("cases", "receives", server_default=None)
    op.add_column("case_log", sa.Column("detail", JSONB, nullable=False, server_default="{}"))
    op.create_table(
        "people",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("country", sa.Text),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
    )
    op.create_table(
        "people_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("country", sa.Text),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_log"),
    )
    op.create_index("ix_people_log_person_id", "people_log", ["person", "id"])
    op.create_table(
        "public_releases",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "revision", "country", name="pk_public_releases"),
    )
    op.create_table(
        "held_approvals",
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("event_id", "actor", name="pk_held_approvals"),
    )
    op.add_column("held_events", sa.Column("released_at", sa.DateTime(timezone=True)))
    op.create_table(
        "case_routes",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("ledger", sa.Text, nullable=False),
        sa.Column("from_key", sa.Text, nullable=False),
        sa.Column("to_key", sa.Text, nullable=False),
        sa.Column("laboratory", sa.Text),
        sa.Column("event_id", sa.Uuid),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_case_routes"),
    )
    op.create_index(
        "ix_case_routes_ledger_from_key",
        "case_routes",
        ["ledger", "from_key"],
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_case_routes_ledger_from_key", "case_routes")
    op.drop_table("case_routes")
    op.drop_column("held_events", "released_at")
    op.drop_table("held_approvals")
    op.drop_table("public_releases")
    op.drop_index("ix_people_log_person_id", "people_log")
    op.drop_table("people_log")
    op.drop_table("people")
    op.drop_column("case_log", "detail")
    op.drop_column("cases", "receives")
    op.drop_column("cases", "decisions")
