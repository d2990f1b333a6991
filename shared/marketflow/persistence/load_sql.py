"""The statements of the load path; what they promise is said in loader.py and proved by its tests."""

from __future__ import annotations

from functools import cache

from marketflow.persistence.coverage_sql import ASKED, SESSIONS

_LOAD = """
WITH raw_object AS (
    INSERT INTO raw_objects (id, key, source, dataset, received_at)
    VALUES (CAST(:raw_id AS bigint), :raw_key, :source, :dataset, CAST(:observed_at AS timestamptz))
    ON CONFLICT DO NOTHING
), candle_rows AS MATERIALIZED (
    SELECT r.*, s.id AS symbol_id, s.quote_currency, coalesce(r.currency, s.quote_currency) = s.quote_currency AS fits
    FROM json_to_recordset(CAST(:candles AS json)) AS r (
        position integer, source_symbol text, currency text, interval candle_interval, open_time timestamptz,
        open numeric, high numeric, low numeric, close numeric, volume numeric, quote_volume numeric, trades bigint,
        final boolean
    )
    LEFT JOIN symbols AS s ON s.source = :source AND s.source_symbol = r.source_symbol
), price_rows AS MATERIALIZED (
    SELECT r.*, s.id AS symbol_id, s.quote_currency, coalesce(r.currency, s.quote_currency) = s.quote_currency AS fits
    FROM json_to_recordset(CAST(:prices AS json)) AS r (
        position integer, source_symbol text, currency text, as_of timestamptz, price numeric
    )
    LEFT JOIN symbols AS s ON s.source = :source AND s.source_symbol = r.source_symbol
), action_rows AS MATERIALIZED (
    -- A dividend may be paid in another currency than the share is quoted in.
    SELECT r.*, s.id AS symbol_id
    FROM json_to_recordset(CAST(:actions AS json)) AS r (
        position integer, source_symbol text, kind text, effective timestamptz, amount numeric, currency text,
        numerator numeric, denominator numeric
    )
    LEFT JOIN symbols AS s ON s.source = :source AND s.source_symbol = r.source_symbol
), good_candles AS MATERIALIZED (
    -- Of a key that stands twice in one payload the final row counts, then the last one.
    SELECT DISTINCT ON (symbol_id, interval, open_time) *
    FROM candle_rows WHERE fits
    ORDER BY symbol_id, interval, open_time, final DESC, position DESC
), good_prices AS MATERIALIZED (
    SELECT DISTINCT ON (symbol_id, as_of) *
    FROM price_rows WHERE fits
    ORDER BY symbol_id, as_of, position DESC
), good_actions AS MATERIALIZED (
    SELECT DISTINCT ON (symbol_id, kind, effective) *
    FROM action_rows WHERE symbol_id IS NOT NULL
    ORDER BY symbol_id, kind, effective, position
), written_candles AS (
    -- In key order, so that two loads lock the rows that they share in the same order.
    INSERT INTO candles (
        symbol_id, interval, open_time, open, high, low, close, volume, quote_volume, trades, final, observed_at, raw_id
    )
    SELECT symbol_id, interval, open_time, open, high, low, close, volume, quote_volume, trades, final,
           CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)
    FROM good_candles ORDER BY symbol_id, interval, open_time
    ON CONFLICT (symbol_id, interval, open_time) DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, quote_volume = excluded.quote_volume, trades = excluded.trades,
        final = excluded.final, observed_at = excluded.observed_at, raw_id = excluded.raw_id
    WHERE (candles.final, candles.observed_at) < (excluded.final, excluded.observed_at)
      -- A final candle that is said again is not rewritten. A forming one is, to remember how new its values are:
      -- otherwise an answer between the two, coming late, would put its own values back.
      AND (
          NOT candles.final
          OR (candles.open, candles.high, candles.low, candles.close,
              candles.volume, candles.quote_volume, candles.trades)
             IS DISTINCT FROM
             (excluded.open, excluded.high, excluded.low, excluded.close,
              excluded.volume, excluded.quote_volume, excluded.trades)
             -- It was said again since: the row does not tell, but the newest answer does.
             AND NOT EXISTS (
                 SELECT FROM newest_answers AS n
                 WHERE n.symbol_id = excluded.symbol_id AND n.interval = excluded.interval
                   AND n.observed_at > excluded.observed_at AND n.said @> excluded.open_time
             )
      )
    RETURNING 1
), newest_answer AS (
    INSERT INTO newest_answers AS known (symbol_id, interval, observed_at, said)
    SELECT g.symbol_id, g.interval, CAST(:observed_at AS timestamptz), range_agg(tstzrange(
        g.open_time, g.open_time + CAST(CASE g.interval WHEN '1m' THEN '1 minute' ELSE '1 hour' END AS interval)
    ))
    FROM good_candles AS g WHERE g.final GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (symbol_id, interval) DO UPDATE SET observed_at = excluded.observed_at, said = excluded.said
    WHERE known.observed_at < excluded.observed_at
), written_prices AS (
    INSERT INTO prices (symbol_id, as_of, price, observed_at, raw_id)
    SELECT symbol_id, as_of, price, CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)
    FROM good_prices ORDER BY symbol_id, as_of
    ON CONFLICT (symbol_id, as_of) DO UPDATE SET
        price = excluded.price, observed_at = excluded.observed_at, raw_id = excluded.raw_id
    WHERE prices.observed_at < excluded.observed_at AND prices.price <> excluded.price
    RETURNING 1
), written_actions AS (
    INSERT INTO actions (
        symbol_id, kind, effective, amount, currency, numerator, denominator, observed_at, raw_id
    )
    SELECT symbol_id, kind, effective, amount, currency, numerator, denominator,
           CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)
    FROM good_actions ORDER BY symbol_id, kind, effective
    ON CONFLICT (symbol_id, kind, effective) DO UPDATE SET
        amount = excluded.amount, currency = excluded.currency,
        numerator = excluded.numerator, denominator = excluded.denominator,
        observed_at = excluded.observed_at, raw_id = excluded.raw_id
    WHERE actions.observed_at < excluded.observed_at
      -- As with final candles: observed_at stays that of the first answer with these values, which says for which
      -- splits the source had adjusted them, also when it is late with the newest.
      AND (actions.amount, actions.currency, actions.numerator, actions.denominator) IS DISTINCT FROM
          (excluded.amount, excluded.currency, excluded.numerator, excluded.denominator)
    RETURNING 1
), misfits AS (
    SELECT position, source_symbol, currency, quote_currency,
           CAST(to_jsonb(c) - CAST('{symbol_id,quote_currency,fits}' AS text[]) AS text) AS row_text
    FROM candle_rows AS c WHERE fits IS NOT TRUE
    UNION ALL
    SELECT position, source_symbol, currency, quote_currency, CAST(to_json(p) AS text)
    FROM price_rows AS p WHERE fits IS NOT TRUE
    UNION ALL
    SELECT position, source_symbol, currency, NULL, CAST(to_jsonb(a) - 'symbol_id' AS text)
    FROM action_rows AS a WHERE symbol_id IS NULL
), quarantined AS (
    INSERT INTO quarantine (
        raw_id, position, reason, symbol, detail, row_text, raw_key, source, dataset, observed_at
    )
    SELECT CAST(:raw_id AS bigint), position, reason, source_symbol, detail, row_text, :raw_key, :source, :dataset,
           CAST(:observed_at AS timestamptz)
    FROM (
        SELECT position, reason, source_symbol, detail, row_text
        FROM json_to_recordset(CAST(:rejects AS json)) AS r (
            position integer, reason text, source_symbol text, detail text, row_text text
        )
        UNION ALL
        SELECT position, 'unknown_symbol', source_symbol, 'No symbol of this source is spelled so.', row_text
        FROM misfits WHERE quote_currency IS NULL
        UNION ALL
        SELECT position, 'wrong_currency', source_symbol,
               'The source quotes in ' || currency || ', the symbol is in ' || quote_currency || '.', row_text
        FROM misfits WHERE quote_currency IS NOT NULL
    ) AS refused
    ORDER BY position, reason
    ON CONFLICT DO NOTHING
    RETURNING 1
), newest AS (
    SELECT max(moment) AS moment
    FROM (SELECT open_time AS moment FROM good_candles UNION ALL SELECT as_of FROM good_prices) AS moments
), status AS (
    INSERT INTO source_status AS known (source, last_loaded_at, newest_data_at)
    SELECT :source, now(), moment FROM newest WHERE moment IS NOT NULL
    ON CONFLICT (source) DO UPDATE SET
        last_loaded_at = greatest(known.last_loaded_at, excluded.last_loaded_at),
        newest_data_at = greatest(known.newest_data_at, excluded.newest_data_at),
        updated_at = now()
)
SELECT (SELECT count(*) FROM good_candles), (SELECT count(*) FROM written_candles),
       (SELECT count(*) FROM good_prices), (SELECT count(*) FROM written_prices),
       (SELECT count(*) FROM good_actions), (SELECT count(*) FROM written_actions),
       (SELECT count(*) FROM quarantined)
"""


