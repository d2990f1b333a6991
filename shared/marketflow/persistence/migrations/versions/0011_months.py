"""Keep minutes and prices in monthly partitions: what is newest stays small and quick, what is old goes in one step.

A month's partitions are made when its first row comes, or ahead of it (`make_months`), by attaching finished tables:
readers do not wait. Days and longer roll-ups have so few rows that they stay in one table each. Prices of before 2026
are the daily past of currencies and stay together as well: what ticks each minute did not exist before.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _put_aside(table: str, *columns: str) -> tuple[str, ...]:
    """Rename a table, without the names of its constraints, which the new one takes (PostgreSQL 18 names NOT NULL)."""
    free = ", ".join(f"ALTER COLUMN {name} DROP NOT NULL" for name in columns)
    return (
        f"ALTER TABLE {table} RENAME TO {table}_before",
        f"ALTER TABLE {table}_before DROP CONSTRAINT {table}_pkey, DROP CONSTRAINT {table}_symbol_id_fkey",
        f"ALTER TABLE {table}_before {free}",
    )


_VALUES = """
        open numeric NOT NULL,
        high numeric NOT NULL,
        low numeric NOT NULL,
        close numeric NOT NULL,
        volume numeric,
        quote_volume numeric,
        trades bigint,
"""

TABLES = (
    *_put_aside(
        *("candles", "symbol_id", "interval", "open_time", "open", "high", "low", "close", "final", "observed_at"),
        *("raw_id", "held"),
    ),
    "DROP INDEX candles_held_idx",
    f"""
    CREATE TABLE candles (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        open_time timestamptz NOT NULL,
        {_VALUES}
        final boolean NOT NULL,
        observed_at timestamptz NOT NULL,
        raw_id bigint NOT NULL,
        held boolean NOT NULL DEFAULT false,
        CONSTRAINT candles_pkey PRIMARY KEY (symbol_id, interval, open_time),
        CONSTRAINT candles_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id),
        CONSTRAINT candles_prices_check CHECK (
            low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND high < 'Infinity'
        ),
        CONSTRAINT candles_volume_check CHECK (volume >= 0 AND volume < 'Infinity'),
        CONSTRAINT candles_quote_volume_check CHECK (quote_volume >= 0 AND quote_volume < 'Infinity'),
        CONSTRAINT candles_trades_check CHECK (trades >= 0)
    ) PARTITION BY LIST (interval)
    """,
    "CREATE INDEX candles_held_idx ON candles (symbol_id, interval, open_time) WHERE held",
    "CREATE TABLE candles_1m PARTITION OF candles FOR VALUES IN ('1m') PARTITION BY RANGE (open_time)",
    "CREATE TABLE candles_1d PARTITION OF candles FOR VALUES IN ('1d')",
    f"""
    CREATE TABLE rollups (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        open_time timestamptz NOT NULL,
        {_VALUES}
        rows_final boolean NOT NULL,
        CONSTRAINT rollups_pkey PRIMARY KEY (symbol_id, interval, open_time)
    ) PARTITION BY LIST (interval)
    """,
    """
    CREATE TABLE rollups_minutes PARTITION OF rollups FOR VALUES IN ('5m', '15m', '30m')
    PARTITION BY RANGE (open_time)
    """,
    "CREATE TABLE rollups_hours PARTITION OF rollups FOR VALUES IN ('1h', '4h', '1d', '1w', '1M')",
    *_put_aside("prices", "symbol_id", "as_of", "price", "observed_at", "raw_id", "held"),
    """
    CREATE TABLE prices (
        symbol_id integer NOT NULL,
        as_of timestamptz NOT NULL,
        price numeric NOT NULL,
        observed_at timestamptz NOT NULL,
        raw_id bigint NOT NULL,
        held boolean NOT NULL DEFAULT false,
        CONSTRAINT prices_pkey PRIMARY KEY (symbol_id, as_of),
        CONSTRAINT prices_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id),
        CONSTRAINT prices_price_check CHECK (price > 0 AND price < 'Infinity')
    ) PARTITION BY RANGE (as_of)
    """,
    """
    CREATE TABLE prices_past PARTITION OF prices
    FOR VALUES FROM (MINVALUE) TO ('2026-01-01T00:00:00Z')
    """,
    """
    CREATE TABLE months (
        month date NOT NULL,
        retired_at timestamptz,
        CONSTRAINT months_pkey PRIMARY KEY (month)
    )
    """,
)

MAKE_MONTHS = """
CREATE FUNCTION make_months(first timestamptz, last timestamptz) RETURNS SETOF date
LANGUAGE plpgsql AS $$
DECLARE
    wanted date; since timestamptz; until timestamptz; parent text; child text;
