# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""How the load path writes candles: so that they follow from the set of the answers, whatever the order of arrival.

For one candle, sort everything final that was ever said by (observed_at, raw_id) and take equal neighbours together: a
run. The last run stands in `candles` with its first answer, each earlier one in `revisions` in the same way. Where a
run is said again nothing is written but the answer's line in `answers`. That line matters when an answer comes late and
says something else: the run that it falls into breaks in two, and the second part begins with the first later answer
that said the candle.

Values are compared to the digit: 1.0 and 1.00 are two texts of a vendor, and a run has the text of its first. The
statement before this one locks the symbols (`load_sql.LOCK`): nobody else writes to these candles meanwhile.
"""

from __future__ import annotations

_NAMES = ("open", "high", "low", "close", "volume", "quote_volume", "trades")
_VALUES = ", ".join(_NAMES)
_KEY = "symbol_id, interval, open_time"
_NOW = "CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)"


def _all(row: str, prefix: str = "") -> str:
    return ", ".join(f"{row}.{prefix}{name}" for name in _NAMES)


def _differ(values: str, others: str) -> str:
    """A SQL expression: whether they differ in any digit, or in what is null."""
    return f"record_image_ne(ROW({values}), ROW({others}))"


def _same_key(row: str) -> str:
    return " AND ".join(f"c.{name} = {row}.{name}" for name in ("symbol_id", "interval", "open_time"))


def _rows(series: str, more: str) -> str:
    """A query: a row for each candle of the `series`. Arrays in the list of columns come apart without a copy."""
    columns = ", ".join(f"unnest(s.{name}) AS {name}" for name in ("position", *_NAMES, "final"))
    return f"SELECT {more}, s.interval, to_timestamp(unnest(s.open_time)) AS open_time, {columns} FROM {series}"


NAMED = """named AS MATERIALIZED (
    -- Looked up once, and through the index: of a source with ten thousand symbols a join would read them all.
    SELECT id, symbol, source_symbol, quote_currency, exchange
    FROM symbols WHERE source = :owner AND source_symbol = ANY(CAST(:names AS text[]))
)"""

ROWS = """series AS MATERIALIZED (
    SELECT r.*, s.id AS symbol_id, s.quote_currency, coalesce(r.currency, s.quote_currency) = s.quote_currency AS fits
    FROM json_to_recordset(CAST(:candles AS json)) AS r (
        source_symbol text, currency text, interval candle_interval, newest timestamptz, said tstzmultirange,
        position integer[], open_time bigint[], open numeric[], high numeric[], low numeric[], close numeric[],
        volume numeric[], quote_volume numeric[], trades bigint[], final boolean[]
    )
    LEFT JOIN named AS s ON s.source_symbol = r.source_symbol
)"""

MISFITS = f"""
    SELECT position, source_symbol, currency, quote_currency, CAST(to_jsonb(c) - 'quote_currency' AS text) AS row_text
    FROM ({_rows("series AS s WHERE s.fits IS NOT TRUE", "s.source_symbol, s.currency, s.quote_currency")}) AS c"""

NEWEST = "SELECT newest AS moment FROM series WHERE fits"

_NEAR = """c.interval = ANY(CAST(:intervals AS candle_interval[]))
              AND c.open_time BETWEEN CAST(:first_open AS timestamptz) AND CAST(:last_open AS timestamptz)"""
"""What is true of every candle that the answer has: by it a plan leaves out partitions before it runs."""


def _stored(row: str, also: str = "true") -> str:
    """A query: the stored candle with the key of `row`, which is looked up alone, through the index, at any size.

    Who plans a join may believe that a table is small which has just grown, and read all of it for each row.
    """
    columns = f"c.symbol_id, c.interval, c.open_time, {_all('c')}, c.final, c.observed_at, c.raw_id"
    return f"SELECT {columns} FROM candles AS c WHERE {_same_key(row)} AND {_NEAR} AND {also} OFFSET 0"


def _put(rows: str) -> str:
    """A statement that replaces stored candles by `rows`, a query; for the reason of `_stored` it is no UPDATE."""
    return f"""INSERT INTO candles ({_KEY}, {_VALUES}, final, observed_at, raw_id)
    {rows}
    ON CONFLICT ({_KEY}) DO UPDATE SET
        ({_VALUES}, final, observed_at, raw_id) =
        ROW({_all("excluded")}, excluded.final, excluded.observed_at, excluded.raw_id)"""


_KNOWN = f"""known AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM series AS s CROSS JOIN LATERAL (
            SELECT FROM candles AS c WHERE c.symbol_id = s.symbol_id AND c.interval = s.interval AND {_NEAR} LIMIT 1
        ) AS c
    ) AS found
)"""


def _judged(stored: str) -> str:
    """The good candles, each beside what is `stored` under its key: a query about a row `g`."""
    return f"""good_candles AS (
    -- Of a key that stands twice in one payload the final row counts, then the last one.
    SELECT DISTINCT ON ({_KEY}) {_KEY}, {_VALUES}, final
    FROM ({_rows("series AS s WHERE s.fits", "s.symbol_id")}) AS c
    ORDER BY {_KEY}, final DESC, position DESC
), judged_candles AS MATERIALIZED (
    SELECT g.*,
           c.final IS NULL AS fresh,
           -- A forming row is written again to remember how new its values are: otherwise an answer between the two,
           -- coming late, would put its own values back.
           NOT c.final AND (
               g.final OR ((c.observed_at, c.raw_id) <= ({_NOW})
                           AND {_differ("c.observed_at, c.raw_id, " + _all("c"), f"{_NOW}, " + _all("g"))})
           ) AS ripened,
           c.final IS TRUE AND g.final AND (
               ({_NOW}) < (c.observed_at, c.raw_id) OR {_differ(_all("c"), _all("g"))}
           ) AS odd
    FROM good_candles AS g
    LEFT JOIN LATERAL ({stored}) AS c ON true
)"""


_WRITTEN = f"""fresh_candles AS (
    -- Without ON CONFLICT, which takes a tenth longer: nobody else adds candles to a symbol that is locked.
    INSERT INTO candles ({_KEY}, {_VALUES}, final, observed_at, raw_id)
    SELECT {_KEY}, {_VALUES}, final, {_NOW} FROM judged_candles WHERE fresh
), ripened_candles AS (
    {_put(f"SELECT {_KEY}, {_VALUES}, final, {_NOW} FROM judged_candles WHERE ripened")}
)"""

_BUT_ODD = """range_agg(s.said) - coalesce((
        SELECT range_agg(tstzrange(o.open_time, o.open_time + CAST(
            CASE o.interval WHEN '1m' THEN '1 minute' ELSE '1 hour' END AS interval
        )))
        FROM judged_candles AS o WHERE o.odd AND o.symbol_id = s.symbol_id AND o.interval = s.interval
    ), '{}')"""
"""A SQL expression: what `loader` says of all final candles of the series `s`, less the odd ones in the same words."""


def _said(said: str = "range_agg(s.said)") -> str:
    """What the answer says of final candles: a SQL expression for those of a symbol and interval."""
    return f"""said AS (
    INSERT INTO answers AS known (symbol_id, interval, observed_at, raw_id, said)
    SELECT symbol_id, interval, {_NOW}, said
    FROM (
        SELECT s.symbol_id, s.interval, {said} AS said
        FROM series AS s WHERE s.fits GROUP BY 1, 2 OFFSET 0
    ) AS a
    WHERE NOT isempty(said) ORDER BY 1, 2
    ON CONFLICT (symbol_id, interval, observed_at, raw_id) DO UPDATE SET said = known.said + excluded.said
    WHERE NOT known.said @> excluded.said
)"""


def _before(behind: str) -> str:
    """A query: the run of the candle `c` that began last before this answer (`<`), or with it (`<=`)."""
    return f"""SELECT * FROM (
            SELECT c.observed_at, c.raw_id, {_all("c")} WHERE (c.observed_at, c.raw_id) {behind} ({_NOW})
            UNION ALL (
                SELECT r.observed_at, r.raw_id, {_all("r")} FROM revisions AS r
                WHERE {_same_key("r")} AND (r.observed_at, r.raw_id) {behind} ({_NOW})
                ORDER BY r.observed_at DESC, r.raw_id DESC LIMIT 1
            )
        ) AS x ORDER BY x.observed_at DESC, x.raw_id DESC LIMIT 1"""


def _run(row: str, prefix: str) -> str:
    """A list of columns: a run's answer and values, with a `prefix`."""
    values = ", ".join(f"{row}.{name} AS {prefix}_{name}" for name in _NAMES)
    return f"{row}.observed_at AS {prefix}_at, {row}.raw_id AS {prefix}_raw, {values}"


