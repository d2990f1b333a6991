# ruff: noqa: S608 - put together from this module's constants
"""Keep candles of five minutes to a month beside the minutes and days that they are made of.

`roll_up` runs behind each load, in its transaction: it finds what the answer changed and makes the buckets around it
anew, each from the next shorter interval, so that a minute costs some sixty rows and not a month of them. What follows
from the stored rows alone is written; whether all of a bucket was asked for is in `fetched_ranges`, and is looked up
when it is read. Plans are generic: they are made once a session, and find the partitions when they run.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NAMES = "open, high, low, close, volume, quote_volume, trades, rows_final"


def _bin(length: str) -> str:
    return f"date_bin('{length}', {{}}, timestamp '2000-01-01')"


def _trunc(field: str) -> str:
    return f"date_trunc('{field}', {{}})"


_LEVELS = (
    ("5m", "5 minutes", "1m", _bin("5 minutes"), "of_interval = '1m'"),
    ("15m", "15 minutes", "5m", _bin("15 minutes"), "of_interval = '1m'"),
    ("30m", "30 minutes", "15m", _bin("30 minutes"), "of_interval = '1m'"),
    ("1h", "1 hour", "30m", _bin("1 hour"), "of_interval = '1m'"),
    ("4h", "4 hours", "1h", _bin("4 hours"), "of_interval = '1m'"),
    # A market that never closes has the days of its minutes; the days of stocks are their source's own.
    ("1d", "1 day", "4h", _trunc("day"), "of_interval = '1m' AND s.asset_type = 'crypto'"),
    ("1w", "7 days", "1d", _trunc("week"), "(of_interval = '1m') = (s.asset_type = 'crypto')"),
    ("1M", "1 month", "1d", _trunc("month"), "(of_interval = '1m') = (s.asset_type = 'crypto')"),
)
"""Interval, length, what it is made of, its bucket on the local clock, and whether it is made of what was loaded."""


def _sum(column: str) -> str:
    return f"CASE WHEN count(r.{column}) = count(*) THEN sum(r.{column}) END"


def _bucket(part: str, bucket: str, source: str, final: str, served: str) -> str:
    return f"""SELECT {bucket.format("r.open_time AT TIME ZONE zone")} AS local,
               (array_agg(r.open ORDER BY r.open_time))[1] AS open, max(r.high) AS high, min(r.low) AS low,
               (array_agg(r.close ORDER BY r.open_time))[count(*)] AS close, {_sum("volume")} AS volume,
               {_sum("quote_volume")} AS quote_volume, {_sum("trades")} AS trades, bool_and(r.{final}) AS rows_final
        FROM {source} AS r
        WHERE r.symbol_id = of_symbol AND r.interval = '{part}' AND r.open_time >= since AND r.open_time < until{served}
        GROUP BY 1"""


def _level(interval: str, length: str, part: str, bucket: str, applies: str) -> str:
    opens, closes = "b.local AT TIME ZONE zone", f"(b.local + interval '{length}') AT TIME ZONE zone"
    held = f"""(any_held AND EXISTS (
                   SELECT FROM candles AS h
                   WHERE h.symbol_id = of_symbol AND h.interval = of_interval AND h.held
                     AND h.open_time >= {opens} AND h.open_time < {closes}))"""
    stored = _bucket(part, bucket, "candles", "final", " AND NOT r.held")
    rolled = _bucket(part, bucket, "rollups", "rows_final", "")

    def write(rows: str) -> str:
        return f"""
    INSERT INTO rollups AS known (symbol_id, interval, open_time, {_NAMES})
    SELECT of_symbol, '{interval}', {opens}, b.open, b.high, b.low, b.close, b.volume, b.quote_volume, b.trades,
           b.rows_final AND NOT {held}
    FROM ({rows}) AS b
    ON CONFLICT (symbol_id, interval, open_time) DO UPDATE SET ({_NAMES}) = ROW(excluded.open, excluded.high,
        excluded.low, excluded.close, excluded.volume, excluded.quote_volume, excluded.trades, excluded.rows_final)
    WHERE record_image_ne(
        ROW(known.open, known.high, known.low, known.close, known.volume, known.quote_volume, known.trades,
            known.rows_final),
        ROW(excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.quote_volume,
            excluded.trades, excluded.rows_final));"""

    if part == "1m":
        text = write(stored)
    elif part == "1d":
        text = f"\n    IF of_interval = '1d' THEN{write(stored)}\n    ELSE{write(rolled)}\n    END IF;"
    else:
        text = write(rolled)
    return f"""
IF {applies.replace("s.asset_type", "kind")} THEN
    since := {bucket.format("first AT TIME ZONE zone")} AT TIME ZONE zone;
    until := ({bucket.format("last AT TIME ZONE zone")} + interval '{length}') AT TIME ZONE zone;
    IF any_held THEN
        -- A bucket all of whose rows are held is no candle.
        DELETE FROM rollups AS r
        WHERE r.symbol_id = of_symbol AND r.interval = '{interval}' AND r.open_time >= since AND r.open_time < until
          AND NOT EXISTS (
              SELECT FROM candles AS c
              WHERE c.symbol_id = of_symbol AND c.interval = of_interval AND NOT c.held AND c.open_time >= r.open_time
                AND c.open_time < ((r.open_time AT TIME ZONE zone) + interval '{length}') AT TIME ZONE zone);
    END IF;{text}
