"""Load the seed symbols once; one that is there already, whoever put it there, stays as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import insert

from marketflow.persistence.seeds import SEED_SYMBOLS, SeedSymbol

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The table as it was at this revision, not as tables.py has it by now.
    symbols = sa.table("symbols", *(sa.column(name, sa.Text()) for name in SeedSymbol.__annotations__))
    op.execute(insert(symbols).values([dict(seed) for seed in SEED_SYMBOLS]).on_conflict_do_nothing())
