# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements of retention. Each may be sent twice."""

from __future__ import annotations

from marketflow.domain.retention import COLUMNS, PRICES_SINCE, Dataset, Kind

MAKE = "SELECT count(*) FROM make_months(CAST(:first AS timestamptz), CAST(:last AS timestamptz))"

BROUGHT_BACK = """
SELECT month FROM months WHERE month >= CAST(:since AS date) AND retired_at IS NOT NULL ORDER BY month
"""

FORGET_MONTH = "DELETE FROM months WHERE month = CAST(:month AS date) AND retired_at IS NOT NULL"
"""As if it had never been: then `make_months` makes it."""

UNTIDY_AGAIN = "UPDATE retirements SET tidied_at = NULL, changed = true WHERE month = CAST(:month AS date)"

DUE = "SELECT month FROM months WHERE month < CAST(:before AS date) AND retired_at IS NULL ORDER BY month"

UNTIDY = """
SELECT m.month FROM months AS m LEFT JOIN retirements AS r USING (month)
WHERE m.retired_at IS NOT NULL AND r.tidied_at IS NULL
  AND NOT EXISTS (SELECT FROM months AS older WHERE older.month < m.month AND older.retired_at IS NULL)
ORDER BY m.month
"""
"""A month that is in use may have rows of answers that were received in any later one."""

CLAIM = """
INSERT INTO retirements AS known (month, run, run_until)
VALUES (CAST(:month AS date), CAST(:run AS text), CAST(:until AS timestamptz))
ON CONFLICT (month) DO UPDATE SET run = excluded.run, run_until = excluded.run_until
WHERE known.run_until IS NULL OR known.run_until < now() OR known.run = excluded.run
RETURNING month
"""

RELEASE = "UPDATE retirements SET run_until = NULL WHERE month = CAST(:month AS date) AND run = :run"

WATCH = "SELECT watch_month(CAST(:month AS date))"

BEGIN = """
UPDATE retirements SET token = CAST(:token AS text), changed = false, tidied_at = NULL
WHERE month = CAST(:month AS date) AND run = :run
"""

UNCHANGED = """
SELECT count(*) FROM retirements WHERE month = CAST(:month AS date) AND token = CAST(:token AS text) AND NOT changed
"""

RETIRE = "SELECT retire_month(CAST(:month AS date), CAST(:run AS text), CAST(:token AS text))"

TIDIED = "UPDATE retirements SET tidied_at = now() WHERE month = CAST(:month AS date)"

_FROM = {
    Dataset.CANDLES: ("candles", "open_time", "t.interval = '1m'"),
    Dataset.PRICES: ("prices", "as_of", f"t.as_of >= '{PRICES_SINCE.isoformat()}'"),
    Dataset.REVISIONS: ("revisions", "open_time", "t.interval = '1m'"),
}
"""The table of each dataset, its time, and which of its rows are exported."""

_SOURCES = {"symbol": "s.symbol", "source": "coalesce(o.source, s.source)", "raw_key": "o.key"}
"""Columns that are not the table's own. The source is the one that published the value."""


def _column(name: str) -> str:
    return _SOURCES.get(name, f"t.{name}")


def _microseconds(column: str) -> str:
    return f"CAST(extract(epoch FROM {column}) * 1000000 AS bigint)"


def _field(name: str, kind: Kind) -> str:
    """A SQL expression: the value as a field of CSV; nothing for null."""
    column = _column(name)
    text = {
        Kind.TEXT: f"""'"' || replace({column}, '"', '""') || '"'""",
        Kind.MOMENT: f"CAST({_microseconds(column)} AS text)",
    }.get(kind, f"CAST({column} AS text)")
    return f"coalesce({text}, '')"


def _total(name: str, kind: Kind) -> str:
    """Two SQL expressions: how many values there are, and their sum."""
    column = _column(name)
    summed = {
        Kind.TEXT: f"length({column})",
        Kind.MOMENT: _microseconds(column),
        Kind.FLAG: f"CAST({column} AS integer)",
    }.get(kind, column)
    return f"count({column}), coalesce(sum({summed}), 0)"


def _within(dataset: Dataset) -> str:
    _, time, which = _FROM[dataset]
    return f"{which} AND t.{time} >= CAST(:start AS timestamptz) AND t.{time} < CAST(:end AS timestamptz)"


def _joined(dataset: Dataset) -> str:
    table = _FROM[dataset][0]
    return f"{table} AS t JOIN symbols AS s ON s.id = t.symbol_id LEFT JOIN raw_objects AS o ON o.id = t.raw_id"


