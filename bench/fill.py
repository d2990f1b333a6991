# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""Fills databases with history as a running system would have stored it: minute by minute, symbol beside symbol.

A day of realistic numbers is made once and stored again for each day: what is measured is how much there is to find a
candle in, and making numbers takes longer than storing them. Nothing of it is random: every run has the same rows. The
prices are near those with which `bench.klines` begins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.database import Server, connected, crypto_symbols, make_months, settle
from marketflow.persistence.connection import Database

END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""Where all history ends, exclusive: this day's midnight, since a pipeline that runs has data of its last hours.

What the ETL loads in the bench comes a day behind it.
"""

SYMBOLS = 36
MINUTES = 1440
YEAR_OF_DAYS = 366
"""So many days the first symbol has in the larger database at least: there is a year to ask for in a quick run too."""

PRICES_PER_CANDLE = 4
"""So many candles there are to each observed price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a database is filled with: for how many days there are minutes of the first symbol, and of each other."""

    first_days: int
    days: int

    @classmethod
    def of(cls, candles: int, *, with_year: bool) -> History:
        """About `candles` candles of 36 symbols, evenly; with a year of the first symbol in any case if `with_year`."""
        days = max(1, candles // (SYMBOLS * MINUTES))
        if not with_year or days >= YEAR_OF_DAYS:
            return cls(first_days=days, days=days)
        left = max(candles - YEAR_OF_DAYS * MINUTES, 0)
        return cls(first_days=YEAR_OF_DAYS, days=max(1, left // ((SYMBOLS - 1) * MINUTES)))

    @property
    def candles(self) -> int:
        """How many candles that are."""
        return (self.first_days + (SYMBOLS - 1) * self.days) * MINUTES

    @property
    def start(self) -> datetime:
        """The open time of the oldest one."""
        return END - timedelta(days=max(self.first_days, self.days))


def fill(server: Server, url: str, history: History) -> None:
    """Store `history` in the empty database at `url`: minutes, what follows from them, and prices."""
    with server.on_every_core(), _unchecked(url), connected(url) as database:
        make_months(database, history.start, END)
        ids = [number for number, _ in crypto_symbols(database)]
        database.query(BLOCK, ids=ids[:SYMBOLS])
        parameters = {"first": ids[0], "first_days": history.first_days, "days": history.days, "end": END}
        _on_both_cores(url, CANDLES, parameters)
        for statement in (RAW_OBJECTS, ANSWERS, FETCHED):
            database.query(statement, **parameters)
        database.query(PRICES, ids=ids, end=END, minutes=max(1, history.candles // (PRICES_PER_CANDLE * len(ids))))
        if database.query("SELECT to_regclass('rollups') IS NOT NULL")[0][0]:
            database.query(ROLLED_BLOCK)
            database.query(ROLLUPS, **parameters)
            for statement in LONGER_ROLLUPS:
                database.query(statement)
        database.query("DROP TABLE IF EXISTS bench_block, bench_rolled")
        settle(database)


def _on_both_cores(url: str, statement: str, parameters: Mapping[str, object]) -> None:
    """Run a statement for either half of the symbols at the same time."""

    def run(half: int) -> None:
        with connected(url) as database:
            database.query(statement, half=half, **parameters)

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(run, half) for half in (0, 1)]:
            done.result()


@contextlib.contextmanager
def _unchecked(url: str) -> Iterator[None]:
    """Check no foreign key on the connections that are opened meanwhile: row by row, it takes longer than the rest."""
    name = url.partition("@/")[2].partition("?")[0]
    with connected(url) as database:
        database.query(f"ALTER DATABASE \"{name}\" SET session_replication_role = 'replica'")
    yield
    with connected(url) as database:
        database.query(f'ALTER DATABASE "{name}" RESET session_replication_role')


def count(database: Database) -> int:
    """How many candles there are."""
    return int(database.query("SELECT count(*) FROM candles")[0][0])


BLOCK = """
CREATE UNLOGGED TABLE bench_block AS
SELECT minute, symbol_id, open, greatest(open, close) + spread AS high, least(open, close) - spread AS low, close,
       CAST(hash % 1000000000 AS numeric) * 0.00000100 AS volume,
       CAST(hash % 1000000000 AS numeric) * 0.00006400 AS quote_volume, hash % 5000 AS trades
