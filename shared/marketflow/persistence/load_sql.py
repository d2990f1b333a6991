"""The statement of the load path, put together for what a payload has; what it promises is said in loader.py.

Only for what it has: every load is planned anew, and each part of the statement that it does not need costs time.
"""

from __future__ import annotations

from functools import cache

from marketflow.persistence import load_candles_sql, load_rows_sql
from marketflow.persistence.coverage_sql import ASKED, SESSIONS

LOCK = """
SELECT FROM symbols WHERE source = :source AND source_symbol = ANY(CAST(:names AS text[]))
ORDER BY id FOR NO KEY UPDATE
"""
"""Before rows of these symbols are loaded and judged: the next statement sees what the holder before it stored.

In the order of their ids, so that no two loads wait for each other.
"""

_RAW_OBJECT = """raw_object AS (
    INSERT INTO raw_objects (id, key, source, dataset, received_at)
    VALUES (CAST(:raw_id AS bigint), :raw_key, :source, :dataset, CAST(:observed_at AS timestamptz))
    ON CONFLICT DO NOTHING
)"""

_MISFITS = {
    "candles": load_candles_sql.MISFITS,
    "prices": """
    SELECT position, source_symbol, currency, quote_currency, CAST(to_json(p) AS text) AS row_text
    FROM price_rows AS p WHERE fits IS NOT TRUE""",
    "actions": """
    SELECT position, source_symbol, currency, NULL AS quote_currency,
           CAST(to_jsonb(a) - 'symbol_id' AS text) AS row_text
    FROM action_rows AS a WHERE symbol_id IS NULL""",
}
_NO_MISFITS = """
    SELECT 0 AS position, '' AS source_symbol, '' AS currency, '' AS quote_currency, '' AS row_text WHERE false"""

_QUARANTINED = """quarantined AS (
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
    RETURNING reason
)"""

_REASONS = """(SELECT coalesce(json_object_agg(reason, rows), '{}')
 FROM (SELECT reason, count(*) AS rows FROM quarantined GROUP BY reason) AS counted)"""

_MOMENTS = {
    "candles": load_candles_sql.NEWEST,
    "prices": "SELECT as_of AS moment FROM good_prices",
}

_STATUS = """status AS (
    INSERT INTO source_status AS known (source, last_loaded_at, newest_data_at)
    SELECT :source, now(), moment FROM (SELECT max(moment) AS moment FROM ({moments}) AS moments) AS newest
    WHERE moment IS NOT NULL
    ON CONFLICT (source) DO UPDATE SET
        last_loaded_at = greatest(known.last_loaded_at, excluded.last_loaded_at),
        newest_data_at = greatest(known.newest_data_at, excluded.newest_data_at),
        updated_at = now()
)"""

_ROWS = {
    "candles": load_candles_sql.ROWS,
    "prices": load_rows_sql.PRICE_ROWS,
    "actions": load_rows_sql.ACTION_ROWS,
}
_WRITES = {
    "candles": load_candles_sql.WRITES,
    "prices": load_rows_sql.PRICE_WRITES,
    "actions": load_rows_sql.ACTION_WRITES,
    "asked": ASKED.rstrip() + "\n)",
    "sessions": SESSIONS.rstrip() + "\n)",
}
_COUNTS = {
    "candles": load_candles_sql.COUNTS,
    "prices": load_rows_sql.PRICE_COUNTS,
    "actions": load_rows_sql.ACTION_COUNTS,
}
_NONE = {"candles": "SELECT 0, 0, 0", "prices": "SELECT 0, 0", "actions": "SELECT 0, 0"}


@cache
def load(parts: frozenset[str], *, page: bool = False) -> str:
    """The statement for a payload that has these parts: candles, prices, actions, asked, sessions.

    `page` says that it has more candles than `load_candles_sql.FEW`: the same is done in a way that is for many.

    It has the parameters `raw_id`, `raw_key`, `source`, `dataset`, `observed_at`, `rejects`, one for each part, `owner`
    and `names` (every spelling in any part) where there is a part, and the bounds of candles and of prices. It answers
    how many candles are good, were written, and need `load_candles_sql.CORRECT`; how many prices and actions are good
    and were written; how many rows were refused, by reason.
    """
    steps = [
        *([load_candles_sql.NAMED] if parts else []),
        _RAW_OBJECT,
        *(text for part, text in _ROWS.items() if part in parts),
    ]
    misfits = [text for part, text in _MISFITS.items() if part in parts] or [_NO_MISFITS]
    steps.append(f"misfits AS ({' UNION ALL '.join(misfits)}\n)")
    writes = _WRITES | {"candles": load_candles_sql.PAGE_WRITES} if page else _WRITES
    steps += [text for part, text in writes.items() if part in parts]
    steps.append(_QUARANTINED)
    moments = [text for part, text in _MOMENTS.items() if part in parts]
    if moments:
        steps.append(_STATUS.format(moments=" UNION ALL ".join(moments)))
    counts = [f"({text if part in parts else _NONE[part]}) AS {part}" for part, text in _COUNTS.items()]
    return f"WITH {', '.join(steps)}\nSELECT * FROM {', '.join(counts)}, {_REASONS} AS refused"


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
