"""Judge within reach: the functions that hold rows back look at the months that they need, and tell the roll-ups.

Other than before, a look stops where rows are too old to be compared with, and what is held or released since is rolled
up anew. Plans are generic: they are made once a session, and leave partitions out when they run.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_JUDGE = """
CREATE OR REPLACE FUNCTION {name}(of_source text, spans json, bounds json, answer bigint)
RETURNS TABLE (symbol text, of_interval candle_interval, moment timestamptz, price numeric, reference numeric,
               raw_key text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    lowest timestamptz; highest timestamptz; flipped_first timestamptz; flipped_last timestamptz;
    span record; c record; splits actions[]; split actions;
    up numeric; down numeric; last_moment timestamptz; last_close numeric; last_up numeric; last_down numeric;
    too_high boolean; too_low boolean;
BEGIN
    -- What is further away is too old to be compared with: months beyond it are left out before the plan runs.
    SELECT min(t.first - t.look_back), max(t.until + t.look_back) INTO lowest, highest
    FROM json_to_recordset(spans) AS t (first timestamptz, until timestamptz, look_back interval);
    FOR span IN
        -- Where nothing is far from anything every row stays served: that is how nearly every load ends. What is held
        -- and what forms is nobody's reference, so the neighbours are the last and the next final row that is served.
        SELECT s.id, s.symbol, t.*, w.start, CAST(bounds ->> s.asset_type AS numeric) AS bound
        FROM json_to_recordset(spans) AS t (
            source_symbol text, interval candle_interval, first timestamptz, until timestamptz, look_back interval,
            by_split boolean
        )
        CROSS JOIN LATERAL (
            -- By its index: a join would read all symbols, however many there are.
            SELECT * FROM symbols AS o WHERE o.source = of_source AND o.source_symbol = t.source_symbol OFFSET 0
        ) AS s
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT r.{moment} FROM {table} AS r
                             WHERE {key} AND r.{moment} < t.first AND r.{moment} >= lowest AND {served}
                             ORDER BY r.{moment} DESC LIMIT 1), t.first) AS start,
                   coalesce((SELECT r.{moment} FROM {table} AS r
                             WHERE {key} AND r.{moment} > t.until AND r.{moment} <= highest AND {served}
                             ORDER BY r.{moment} LIMIT 1), highest) AS behind
            OFFSET 0
        ) AS w
        CROSS JOIN LATERAL (
            SELECT min(r.{low}) AS low, max(r.{high}) AS high, bool_or(r.held) AS any_held, min(r.observed_at) AS oldest
            FROM {table} AS r
            WHERE {key} AND r.{moment} >= w.start AND r.{moment} <= w.behind
              AND r.{moment} >= lowest AND r.{moment} <= highest
        ) AS seen
        WHERE (seen.any_held OR seen.high > CAST(bounds ->> s.asset_type AS numeric) * seen.low
               OR s.asset_type = 'stock' AND EXISTS (
                   SELECT FROM actions AS a
                   WHERE a.symbol_id = s.id AND a.kind = 'split' AND a.effective > seen.oldest))
          -- Charts of days repeat a split for as long as they reach back to it: only who says it first changes a basis.
          AND (t.by_split IS NULL OR EXISTS (
                   SELECT FROM actions AS a WHERE a.symbol_id = s.id AND a.kind = 'split' AND a.raw_id = answer))
        ORDER BY s.id, t.interval, t.first
    LOOP
        SELECT array_agg(a) INTO splits FROM actions AS a WHERE a.symbol_id = span.id AND a.kind = 'split';
        -- The first row has no reference: it is the last one served, or none that is served is before it.
        last_close := NULL; flipped_first := NULL;
        FOR c IN
            SELECT r.{moment} AS moment, r.{low} AS low, r.{high} AS high, r.{close} AS close, {final} AS final,
                   r.held, r.observed_at, r.raw_id
            FROM {table} AS r WHERE {row} AND r.{moment} >= span.start ORDER BY r.{moment}
        LOOP
            up := 1; down := 1;
            IF splits IS NOT NULL THEN
                FOREACH split IN ARRAY splits LOOP
                    IF split.effective > c.observed_at THEN
                        up := up * split.numerator; down := down * split.denominator;
                    END IF;
                END LOOP;
            END IF;
            too_high := false; too_low := false;
            IF last_close IS NOT NULL AND c.moment - last_moment <= span.look_back THEN
                too_high := c.high * down * last_up > span.bound * last_close * last_down * up;
                too_low := c.low * down * last_up * span.bound < last_close * last_down * up;
            END IF;
            IF c.held <> (too_high OR too_low) THEN
                UPDATE {table} AS r SET held = NOT c.held WHERE {row} AND r.{moment} = c.moment;
                flipped_first := coalesce(flipped_first, c.moment); flipped_last := c.moment;
            END IF;
            IF (too_high OR too_low) AND (NOT c.held OR c.raw_id = answer) THEN
                symbol := span.symbol; of_interval := span.interval; moment := c.moment; reference := last_close;
                price := CASE WHEN too_high THEN c.high ELSE c.low END;
                raw_key := (SELECT o.key FROM raw_objects AS o WHERE o.id = c.raw_id);
                RETURN NEXT;
            END IF;
            IF c.final AND NOT too_high AND NOT too_low THEN
                -- Behind the span, a row that was served and stays so leaves everything after it as it is.
                EXIT WHEN c.moment > span.until AND NOT c.held;
                last_moment := c.moment; last_close := c.close; last_up := up; last_down := down;
            END IF;
        END LOOP;{behind}
    END LOOP;
END $$
"""

CANDLES = _JUDGE.format(
    name="judge_candles",
    table="candles",
    key="r.symbol_id = s.id AND r.interval = t.interval",
    row="r.symbol_id = span.id AND r.interval = span.interval",
    moment="open_time",
    low="low",
    high="high",
    close="close",
    final="r.final",
    served="r.final AND NOT r.held",
    behind="""
        IF flipped_first IS NOT NULL THEN
            PERFORM roll(span.id, span.interval, flipped_first, flipped_last);
        END IF;""",
)
PRICES = _JUDGE.format(
    name="judge_prices",
    table="prices",
    key="r.symbol_id = s.id",
    row="r.symbol_id = span.id",
    moment="as_of",
    low="price",
    high="price",
    close="price",
    final="true",
    served="NOT r.held",
    behind="",
)


def upgrade() -> None:
    for statement in (CANDLES, PRICES):
        op.execute(statement)
