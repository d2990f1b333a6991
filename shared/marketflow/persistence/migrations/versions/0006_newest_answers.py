"""Remember what the newest answer said again of final candles: a late, older one must not take their place."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE newest_answers (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        observed_at timestamptz NOT NULL,
        said tstzmultirange NOT NULL,
        CONSTRAINT newest_answers_pkey PRIMARY KEY (symbol_id, interval),
        CONSTRAINT newest_answers_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id)
    )
    """,
)

COMMENTS = {
    "TABLE newest_answers": (
        "The newest answer about a symbol: an older one that comes late changes nothing that it said."
    ),
    "COLUMN newest_answers.observed_at": "When it was received.",
    "COLUMN newest_answers.said": "The open times of its final candles.",
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
