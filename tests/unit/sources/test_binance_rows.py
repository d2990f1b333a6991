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
