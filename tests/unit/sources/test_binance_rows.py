"""Binance's rows: candles and prices exactly as they were sent, bad ones told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 10, 3, 21, 400_000, tzinfo=UTC)


@pytest.fixture
def klines() -> Sample:
    """Four candles of one pair."""
    return sample("binance", "klines_1m")


@pytest.fixture
def prices() -> Sample:
    """Two last trades."""
    return sample("binance", "ticker_price")


def test_a_candle_has_the_digits_that_were_sent(klines: Sample) -> None:
    """Every number of a row arrives exactly; the twelfth field is ignored."""
    candle = klines.source.parse(klines.request, klines.response()).candles[0]
    assert [str(number) for number in (candle.open, candle.high, candle.low, candle.close)] == [
        "64010.00000000",
        "64031.50000000",
        "64002.17000000",
        "64020.01000000",
    ]
    assert (candle.volume, candle.quote_volume, candle.trades) == (Decimal("3.412"), Decimal("218434.1125"), 512)
    assert (candle.open_time, candle.final, candle.position) == (datetime(2026, 3, 2, 10, tzinfo=UTC), True, 0)


def test_a_minute_without_a_trade_is_a_candle(klines: Sample) -> None:
    """Zero volume is not missing."""
    candle = klines.source.parse(klines.request, klines.response()).candles[1]
    assert (candle.volume, candle.trades, candle.final) == (0, 0, True)


@pytest.mark.parametrize(("date", "final"), [("10:03:59", False), ("10:04:00", True)])
def test_a_candle_is_final_when_the_source_is_past_its_close(klines: Sample, date: str, final: bool) -> None:
    """Closed means that the close time lies before the answer's `Date`, whatever our own clock says."""
    response = klines.response(date=f"Mon, 02 Mar 2026 {date} GMT")
    assert klines.source.parse(klines.request, response).candles[-1].final is final


def test_no_candles_is_an_answer(klines: Sample) -> None:
    """An empty array is a window without candles, not a failure."""
    assert klines.source.parse(klines.request, klines.response([])).candles == ()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (0, "1772445600000", "bad_time"),
        (0, True, "bad_time"),
        (0, 1772445600000000, "bad_time"),
        (0, 1772445601000, "wrong_granularity"),
        (6, 1772449199999, "wrong_granularity"),
        (6, None, "wrong_granularity"),
        (1, 64010.5, "not_a_number"),
        (2, "NaN", "not_a_number"),
        (3, "1e3", "not_a_number"),
        (5, None, "not_a_number"),
        (7, "Infinity", "not_a_number"),
        (8, -1, "not_a_number"),
        (8, 2**63, "not_a_number"),
        (8, "5", "not_a_number"),
    ],
)
def test_a_bad_row_is_rejected_and_the_rest_is_read(klines: Sample, field: int, value: object, reason: str) -> None:
    """One broken field costs its row, which is kept with its place and reason."""
    rows = [list(row) for row in klines.body]
    rows[1][field] = value
    payload = klines.source.parse(klines.request, klines.response(rows))
    [refused] = payload.rejects
    assert (refused.reason, refused.position, refused.source_symbol) == (reason, 1, "BTCUSDT")
    assert json.loads(refused.row)[2] == str(rows[1][2])
    assert [candle.position for candle in payload.candles] == [0, 2, 3]


def test_a_minute_that_starts_between_minutes_is_rejected(klines: Sample) -> None:
    """A row may be a minute long and still not be one of the clock's minutes."""
    row = list(klines.body[0])
    row[0], row[6] = row[0] + 1000, row[6] + 1000
    payload = klines.source.parse(klines.request, klines.response([row]))
    assert [refused.reason for refused in payload.rejects] == ["wrong_granularity"]


@pytest.mark.parametrize("row", [[], [1772445600000], {}, None, 7])
def test_a_row_of_another_shape_is_rejected(klines: Sample, row: object) -> None:
    """A row needs its twelve fields."""
    payload = klines.source.parse(klines.request, klines.response([row]))
    assert [refused.reason for refused in payload.rejects] == ["wrong_shape"]


def test_prices_are_as_of_the_answers_date(prices: Sample) -> None:
    """Binance gives last trades without a time, so they carry the source's clock, not ours."""
    payload = prices.source.parse(prices.request, prices.response())
    assert {price.source_symbol: str(price.price) for price in payload.prices} == {
        "BTCUSDT": "64049.98000000",
        "PEPEUSDT": "0.00000812",
    }
    assert {price.as_of for price in payload.prices} == {datetime(2026, 3, 2, 10, 3, 21, tzinfo=UTC)}


def test_one_price_may_come_as_an_object(prices: Sample) -> None:
    """`symbol=` answers an object where `symbols=` answers an array."""
    [request] = prices.source.build_requests(prices.task, ["BTCUSDT"], now=NOW, since=None)
    payload = prices.source.parse(request, prices.response({"symbol": "BTCUSDT", "price": "1.5"}))
    assert [price.price for price in payload.prices] == [Decimal("1.5")]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"symbol": "PEPEUSDT", "price": "0.00000000"}, "not_positive"),
        ({"symbol": "PEPEUSDT", "price": "-1"}, "not_positive"),
        ({"symbol": "PEPEUSDT", "price": None}, "not_a_number"),
        ({"symbol": "PEPEUSDT"}, "not_a_number"),
    ],
)
def test_an_impossible_price_is_rejected(prices: Sample, entry: object, reason: str) -> None:
    """A price that is none costs its symbol only."""
    payload = prices.source.parse(prices.request, prices.response([prices.body[0], entry]))
    assert [(refused.reason, refused.source_symbol) for refused in payload.rejects] == [(reason, "PEPEUSDT")]
    assert [price.source_symbol for price in payload.prices] == ["BTCUSDT"]


def test_a_strange_and_a_missing_price_are_both_told(prices: Sample) -> None:
    """A symbol that nobody asked for is not stored, and the one that is missing is not passed over in silence."""
    payload = prices.source.parse(
        prices.request, prices.response([prices.body[0], {"symbol": "DOGEUSDT", "price": "1"}])
    )
    assert [refused.reason for refused in payload.rejects] == ["wrong_symbol", "missing_symbol"]
    assert payload.rejects[1].source_symbol == "PEPEUSDT"