FROM (
    SELECT minute, symbol_id,
           CAST(walk * (1 + 0.01 * sin(before * 0.0043633) + 0.0005 * sin(before * 0.7)) AS bigint)
               * CAST(0.00000001 AS numeric) AS open,
           CAST(walk * (1 + 0.01 * sin(minute * 0.0043633) + 0.0005 * sin(minute * 0.7)) AS bigint)
               * CAST(0.00000001 AS numeric) AS close,
           CAST(walk * 0.0002 * (1 + hash % 7) AS bigint) * CAST(0.00000001 AS numeric) AS spread, hash
    FROM (
        SELECT minute, symbol_id, (minute + 1439) % 1440 AS before,
               6400000000000 / power(CAST(1 + symbol_id % 97 AS float8), 1.5) AS walk,
               abs(CAST(hashint4(minute * 1000 + symbol_id) AS bigint)) AS hash
        FROM generate_series(0, 1439) AS minute, unnest(CAST(:ids AS integer[])) AS symbol_id
    ) AS moments
) AS numbers
ORDER BY minute, symbol_id
"""

_DAYS = """SELECT day, CAST(:end AS timestamptz) - day * interval '1 day' AS midnight
    FROM generate_series(greatest(CAST(:first_days AS integer), CAST(:days AS integer)), 1, -1) AS day"""
_COUNTS = """day <= CASE symbol_id
    WHEN CAST(:first AS integer) THEN CAST(:first_days AS integer) ELSE CAST(:days AS integer) END"""
_RAW_ID = "CAST(symbol_id AS bigint) * 1000000 + day"

CANDLES = f"""
INSERT INTO candles (symbol_id, interval, open_time, open, high, low, close, volume, quote_volume, trades, final,
                     observed_at, raw_id)
SELECT symbol_id, '1m', midnight + minute * interval '1 minute', open, high, low, close, volume, quote_volume, trades,
       true, midnight + (minute + 1) * interval '1 minute' + interval '3 seconds', {_RAW_ID}
FROM ({_DAYS}) AS days
CROSS JOIN LATERAL (
    SELECT * FROM bench_block WHERE symbol_id % 2 = CAST(:half AS integer) AND {_COUNTS} ORDER BY minute, symbol_id
) AS block
"""

_SERIES = f"FROM ({_DAYS}) AS days CROSS JOIN (SELECT DISTINCT symbol_id FROM bench_block) AS series WHERE {_COUNTS}"

RAW_OBJECTS = f"""
INSERT INTO raw_objects (id, key, source, dataset, received_at)
SELECT {_RAW_ID}, 'raw/bench/' || symbol_id || '/' || day, 'binance', 'klines_1m', midnight + interval '1 day'
{_SERIES}
"""

ANSWERS = f"""
INSERT INTO answers (symbol_id, interval, observed_at, raw_id, said)
SELECT symbol_id, '1m', midnight + interval '1 day', {_RAW_ID},
       tstzmultirange(tstzrange(midnight, midnight + interval '1 day'))
{_SERIES}
"""

FETCHED = f"""
INSERT INTO fetched_ranges (symbol_id, interval, fetched, refused)
SELECT symbol_id, '1m', range_agg(tstzrange(midnight, midnight + interval '1 day')), CAST('{{}}' AS tstzmultirange)
{_SERIES}
GROUP BY symbol_id
"""

PRICES = """
INSERT INTO prices (symbol_id, as_of, price, observed_at, raw_id)
SELECT symbol_id, moment,
       CAST((6400000000000 + CAST(n % 97 AS bigint) * 640000000)
                / power(CAST(1 + symbol_id % 97 AS float8), 1.5) AS bigint)
           * CAST(0.00000001 AS numeric),
       moment + interval '1 second', symbol_id * 1000000 + 1
FROM (
    SELECT n, CAST(:end AS timestamptz) - n * interval '1 minute' AS moment
    FROM generate_series(CAST(:minutes AS integer), 1, -1) AS n
) AS moments
CROSS JOIN unnest(CAST(:ids AS integer[])) AS symbol_id
"""

_ROLLED = "symbol_id, interval, open_time, open, high, low, close, volume, quote_volume, trades, rows_final"
_OPEN_TO_CLOSE = """(array_agg(open ORDER BY {0}))[1] AS open, max(high) AS high, min(low) AS low,
       (array_agg(close ORDER BY {0} DESC))[1] AS close, sum(volume) AS volume, sum(quote_volume) AS quote_volume,
       sum(trades) AS trades"""

ROLLED_BLOCK = f"""
CREATE UNLOGGED TABLE bench_rolled AS
SELECT symbol_id, interval, minute / length * length AS minute, {_OPEN_TO_CLOSE.format("minute")}
FROM bench_block, (
    VALUES ('5m', 5), ('15m', 15), ('30m', 30), ('1h', 60), ('4h', 240), ('1d', 1440)
) AS lengths (interval, length)
GROUP BY symbol_id, interval, length, minute / length
ORDER BY minute, symbol_id
"""
"""The roll-ups of a day, made once as the day itself. A test holds what comes of them to what the schema makes."""

ROLLUPS = f"""
INSERT INTO rollups ({_ROLLED})
SELECT symbol_id, CAST(interval AS candle_interval), midnight + minute * interval '1 minute', open, high, low, close,
       volume, quote_volume, trades, true
FROM ({_DAYS}) AS days
CROSS JOIN LATERAL (SELECT * FROM bench_rolled WHERE {_COUNTS} ORDER BY minute, symbol_id) AS rolled
"""

LONGER_ROLLUPS = tuple(
    f"""
INSERT INTO rollups ({_ROLLED})
SELECT symbol_id, '{interval}', opens, {_OPEN_TO_CLOSE.format("open_time")}, true
FROM (
    SELECT r.*, date_trunc('{field}', open_time, 'UTC') AS opens FROM rollups AS r WHERE r.interval = '1d'
) AS days
GROUP BY symbol_id, opens
"""
    for interval, field in (("1w", "week"), ("1M", "month"))
)
