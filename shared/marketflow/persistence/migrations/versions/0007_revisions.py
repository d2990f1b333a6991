"""Keep what was believed before of final candles, and what each answer said again: the tables follow from the answers.

`answers` takes over from `newest_answers`. What that table knew is not carried over: it spoke for one answer a symbol,
and only against answers that were then still on their way.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    "DROP TABLE newest_answers",
    """
    CREATE TABLE answers (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        observed_at timestamptz NOT NULL,
        raw_id bigint NOT NULL,
        said tstzmultirange NOT NULL,
        CONSTRAINT answers_pkey PRIMARY KEY (symbol_id, interval, observed_at, raw_id),
        CONSTRAINT answers_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id)
    )
    """,
    """
    CREATE TABLE revisions (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        open_time timestamptz NOT NULL,
        observed_at timestamptz NOT NULL,
        raw_id bigint NOT NULL,
        open numeric NOT NULL,
        high numeric NOT NULL,
        low numeric NOT NULL,
        close numeric NOT NULL,
        volume numeric,
        quote_volume numeric,
        trades bigint,
        CONSTRAINT revisions_pkey PRIMARY KEY (symbol_id, interval, open_time, observed_at, raw_id),
        CONSTRAINT revisions_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id),
        CONSTRAINT revisions_prices_check CHECK (
            low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND high < 'Infinity'
        ),
        CONSTRAINT revisions_volume_check CHECK (volume >= 0 AND volume < 'Infinity'),
        CONSTRAINT revisions_quote_volume_check CHECK (quote_volume >= 0 AND quote_volume < 'Infinity'),
        CONSTRAINT revisions_trades_check CHECK (trades >= 0)
    )
    """,
    "ALTER TABLE actions ADD COLUMN last_observed_at timestamptz, ADD COLUMN last_raw_id bigint",
    "UPDATE actions SET last_observed_at = observed_at, last_raw_id = raw_id",
    "ALTER TABLE actions ALTER COLUMN last_observed_at SET NOT NULL, ALTER COLUMN last_raw_id SET NOT NULL",
)

COMMENTS = {
    "TABLE answers": "Which final candles each answer said: most said what was known, and changed no row.",
    "COLUMN answers.observed_at": "When it was received.",
    "COLUMN answers.raw_id": "raw_objects.id of it.",
    "COLUMN answers.said": "The open times of its final candles.",
    "TABLE revisions": "What was believed of final candles before their present values.",
    "COLUMN revisions.open_time": "The start, inclusive.",
    "COLUMN revisions.observed_at": "When the first answer with these values was received.",
    "COLUMN revisions.raw_id": "raw_objects.id of that answer.",
    "COLUMN revisions.volume": "In the base asset; null when the source gives none.",
    "COLUMN revisions.quote_volume": "In the quote currency.",
    "COLUMN candles.observed_at": (
        "When the first answer with these values was received; of a forming candle the newest."
    ),
    "COLUMN prices.observed_at": "When the newest answer about this moment was received.",
    "COLUMN actions.observed_at": "When the first answer with these values was received.",
    "COLUMN actions.last_observed_at": "When the newest answer about it was received.",
    "COLUMN actions.last_raw_id": "raw_objects.id of that answer.",
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
