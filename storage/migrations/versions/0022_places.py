"""The reports of a day of a country are found without those of the whole case."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0025"


def upgrade() -> None:
    op.create_index(
        "ix_case_reports_place",
        "case_reports",
        ["ledger", "case_key", sa.text("(body ->> 'day')"), sa.text("(body ->> 'country')")],
    )


def downgrade() -> None:
    op.drop_index("ix_case_reports_place", "case_reports")
