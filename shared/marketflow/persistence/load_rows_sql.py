"""How the load path writes prices and corporate actions: the newest answer counts, whatever the order of arrival."""

from __future__ import annotations

PRICE_ROWS = """price_rows AS MATERIALIZED (
    SELECT r.*, s.id AS symbol_id, s.quote_currency, coalesce(r.currency, s.quote_currency) = s.quote_currency AS fits
    FROM json_to_recordset(CAST(:prices AS json)) AS r (
        position integer, source_symbol text, currency text, as_of timestamptz, price numeric
    )
    LEFT JOIN named AS s ON s.source_symbol = r.source_symbol
), good_prices AS MATERIALIZED (
    SELECT DISTINCT ON (symbol_id, as_of) *
    FROM price_rows WHERE fits
    ORDER BY symbol_id, as_of, position DESC
)"""

PRICE_WRITES = """changed_prices AS MATERIALIZED (
    SELECT g.* FROM good_prices AS g
    LEFT JOIN LATERAL (
        -- Each by itself, through the index. The bounds let a plan leave out partitions before it runs.
        SELECT p.* FROM prices AS p
        WHERE p.symbol_id = g.symbol_id AND p.as_of = g.as_of
          AND p.as_of BETWEEN CAST(:first_moment AS timestamptz) AND CAST(:last_moment AS timestamptz)
        OFFSET 0
    ) AS p ON true
    WHERE p.price IS NULL OR (
        p.price <> g.price
        AND (p.observed_at, p.raw_id) <= (CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint))
    )
), written_prices AS (
    -- In key order, so that two loads lock the rows that they share in the same order. The newest answer is named also
    -- when it says the same again: otherwise one between the two, coming late, would put its own price back.
    INSERT INTO prices AS known (symbol_id, as_of, price, observed_at, raw_id)
    SELECT symbol_id, as_of, price, CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)
    FROM good_prices ORDER BY symbol_id, as_of
    ON CONFLICT (symbol_id, as_of) DO UPDATE SET
        price = excluded.price, observed_at = excluded.observed_at, raw_id = excluded.raw_id
    WHERE (known.observed_at, known.raw_id) <= (excluded.observed_at, excluded.raw_id)
      AND record_image_ne(
          ROW(known.price, known.observed_at, known.raw_id), ROW(excluded.price, excluded.observed_at, excluded.raw_id)
      )
)"""

PRICE_COUNTS = "SELECT (SELECT count(*) FROM good_prices), (SELECT count(*) FROM changed_prices)"

ACTION_ROWS = """action_rows AS MATERIALIZED (
    -- A dividend may be paid in another currency than the share is quoted in.
    SELECT r.*, s.id AS symbol_id
    FROM json_to_recordset(CAST(:actions AS json)) AS r (
        position integer, source_symbol text, kind text, effective timestamptz, amount numeric, currency text,
        numerator numeric, denominator numeric
    )
    LEFT JOIN named AS s ON s.source_symbol = r.source_symbol
), good_actions AS MATERIALIZED (
    SELECT DISTINCT ON (symbol_id, kind, effective) *
    FROM action_rows WHERE symbol_id IS NOT NULL
    ORDER BY symbol_id, kind, effective, position
)"""

_SAME = """record_image_eq(
            ROW(known.amount, known.currency, known.numerator, known.denominator),
            ROW(excluded.amount, excluded.currency, excluded.numerator, excluded.denominator)
        )"""
_FIRST = f"({_SAME} AND (known.observed_at, known.raw_id) < (excluded.observed_at, excluded.raw_id))"
_LATER = "((known.last_observed_at, known.last_raw_id) < (excluded.observed_at, excluded.raw_id))"
_LATE = "((known.last_observed_at, known.last_raw_id) > (excluded.observed_at, excluded.raw_id))"

ACTION_WRITES = f"""changed_actions AS MATERIALIZED (
    SELECT g.* FROM good_actions AS g LEFT JOIN actions AS a USING (symbol_id, kind, effective)
    WHERE a.symbol_id IS NULL OR (
        (a.amount, a.currency, a.numerator, a.denominator) IS DISTINCT FROM
        (g.amount, g.currency, g.numerator, g.denominator)
        AND (a.last_observed_at, a.last_raw_id) <= (CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint))
    )
), written_actions AS (
    INSERT INTO actions AS known (
        symbol_id, kind, effective, amount, currency, numerator, denominator, observed_at, raw_id,
        last_observed_at, last_raw_id
    )
    SELECT symbol_id, kind, effective, amount, currency, numerator, denominator,
           CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint),
           CAST(:observed_at AS timestamptz), CAST(:raw_id AS bigint)
    FROM good_actions ORDER BY symbol_id, kind, effective
    ON CONFLICT (symbol_id, kind, effective) DO UPDATE SET
        amount = excluded.amount, currency = excluded.currency,
        numerator = excluded.numerator, denominator = excluded.denominator,
        -- observed_at stays that of the first answer with these values, which says for which splits the source had
        -- adjusted them, also when it is late with the newest.
        observed_at = CASE WHEN {_FIRST} THEN known.observed_at ELSE excluded.observed_at END,
        raw_id = CASE WHEN {_FIRST} THEN known.raw_id ELSE excluded.raw_id END,
        last_observed_at = CASE WHEN {_LATE} THEN known.last_observed_at ELSE excluded.observed_at END,
        last_raw_id = CASE WHEN {_LATE} THEN known.last_raw_id ELSE excluded.raw_id END
    WHERE CASE WHEN {_SAME}
               THEN {_LATER} OR (excluded.observed_at, excluded.raw_id) < (known.observed_at, known.raw_id)
               ELSE NOT {_LATE} END
)"""  # noqa: S608 - put together from the constants above

ACTION_COUNTS = "SELECT (SELECT count(*) FROM good_actions), (SELECT count(*) FROM changed_actions)"
