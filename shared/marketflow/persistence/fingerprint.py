# ruff: noqa: S608 - statements are put together from this module's constants
"""Whether two databases hold the same data: a hash for each table that answers of sources are stored in.

Left out is what does not come from the answers: `symbols` (what operators decide; rows name their symbol by `symbol`,
since ids depend on the order in which symbols were added), `source_status` (when loads and runs took place), and the
bookkeeping of jobs, gaps and months. Every column of the tables below is in, numbers with their very digits. What is
held back follows from the answers and from `max_moves`: databases are equal that judged by the same bounds.
"""

from __future__ import annotations

from functools import cache

from marketflow.persistence.connection import Database


def _epoch(column: str) -> str:
    # A timestamp's own text depends on the session's time zone.
    return f"extract(epoch from t.{column})"


def _ranges(column: str) -> str:
    ends = "concat_ws('/', extract(epoch from lower(r)), extract(epoch from upper(r)))"
    return f"(SELECT string_agg({ends}, ' ' ORDER BY r) FROM unnest(t.{column}) AS r)"


_OBSERVED = (_epoch("observed_at"), "t.raw_id")
_VALUES = ("t.open", "t.high", "t.low", "t.close", "t.volume", "t.quote_volume", "t.trades")

_COLUMNS: dict[str, tuple[str, ...]] = {
    "raw_objects": ("t.id", "t.key", "t.source", "t.dataset", _epoch("received_at")),
    "candles": ("s.symbol", "t.interval", _epoch("open_time"), *_VALUES, "t.final", *_OBSERVED, "t.held"),
    "revisions": ("s.symbol", "t.interval", _epoch("open_time"), *_VALUES, *_OBSERVED),
    "answers": ("s.symbol", "t.interval", _ranges("said"), *_OBSERVED),
    "rollups": ("s.symbol", "t.interval", _epoch("open_time"), *_VALUES, "t.rows_final"),
    "prices": ("s.symbol", _epoch("as_of"), "t.price", *_OBSERVED, "t.held"),
    "actions": (
        *("s.symbol", "t.kind", _epoch("effective"), "t.amount", "t.currency", "t.numerator", "t.denominator"),
        *(*_OBSERVED, _epoch("last_observed_at"), "t.last_raw_id"),
    ),
    "quarantine": (
        *("t.raw_id", "t.position", "t.reason", "t.symbol", "t.detail", "t.row_text", "t.raw_key", "t.source"),
        *("t.dataset", _epoch("observed_at")),
    ),
    "fetched_ranges": ("s.symbol", "t.interval", _ranges("fetched"), _ranges("refused"), _ranges("closed")),
    "sessions": ("t.exchange", _epoch("opens_at"), _epoch("closes_at")),
}


@cache
def _statement(table: str) -> str:
    """The sum of the hashes of all rows: nothing has to be sorted, and the rows may lie in any order.

    The row constructor's text tells null from empty and where one column ends.
    """
    columns = _COLUMNS[table]
    symbols = " JOIN symbols AS s ON s.id = t.symbol_id" if columns[0] == "s.symbol" else ""
    return f"""
SELECT encode(sha256(CAST(concat_ws(' ', count(*), sum(high), sum(low)) AS bytea)), 'hex')
FROM (
    SELECT CAST(CAST('x' || left(digest, 16) AS bit(64)) AS bigint) AS high,
           CAST(CAST('x' || right(digest, 16) AS bit(64)) AS bigint) AS low
    FROM (SELECT md5(CAST(ROW({", ".join(columns)}) AS text)) AS digest FROM {table} AS t{symbols}) AS rows
) AS halves
"""


def fingerprint(database: Database) -> dict[str, str]:
    """SHA-256 of the contents of each table, in hex; equal for two databases that hold the same rows in any order.

    Reads each table whole, some seconds for a million rows, and each in a snapshot of its own: compare when nothing is
    being loaded. Raises as `Database.query` does.
    """
    return {table: str(database.query(_statement(table))[0][0]) for table in _COLUMNS}
