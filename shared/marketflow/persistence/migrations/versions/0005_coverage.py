"""Record what was asked and answered, when exchanges are open, and when a source was down: why a candle is missing."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE fetched_ranges (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        fetched tstzmultirange NOT NULL,
        refused tstzmultirange NOT NULL,
        CONSTRAINT fetched_ranges_pkey PRIMARY KEY (symbol_id, interval),
        CONSTRAINT fetched_ranges_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id)
    )
    """,
    """
    CREATE TABLE sessions (
        exchange text COLLATE "C" NOT NULL,
        opens_at timestamptz NOT NULL,
        closes_at timestamptz NOT NULL,
        CONSTRAINT sessions_pkey PRIMARY KEY (exchange, opens_at),
        CONSTRAINT sessions_order_check CHECK (opens_at < closes_at)
    )
    """,
    "ALTER TABLE source_status ADD COLUMN outages tstzmultirange DEFAULT '{}' NOT NULL",
)

COMMENTS = {
    "TABLE fetched_ranges": (
        "What was asked of a source and answered: a candle that is missing from it does not exist there."
    ),
    "COLUMN fetched_ranges.fetched": "Open times for which an answer was complete.",
    "COLUMN fetched_ranges.refused": "Open times for which an answer held what is no data.",
    "TABLE sessions": "When exchanges are open for trade, as the sources say.",
    "COLUMN sessions.exchange": "symbols.exchange; the symbol itself where that is null.",
    "COLUMN sessions.closes_at": "The earliest that was ever said: a half day is told late.",
    "COLUMN source_status.outages": "When it did not answer.",
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