BEGIN
    FOR wanted IN
        SELECT CAST(m AS date)
        FROM generate_series(date_trunc('month', first AT TIME ZONE 'UTC'), last AT TIME ZONE 'UTC', '1 month') AS m
    LOOP
        -- Who comes second waits here for the first one, and finds the month made.
        INSERT INTO months (month) VALUES (wanted) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            IF EXISTS (SELECT FROM months AS m WHERE m.month = wanted AND m.retired_at IS NOT NULL) THEN
                RETURN NEXT wanted;
            END IF;
            CONTINUE;
        END IF;
        since := CAST(wanted AS timestamp) AT TIME ZONE 'UTC';
        until := CAST(wanted + interval '1 month' AS timestamp) AT TIME ZONE 'UTC';
        FOREACH parent IN ARRAY ARRAY['candles_1m', 'rollups_minutes', 'prices'] LOOP
            CONTINUE WHEN parent = 'prices' AND since < '2026-01-01T00:00:00Z';
            child := replace(parent, '_minutes', '') || to_char(wanted, '_YYYY_MM');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            -- Made whole and then attached: CREATE … PARTITION OF would lock the parent against readers.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, since, until);
        END LOOP;
    END LOOP;
END $$
"""

MOVE = (
    """
    SELECT make_months(month, month) FROM (
        SELECT DISTINCT date_trunc('month', open_time, 'UTC') AS month FROM candles_before WHERE interval = '1m'
        UNION
        SELECT DISTINCT date_trunc('month', as_of, 'UTC') FROM prices_before WHERE as_of >= '2026-01-01T00:00:00Z'
    ) AS needed ORDER BY month
    """,
    "INSERT INTO candles SELECT * FROM candles_before",
    "INSERT INTO prices SELECT * FROM prices_before",
    "DROP TABLE candles_before",
    "DROP TABLE prices_before",
)

COMMENTS = {
    "TABLE candles": "One row per symbol, interval and open time; a gap is a fact and has no row.",
    "COLUMN candles.open_time": "The start, inclusive.",
    "COLUMN candles.volume": "In the base asset; null when the source gives none.",
    "COLUMN candles.quote_volume": "In the quote currency.",
    "COLUMN candles.final": "The source''s own clock was past the close.",
    "COLUMN candles.observed_at": (
        "When the first answer with these values was received; of a forming candle the newest."
    ),
    "COLUMN candles.raw_id": "raw_objects.id of that answer.",
    "COLUMN candles.held": "Too far from the last close to be served.",
    "TABLE rollups": "Candles made of minutes, or of the days of stocks: they follow from what is stored.",
    "COLUMN rollups.open_time": "The start, inclusive.",
    "COLUMN rollups.volume": "Missing when that of a part is.",
    "COLUMN rollups.rows_final": "All parts are final and none is held; fetched_ranges says whether more may come.",
    "TABLE prices": "Observed prices; the latest of a symbol is the one with the greatest as_of.",
    "COLUMN prices.as_of": "The source''s time of the price.",
    "COLUMN prices.observed_at": "When the newest answer about this moment was received.",
    "COLUMN prices.raw_id": "raw_objects.id of that answer.",
    "COLUMN prices.held": "Too far from the last price to be served.",
    "TABLE months": "Which months have partitions of minutes and prices, and which had.",
    "COLUMN months.month": "The first day, UTC.",
    "COLUMN months.retired_at": "When its rows were exported and dropped; null while they are here.",
    "FUNCTION make_months": "Makes the partitions of each month between two times, and answers those that are retired.",
}


def upgrade() -> None:
    for statement in (*TABLES, MAKE_MONTHS, *MOVE):
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
