"""Create the table of dividends and splits."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = """
    CREATE TABLE actions (
        symbol_id integer NOT NULL,
        kind text COLLATE "C" NOT NULL,
        effective timestamptz NOT NULL,
        amount numeric,
        currency text,
        numerator numeric,
        denominator numeric,
        observed_at timestamptz NOT NULL,
        raw_id bigint NOT NULL,
        CONSTRAINT actions_pkey PRIMARY KEY (symbol_id, kind, effective),
        CONSTRAINT actions_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id),
        CONSTRAINT actions_kind_check CHECK (
            (kind = 'dividend' AND amount IS NOT NULL AND currency IS NOT NULL AND numerator IS NULL
             AND denominator IS NULL)
            OR (kind = 'split' AND amount IS NULL AND currency IS NULL
                AND numerator IS NOT NULL AND denominator IS NOT NULL)
        ),
        CONSTRAINT actions_amount_check CHECK (amount > 0 AND amount < 'Infinity'),
        CONSTRAINT actions_ratio_check CHECK (
            numerator > 0 AND numerator < 'Infinity' AND denominator > 0 AND denominator < 'Infinity'
        )
    )
"""

COLUMN_COMMENTS = {
    "effective": "00:00 exchange time of the ex-date.",
    "amount": "A share, adjusted for the splits up to observed_at.",
    "currency": "The major unit of amount.",
    "numerator": "So many shares a split makes...",
    "denominator": "...of so many.",
    "observed_at": "When the answer with these values was received.",
    "raw_id": "raw_objects.id of that answer.",
}


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("COMMENT ON TABLE actions IS 'Dividends and splits of shares.'")
    for column, comment in COLUMN_COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN actions.{column} IS '{comment}'")