def symbols(dataset: Dataset) -> str:
    """The ids of the symbols with rows."""
    return f"""
SELECT s.id FROM symbols AS s
WHERE EXISTS (SELECT FROM {_FROM[dataset][0]} AS t WHERE t.symbol_id = s.id AND {_within(dataset)}) ORDER BY s.id
"""


def chunk(dataset: Dataset) -> str:
    """Rows of one symbol behind `after`, all of a moment together: how many, the last moment, and their text.

    They end with the moment of the row number `most`. FETCH ... WITH TIES would look like a cursor to a proxy.
    """
    table, time, _ = _FROM[dataset]
    fields = " || ',' || ".join(_field(name, kind) for name, kind in COLUMNS[dataset].items())
    order = f"t.{time}" if dataset is not Dataset.REVISIONS else f"t.{time}, t.observed_at, t.raw_id"
    rows = f"t.symbol_id = :symbol AND {_within(dataset)} AND t.{time} > CAST(:after AS timestamptz)"
    return f"""
SELECT count(*), max(t.{time}), string_agg({fields}, chr(10) ORDER BY {order})
FROM {_joined(dataset)}
WHERE {rows} AND t.{time} <= coalesce(
    (SELECT t.{time} FROM {table} AS t WHERE {rows} ORDER BY t.{time} LIMIT 1 OFFSET CAST(:most AS integer) - 1),
    'infinity'
)
"""


def totals(dataset: Dataset) -> str:
    """For each symbol with an id in `(after, last]` the totals of every other column, in order."""
    sums = ", ".join(_total(name, kind) for name, kind in COLUMNS[dataset].items() if name != "symbol")
    return f"""
SELECT s.symbol, {sums} FROM {_joined(dataset)}
WHERE t.symbol_id > :after AND t.symbol_id <= :last AND {_within(dataset)}
GROUP BY s.symbol
"""


def count(dataset: Dataset) -> str:
    """How many rows there are."""
    return f"SELECT count(*) FROM {_FROM[dataset][0]} AS t WHERE {_within(dataset)}"


def _gone(table: str, which: str) -> str:
    return f"""
WITH gone AS (
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT t.ctid FROM {table} AS t WHERE {which} LIMIT :most)) RETURNING 1
)
SELECT count(*) FROM gone
"""


FORGET_REVISIONS = _gone("revisions", _within(Dataset.REVISIONS))

EVERY_SYMBOL = "SELECT id FROM symbols ORDER BY id"

FORGET_ANSWERS = _gone(
    "answers", "t.symbol_id = :symbol AND t.interval = '1m' AND upper(t.said) <= CAST(:end AS timestamptz)"
)
"""Every month before the one that is tidied is retired as well."""

_ON_THE_DAY = "observed_at >= CAST(:day AS timestamptz) AND observed_at < CAST(:next_day AS timestamptz)"
_SOON = "CAST(:end AS timestamptz) AND {time} < CAST(:end AS timestamptz) + interval '1 day'"

FORGET_RAW_OBJECTS = f"""
WITH named AS MATERIALIZED (
    SELECT raw_id FROM candles WHERE interval = '1d' AND {_ON_THE_DAY}
    -- Minutes are younger than the answer that says them, but for a clock that is slow.
    UNION ALL SELECT raw_id FROM candles WHERE interval = '1m' AND open_time >= {_SOON.format(time="open_time")}
    UNION ALL SELECT raw_id FROM prices WHERE as_of >= {_SOON.format(time="as_of")}
    UNION ALL SELECT raw_id FROM prices WHERE as_of < '{PRICES_SINCE.isoformat()}' AND {_ON_THE_DAY}
    UNION ALL SELECT raw_id FROM revisions WHERE {_ON_THE_DAY}
    UNION ALL SELECT unnest(ARRAY[raw_id, last_raw_id]) FROM actions
    UNION ALL SELECT raw_id FROM quarantine WHERE {_ON_THE_DAY}
    UNION ALL
    SELECT a.raw_id
    FROM symbols AS s CROSS JOIN unnest(CAST('{{1m,1d}}' AS candle_interval[])) AS stored (interval)
    CROSS JOIN LATERAL (
        SELECT raw_id FROM answers WHERE symbol_id = s.id AND interval = stored.interval AND {_ON_THE_DAY}
    ) AS a
), gone AS (
    DELETE FROM raw_objects AS o
    WHERE o.received_at >= CAST(:day AS timestamptz) AND o.received_at < CAST(:next_day AS timestamptz)
      AND NOT EXISTS (SELECT FROM named AS n WHERE n.raw_id = o.id)
    RETURNING 1
)
SELECT count(*) FROM gone
"""
"""Of one day: a row has the moment at which its answer was received. Every row of that month is gone by now."""
