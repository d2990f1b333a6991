"""Binance's klines are read a column at a time, and come to what reading them row by row does."""

from __future__ import annotations

import json
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.money import plain_decimal, shown
from marketflow.domain.records import Candle, Reject
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire
from marketflow.sources.binance_klines import read_klines

pytestmark = pytest.mark.unit

NOW_MS = 1_772_445_801_400
FIRST_MS = 1_772_445_600_000  # the fourth row is still forming
DAY_MS = 86_400_000


def good_row(place: int) -> list[Any]:
    """The kline of a minute: a price, its volume."""
    opened = FIRST_MS + place * 60_000
    prices = ["64010.00000000", "64031.5", "64002.17000000", "64020.01"]
    return [opened, *prices, "3.41200000", opened + 59_999, "218434.11250000", 512 + place, "1.5", "96000.00", "0"]


def candle(row: object, position: int) -> Candle:
    """One row as a candle, read by itself; the rules of the source one after the other."""
    if type(row) is not list or len(row) < 12:
        raise MalformedPayloadError("A kline has twelve fields.", reason="wrong_shape")
    opened, open_, high, low, close, volume, closed, quote_volume, trades = row[:9]
    if type(opened) is not int or not 0 <= opened <= NOW_MS + DAY_MS:
        raise MalformedPayloadError(f"{shown(opened)} is not an open time in milliseconds.", reason="bad_time")
    if opened % 60_000 or closed != opened + 59_999:
        raise MalformedPayloadError(f"{opened} to {shown(closed)} is not a whole minute.", reason="wrong_granularity")
    if type(trades) is not int or not 0 <= trades < 2**63:
        raise MalformedPayloadError(f"{shown(trades)} is not a number of trades.", reason="not_a_number")
    return Candle(
        source_symbol="BTCUSDT",
        interval=Interval.M1,
        open_time=datetime.fromtimestamp(opened // 1000, UTC),
        open=plain_decimal(open_),
        high=plain_decimal(high),
        low=plain_decimal(low),
        close=plain_decimal(close),
        volume=plain_decimal(volume),
        final=closed < NOW_MS,
        quote_volume=plain_decimal(quote_volume),
        trades=trades,
        position=position,
    )


def one_by_one(rows: list[Any]) -> tuple[list[Candle], list[Reject]]:
    """What `rows` are when nobody looks at two of them together."""
    candles, rejects = [], []
    for position, row in enumerate(rows):
        try:
            candles.append(candle(row, position))
        except MalformedPayloadError as error:
            first = row[0] if isinstance(row, list) and row else None
            tells = type(first) is int and 0 <= first <= wire.LATEST * 1000
            moment = datetime.fromtimestamp(first // 1000, UTC) if tells else None
            rejects.append(wire.reject(error, position=position, row=row, source_symbol="BTCUSDT", open_time=moment))
    return candles, rejects


odd_fields = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(
        [0, FIRST_MS, FIRST_MS + 1, FIRST_MS - 60_000, FIRST_MS + 59_999, NOW_MS + DAY_MS + 1, 2**63 - 1, 2**63]
    ),
    st.sampled_from([Decimal(FIRST_MS + 59_999), Decimal("1e999999"), Decimal("NaN"), Decimal("Infinity")]),
    st.sampled_from(
        ["-1", "-0.0", "1" * 25, "0." + "1" * 31, "1,2", "1,", ",", "", "1e3", "NaN", " 1", "１", "\ud800"]
    ),
    st.text("0123456789.,-eE \n\0", max_size=34),
    st.lists(st.integers(), max_size=2),
)
odd_rows = st.one_of(
    st.none(), st.integers(), st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.lists(odd_fields, max_size=14),
)  # fmt: skip


@settings(max_examples=400)
@given(data=st.data(), count=st.integers(0, 6))
def test_rows_together_come_to_what_each_is_alone(data: st.DataObject, count: int) -> None:
    """Candles, reasons, texts, places and open times are the same, whatever stands in whichever field of which row."""
    rows: list[Any] = [good_row(place) for place in range(count)]
    for _ in range(data.draw(st.integers(0, 3)) if rows else 0):
        place = data.draw(st.integers(0, count - 1))
        change = data.draw(st.sampled_from(["field", "field", "row", "longer", "shorter", "shift", "again"]))
        if change == "row" or type(rows[place]) is not list or not rows[place]:
            rows[place] = data.draw(odd_rows)
        elif change == "field":
            rows[place][data.draw(st.integers(0, min(8, len(rows[place]) - 1)))] = data.draw(odd_fields)
        elif change == "longer":
            rows[place].append("more")
        elif change == "shorter":
            rows[place].pop()
        elif change == "shift" and len(rows[place]) > 6 and {type(rows[place][0]), type(rows[place][6])} == {int}:
            rows[place][0] += 1000
            rows[place][6] += 1000
        else:
            rows[place] = copy(rows[data.draw(st.integers(0, count - 1))])
    candles, rejects = read_klines(rows, "BTCUSDT", now_ms=NOW_MS)
    assert (list(candles), list(rejects)) == one_by_one(rows)
    # To the digit, but for zeros before the first one.
    opens = [str(Decimal(row[1])) for row in rows if row and candle_or_none(row) is not None]
    assert [str(one.open) for one in candles] == opens


def candle_or_none(row: object) -> Candle | None:
    """What a row is, if it is a candle."""
    try:
        return candle(row, 0)
    except MalformedPayloadError:
        return None


def test_the_digits_of_a_page_are_those_of_its_text() -> None:
    """What goes to the database is the vendor's text itself, with its zeros."""
    rows = json.loads(json.dumps([good_row(place) for place in range(1000)]))
    series, rejects = read_klines(rows, "BTCUSDT", now_ms=NOW_MS)
    assert rejects == ()
    assert list(series.opens) == [row[1] for row in rows]
    assert list(series.quote_volumes) == [row[7] for row in rows]
    assert list(series.finals) == [place < 3 for place in range(1000)]