END IF;"""


ROLL = f"""
CREATE FUNCTION roll(of_symbol integer, of_interval candle_interval, first timestamptz, last timestamptz)
RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    kind text; zone text; since timestamptz; until timestamptz; any_held boolean;
BEGIN
SELECT s.asset_type, CASE WHEN s.asset_type = 'stock' THEN s.timezone ELSE 'UTC' END INTO kind, zone
FROM symbols AS s WHERE s.id = of_symbol;
since := first - interval '32 days';
until := last + interval '32 days';
any_held := EXISTS (
    SELECT FROM candles AS h
    WHERE h.symbol_id = of_symbol AND h.interval = of_interval AND h.held
      AND h.open_time > since AND h.open_time < until
);{"".join(_level(*level) for level in _LEVELS)}
END $$
"""

ROLL_UP = """
CREATE FUNCTION roll_up(of_source text, spans json, answer bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span record; changed_first timestamptz; changed_last timestamptz;
BEGIN
    FOR span IN
        SELECT s.id, t.interval, t.first, t.until
        FROM json_to_recordset(spans) AS t (
            source_symbol text, interval candle_interval, first timestamptz, until timestamptz, by_split boolean
        )
        CROSS JOIN LATERAL (
            -- By its index: a join would read all symbols, however many there are.
            SELECT * FROM symbols AS o WHERE o.source = of_source AND o.source_symbol = t.source_symbol OFFSET 0
        ) AS s
        WHERE t.by_split IS NULL
        ORDER BY s.id, t.interval, t.first
    LOOP
        SELECT min(c.open_time), max(c.open_time) INTO changed_first, changed_last
        FROM candles AS c
        WHERE c.symbol_id = span.id AND c.interval = span.interval AND c.open_time >= span.first
          AND c.open_time <= span.until AND (answer IS NULL OR c.raw_id = answer);
        IF changed_first IS NOT NULL THEN
            PERFORM roll(span.id, span.interval, changed_first, changed_last);
        END IF;
    END LOOP;
END $$
"""

KEPT_SINCE = """
CREATE FUNCTION kept_since() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((
        SELECT CAST(max(month) + interval '1 month' AS timestamp) AT TIME ZONE 'UTC'
        FROM months WHERE retired_at IS NOT NULL
    ), '-infinity');
END $$
"""

ROLL_ANEW = """
CREATE FUNCTION roll_anew(of_symbol integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    -- Of retired months only what days make can be made again; the hours of their minutes stay as they are.
    DELETE FROM rollups AS r USING symbols AS s
    WHERE s.id = of_symbol AND r.symbol_id = of_symbol
      AND (r.open_time >= kept_since() OR s.asset_type = 'stock' AND r.interval IN ('1w', '1M'));
    FOR given IN
        SELECT c.interval, min(c.open_time) AS first, max(c.open_time) AS last
        FROM candles AS c WHERE c.symbol_id = of_symbol GROUP BY c.interval
    LOOP
        PERFORM roll(of_symbol, given.interval, given.first, given.last);
    END LOOP;
END $$
"""

FIRST_OPEN = """
CREATE FUNCTION first_open(of_symbol integer, of_interval candle_interval) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    since timestamptz; until timestamptz;
BEGIN
    IF of_interval = '1m' THEN
        -- The hours are in one table, also those of retired months: the first one after these says where to look.
        SELECT r.open_time, r.open_time + interval '1 hour' INTO since, until
        FROM rollups AS r
        WHERE r.symbol_id = of_symbol AND r.interval = '1h' AND r.open_time >= kept_since()
        ORDER BY r.open_time LIMIT 1;
    END IF;
    RETURN (
        SELECT c.open_time FROM candles AS c
        WHERE c.symbol_id = of_symbol AND c.interval = of_interval AND c.open_time >= coalesce(since, '-infinity')
          AND c.open_time < coalesce(until, 'infinity')
        ORDER BY c.open_time LIMIT 1
    );
END $$
"""

FIRST_PRICE = """
CREATE FUNCTION first_price(of_symbol integer, of_source text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF of_source IS NULL THEN
        RETURN (SELECT p.as_of FROM prices AS p WHERE p.symbol_id = of_symbol ORDER BY p.as_of LIMIT 1);
    END IF;
    RETURN (
        SELECT p.as_of
        FROM prices AS p
        JOIN symbols AS s ON s.id = p.symbol_id
        LEFT JOIN raw_objects AS o ON o.id = p.raw_id
        WHERE p.symbol_id = of_symbol AND coalesce(o.source, s.source) = of_source
        ORDER BY p.as_of LIMIT 1
    );
END $$
"""

FILL = "SELECT roll_anew(id) FROM symbols ORDER BY id"

COMMENTS = {
    "FUNCTION roll": "Makes the roll-ups of a symbol anew that hold its minutes, or days, of some time.",
    "FUNCTION kept_since": "Where the months end whose minutes were retired.",
    "FUNCTION roll_anew": "Rolls up all that is stored of a symbol, from nothing.",
    "FUNCTION first_open": "The first candle of a symbol at an interval that sources give.",
    "FUNCTION first_price": "The first price of a symbol, or the first that a source said of it.",
    "FUNCTION roll_up": "Rolls up what an answer changed in some spans. Without an answer: all that is in them.",
}


def upgrade() -> None:
    for statement in (ROLL, ROLL_UP, KEPT_SINCE, ROLL_ANEW, FIRST_OPEN, FIRST_PRICE, FILL):
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