_CORRECTED = f"""around AS MATERIALIZED (
    -- Of each candle about which something else is said, or said earlier: `c` is what is stored, `f` the run in force
    -- at that moment, `b` the one that began before it, `n` the next one, and `s` the first later answer of the run in
    -- force.
    SELECT c.symbol_id, c.interval, c.open_time, {_run("c", "c")}, {_run("b", "b")}, {_run("n", "n")},
           {", ".join(f"o.{name} AS o_{name}" for name in _NAMES)},
           s.observed_at AS s_at, s.raw_id AS s_raw, {", ".join(f"f.{name} AS s_{name}" for name in _NAMES)},
           b.observed_at IS NULL OR {_differ(_all("b"), _all("o"))} AS keep_o,
           s.observed_at IS NOT NULL AND {_differ(_all("f"), _all("o"))} AS keep_s,
           n.observed_at IS NOT NULL AND (
               CASE WHEN s.observed_at IS NULL THEN {_differ(_all("n"), _all("o"))}
                    ELSE {_differ(_all("n"), _all("f"))} END
           ) AS keep_n,
           n.observed_at IS NULL OR n.last AS tail
    FROM judged_candles AS o
    CROSS JOIN LATERAL ({_stored("o")}) AS c
    LEFT JOIN LATERAL (
        {_before("<=")}
    ) AS f ON true
    LEFT JOIN LATERAL (
        {_before("<")}
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT c.observed_at, c.raw_id, {_all("c")}, true AS last WHERE (c.observed_at, c.raw_id) > ({_NOW})
            UNION ALL (
                SELECT r.observed_at, r.raw_id, {_all("r")}, false FROM revisions AS r
                WHERE {_same_key("r")} AND (r.observed_at, r.raw_id) > ({_NOW})
                ORDER BY r.observed_at, r.raw_id LIMIT 1
            )
        ) AS x ORDER BY x.observed_at, x.raw_id LIMIT 1
    ) AS n ON true
    LEFT JOIN LATERAL (
        SELECT a.observed_at, a.raw_id FROM answers AS a
        WHERE a.symbol_id = c.symbol_id AND a.interval = c.interval AND a.said @> c.open_time
          AND (a.observed_at, a.raw_id) > ({_NOW})
          AND (n.observed_at IS NULL OR (a.observed_at, a.raw_id) < (n.observed_at, n.raw_id))
          AND f.observed_at IS NOT NULL
        ORDER BY a.observed_at, a.raw_id LIMIT 1
    ) AS s ON true
    WHERE o.odd AND (f.observed_at IS NULL OR {_differ(_all("f"), _all("o"))})
), runs AS MATERIALIZED (
    SELECT a.symbol_id, a.interval, a.open_time, r.*,
           a.tail AND r.kept AND r.n = max(r.n) FILTER (WHERE r.kept) OVER (
               PARTITION BY a.symbol_id, a.interval, a.open_time
           ) AS last,
           {_differ(f"a.c_at, a.c_raw, {_all('a', 'c_')}", f"r.observed_at, r.raw_id, {_all('r')}")} AS moves,
           {_differ(_all("a", "c_"), _all("r"))} AS changes
    FROM around AS a CROSS JOIN LATERAL (
        VALUES (1, a.b_at, a.b_raw, true, {_all("a", "b_")}),
               (2, {_NOW}, a.keep_o, {_all("a", "o_")}),
               (3, a.s_at, a.s_raw, a.keep_s, {_all("a", "s_")}),
               (4, a.n_at, a.n_raw, a.keep_n, {_all("a", "n_")})
    ) AS r (n, observed_at, raw_id, kept, {_VALUES})
    WHERE r.observed_at IS NOT NULL
), moved AS (
    {_put(f"SELECT {_KEY}, {_VALUES}, true, observed_at, raw_id FROM runs WHERE last AND moves")}
), kept_runs AS (
    INSERT INTO revisions AS c (symbol_id, interval, open_time, observed_at, raw_id, {_VALUES})
    SELECT symbol_id, interval, open_time, observed_at, raw_id, {_VALUES}
    FROM runs WHERE kept AND NOT last
    ON CONFLICT (symbol_id, interval, open_time, observed_at, raw_id) DO UPDATE SET
        ({_VALUES}) = ROW({_all("excluded")})
    WHERE {_differ(_all("c"), _all("excluded"))}
), dropped_runs AS (
    DELETE FROM revisions AS c USING runs AS r
    WHERE {_same_key("r")} AND c.observed_at = r.observed_at AND c.raw_id = r.raw_id AND (r.last OR NOT r.kept)
)"""

_OUTCOME = f"{_WRITTEN}, {_said(_BUT_ODD)}"

WRITES = f"{_judged(_stored('g'))}, {_OUTCOME}"
"""Everything but the odd ones, which are as good as not said until CORRECT was run."""

PAGE_WRITES = f"{_KNOWN}, {_judged(_stored('g', '(SELECT found FROM known)'))}, {_OUTCOME}"
"""The same for more than FEW rows: none is looked up where nothing is stored between the first and the last of them."""

FEW = 64
"""So many candles are looked up in less time than it takes to plan the question whether any is stored."""

COUNTS = "SELECT count(*), count(*) FILTER (WHERE fresh OR ripened), count(*) FILTER (WHERE odd) FROM judged_candles"

CORRECT = f"""
WITH {NAMED}, {ROWS}, {_judged(_stored("g"))}, {_CORRECTED}, {_said()}
SELECT count(*) FROM runs WHERE last AND changes
"""
"""For an answer with an odd candle, one about which something else is stored: answers how many have other values now.

Apart from the rest, because planning it takes as long as loading a minute. What was loaded since changes nothing: the
candles are judged anew.
"""