LOCK = """
SELECT FROM symbols WHERE source = :source AND source_symbol = ANY(CAST(:names AS text[])) ORDER BY id FOR NO KEY UPDATE
"""
"""Loads of one symbol run one after the other: what is judged behind a load needs all that was loaded before."""


@cache
def load(*, asked: bool, sessions: bool) -> str:
    """The statement for a payload, with `:asked` and `:sessions` only where it has some: planning each costs time."""
    parts = [part for part, wanted in ((ASKED, asked), (SESSIONS, sessions)) if wanted]
    return _LOAD.replace("), newest AS (", "".join(f"), {part}" for part in parts) + "), newest AS (")


REPORT = """
INSERT INTO source_status AS known (
    source, last_fetch_at, last_success_at, next_due_at, last_error_at, last_error, budget_used, budget_limit,
    outages
)
VALUES (
    :source, CAST(:finished_at AS timestamptz), CAST(:last_success_at AS timestamptz),
    CAST(:next_due_at AS timestamptz),
    CASE WHEN CAST(:last_error AS text) IS NOT NULL THEN CAST(:finished_at AS timestamptz) END,
    CAST(:last_error AS text), CAST(:budget_used AS integer), CAST(:budget_limit AS integer),
    CAST(:outage AS tstzmultirange)
)
ON CONFLICT (source) DO UPDATE SET
    -- Reports may come late: each of these is a time that only moves forward, or belongs to one that did.
    last_fetch_at = greatest(known.last_fetch_at, excluded.last_fetch_at),
    last_success_at = greatest(known.last_success_at, excluded.last_success_at),
    last_error_at = greatest(known.last_error_at, excluded.last_error_at),
    last_error = CASE WHEN known.last_error_at IS NULL OR known.last_error_at <= excluded.last_error_at
                      THEN excluded.last_error ELSE known.last_error END,
    next_due_at = CASE WHEN known.last_fetch_at IS NULL OR known.last_fetch_at <= excluded.last_fetch_at
                       THEN excluded.next_due_at ELSE known.next_due_at END,
    (budget_used, budget_limit) = (
        SELECT CASE WHEN newer THEN excluded.budget_used ELSE known.budget_used END,
               CASE WHEN newer THEN excluded.budget_limit ELSE known.budget_limit END
        FROM (SELECT excluded.budget_used IS NOT NULL
                     AND (known.last_fetch_at IS NULL OR known.last_fetch_at <= excluded.last_fetch_at) AS newer) AS age
    ),
    outages = known.outages + excluded.outages,
    updated_at = now()
"""
