"""Candles as columns are the same candles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.records import Candle
from marketflow.domain.series import Series, series_of

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
numbers = st.decimals("1e-30", "9.99e23", allow_nan=False, allow_infinity=False) | st.just(Decimal("1E+3"))


def candle(place: int, final: bool = True, **changes: object) -> Candle:
    price = Decimal("1.50")
    good = Candle(
        "A", Interval.M1, START + place * MINUTE, price, price, price, price, Decimal(0), final, position=place
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # as a test has it


candles = st.builds(
    candle,
    st.integers(-3, 5),
    st.booleans(),
    source_symbol=st.sampled_from("AB"),
    interval=st.sampled_from([Interval.M1, Interval.D1]),
    currency=st.sampled_from([None, "USDT"]),
    close=numbers,
    volume=st.none() | numbers,
    quote_volume=st.none() | numbers,
    trades=st.none() | st.integers(0, 2**63 - 1),
)


@given(st.lists(candles, max_size=8))
def test_columns_give_the_rows_back(rows: list[Candle]) -> None:
    """Every value of every candle, digit for digit, in the order of the rows of its symbol, interval and currency."""
    found = series_of(tuple(rows))
    for series in found:
        group = [
            row
            for row in rows
            if (row.source_symbol, row.interval, row.currency)
            == (series.source_symbol, series.interval, series.currency)
        ]
        assert series == group
        assert [f"{one.close:f}" for one in series] == [f"{one.close:f}" for one in group]
        assert series[-1] == group[-1]
        assert series[1:] == tuple(group[1:])
    assert sum(map(len, found)) == len(rows)


def test_a_series_is_its_own_series() -> None:
    """Columns are not taken apart and put together again, and an empty page is none."""
    (series,) = series_of((candle(0), candle(1)))
    assert series_of(series) == [series]
    assert series_of(series)[0] is series
    assert series_of(replace(series, open_times=())) == []
    assert series_of(()) == []


def test_a_series_equals_only_the_same_candles() -> None:
    """Like a tuple of rows: neither fewer, nor others, nor something that is no sequence."""
    (series,) = series_of((candle(0), candle(1)))
    assert series == (candle(0), candle(1))
    assert series != (candle(0),)
    assert series != (candle(0), candle(2))
    assert series != 7


@given(st.lists(st.tuples(st.integers(-5, 200), st.booleans()), min_size=1, max_size=30), st.sampled_from([1, 60]))
def test_final_runs_are_the_union_of_what_each_final_candle_fills(rows: list[tuple[int, bool]], minutes: int) -> None:
    """In order, without overlap, and no two of them touch."""
    (series,) = series_of(tuple(candle(place, final) for place, final in rows))
    runs = series.final_runs(minutes * MINUTE)
    filled = {place + reach for place, final in rows if final for reach in range(minutes)}
    assert {at for at in range(-5, 300) if any(start <= START + at * MINUTE < end for start, end in runs)} == filled
    assert all(before[1] < after[0] for before, after in pairwise(runs))


def test_the_span_of_a_series_has_both_ends() -> None:
    """The first and the last open time, whatever the order of the rows."""
    (series,) = series_of((candle(3), candle(0), candle(2)))
    assert isinstance(series, Series)
    assert series.span == (START, START + 3 * MINUTE)
