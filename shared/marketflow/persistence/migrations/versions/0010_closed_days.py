"""Remember the days on which nothing was published where the past of currencies comes from: no rate is missing then."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE fetched_ranges ADD COLUMN closed tstzmultirange NOT NULL DEFAULT '{}'")
    op.execute("COMMENT ON COLUMN fetched_ranges.closed IS 'Days without a published rate.'")
