"""Candles are loaded as columns: the same whoever made them, and without a look at anybody else's rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.loading import LoadResult
from marketflow.domain.records import Candle, ParsedPayload
from marketflow.domain.series import Series, series_of
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import START, answer, candle, closes, contents

pytestmark = pytest.mark.integration

TABLES = ("candles", "answers", "revisions", "quarantine", "raw_objects", "fetched_ranges")
MINUTES = 300


def one_series(rows: tuple[Candle, ...]) -> Series:
    """The rows as columns."""
    (series,) = series_of(rows)
    return series


@pytest.mark.parametrize(
    "changes",
    [{}, {"currency": None}, {"currency": "EUR"}, {"source_symbol": "NO\0PE"}, {"volume": None, "quote_volume": None}],
    ids=["good", "no-currency", "wrong-currency", "unknown-symbol", "no-volume"],
)
def test_columns_and_rows_leave_the_same(database: Database, owner: Database, changes: dict[str, object]) -> None:
    """Tables, results and the text of what is refused: first news, then a correction, then the first answer again."""
    left = []
    for as_columns in (False, True):
        owner.query(f"TRUNCATE {', '.join(TABLES)}")
        loader, results = Loader(database), []
        for minute, close in ((1, "101"), (2, "102.0"), (1, "101")):
            rows = tuple(candle(at, close=close, final=at < 3, trades=None if at else 7, **changes) for at in range(4))
            payload = ParsedPayload(one_series(rows) if as_columns else rows)
            results.append(loader.load(payload, answer(minute)))
        left.append(
            (results, contents(database), database.query("SELECT CAST(a AS text) FROM answers AS a ORDER BY 1"))
        )
    assert left[0] == left[1]
    assert any(left[0][1][table] for table in ("candles", "quarantine"))


def test_an_answer_says_what_its_final_candles_fill(database: Database) -> None:
    """A range for each run of final ones, minutes and days alike; nothing of forming, refused or contradicted ones."""
    loader = Loader(database)
    loader.load(ParsedPayload((candle(1, close="90"),)), answer(9))
    minutes = tuple(candle(at, final=at != 5) for at in (0, 1, 2, 4, 5))
    days = tuple(candle(interval=Interval.D1, open_time=START + timedelta(days=at), currency=None) for at in (0, 1))
    foreign = candle(8, currency="EUR")
    loader.load(ParsedPayload((*minutes, *days, foreign)), answer(8))
    said = database.query(
        "SELECT interval, CAST(said AS text) FROM answers WHERE observed_at = CAST(:at AS timestamptz) ORDER BY 1",
        at=answer(8).observed_at,
    )
    assert [
        [interval, text.replace('"', "").replace("2026-03-", "").replace(":00+00", "")] for interval, text in said
    ] == [
        ["1m", "{[02 00:00,02 00:03),[02 00:04,02 00:05)}"],
        ["1d", "{[02 00:00,02 01:00),[03 00:00,03 01:00)}"],
    ]


def read_since(database: Database, before: int = 0) -> int:
    """How many rows of candles were read since the count was `before`, through an index or not."""
    database.query("SELECT pg_stat_force_next_flush()")
    database.query("SELECT pg_stat_clear_snapshot()")
    ((count,),) = database.query(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'candles'"
    )
    return int(count) - before


def test_a_load_reads_no_candle_but_its_own(database: Database) -> None:
    """Not those of other symbols in the same minutes, whatever the planner believes of a table that has just grown."""
    loader = Loader(database)
    page = one_series(tuple(candle(at) for at in range(MINUTES)))
    for symbol in ("ETHUSDT", "SOLUSDT", "XRPUSDT"):
        loader.load(ParsedPayload(replace(page, source_symbol=symbol)), answer())
    # How often each of its candles is read: judged at the end, looked up before that, and once more to correct each.
    for minute, close, times, written in ((1, "101", 1, MINUTES), (2, "101", 2, 0), (3, "102", 6, MINUTES)):
        before = read_since(database)
        result = loader.load(ParsedPayload(replace(page, closes=[close] * MINUTES)), answer(minute))
        assert result == LoadResult(candles_written=written, candles_unchanged=MINUTES - written)
        assert read_since(database, before) <= times * MINUTES + 10
    assert set(closes(database)) == {("101", True), ("102", True)}
