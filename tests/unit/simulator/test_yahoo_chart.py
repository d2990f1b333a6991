"""The charts of the simulated Yahoo: sessions, stamps, float32 numbers, live rows, events."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.assets import Market
from local.simulator.instruments import PRICE_BASES, load_instruments
from tests.unit.simulator.support import MONDAY, chart, clock_of, quotes, utc, world

pytestmark = pytest.mark.unit

INSTRUMENTS = sorted(load_instruments(Market(7, PRICE_BASES)))
META = {
    "currency",
    "symbol",
    "exchangeName",
    "fullExchangeName",
    "instrumentType",
    "firstTradeDate",
    "regularMarketTime",
    "hasPrePostMarketData",
    "gmtoffset",
    "timezone",
    "exchangeTimezoneName",
    "regularMarketPrice",
    "regularMarketChangePercent",
    "fulldayPrice",
    "fulldayChange",
    "fulldayChangePercent",
    "fiftyTwoWeekHigh",
    "fiftyTwoWeekLow",
    "regularMarketDayHigh",
    "regularMarketDayLow",
    "regularMarketVolume",
    "longName",
    "shortName",
    "chartPreviousClose",
    "priceHint",
    "currentTradingPeriod",
    "dataGranularity",
    "range",
    "validRanges",
}
ROW = ("open", "high", "low", "close", "volume")


def stamps(result: dict[str, Any]) -> list[int]:
    """The times of a chart."""
    found: list[int] = result["timestamp"]
    return found


def at(text: str) -> int:
    """`2026-01-05T14:30` UTC in epoch seconds."""
    return int(utc(text).timestamp())


def row(result: dict[str, Any], place: int) -> tuple[Any, ...]:
    """One row of a chart: open, high, low, close, volume."""
    return tuple(quotes(result)[name][place] for name in ROW)


@settings(deadline=None, max_examples=40)
@given(
    symbol=st.sampled_from(INSTRUMENTS),
    hours=st.integers(0, 20_000),
    params=st.sampled_from((("1d", "1m"), ("5d", "1h"), ("1mo", "1d"), ("3mo", "1wk"))),
)
def test_every_chart_is_sound(symbol: str, hours: int, params: tuple[str, str]) -> None:
    """Arrays are as long as the times, times rise, prices are float32 in order, volumes are whole."""
    result = chart(world(MONDAY + timedelta(hours=hours)), symbol, range=params[0], interval=params[1])
    assert result["meta"].keys() >= META
    assert result["meta"]["dataGranularity"] == params[1]
    times = result.get("timestamp", [])
    assert times == sorted(set(times))
    if times:
        assert {len(values) for values in quotes(result).values()} == {len(times)}
    for place in range(len(times)):
        opening, high, low, close, volume = row(result, place)
        for price in (opening, high, low, close):
            assert struct.unpack("<f", struct.pack("<f", price))[0] == price
        assert 0 < low <= min(opening, close) <= max(opening, close) <= high
        assert isinstance(volume, int)
        assert volume >= 0
    assert ("adjclose" in result["indicators"]) == (bool(times) and params[1] in {"1d", "1wk"})


def test_prices_are_float32_widened() -> None:
    """A price such as 195.0113 is written as the double nearest to its float32, with the noise that gives."""
    texts = [repr(price) for price in quotes(chart(world(), range="1d", interval="1m"))["close"]]
    assert sum(len(text) > 12 for text in texts) > len(texts) // 2


def test_live_session() -> None:
    """While New York is open: bars from 09:30, the forming minute, then a live row at the second of the clock."""
    result = chart(world(), range="1d", interval="1m")
    times = stamps(result)
    assert times[0] == at("2026-01-05T14:30")
    assert times[-3:] == [at("2026-01-05T15:41"), at("2026-01-05T15:42"), at("2026-01-05T15:42") + 7]
    assert times[-1] == result["meta"]["regularMarketTime"]
    opening, high, low, close, volume = row(result, -1)
    assert opening == high == low == close
    assert volume == 0
    assert result["meta"]["regularMarketPrice"] == pytest.approx(close, abs=0.001)
    assert result["meta"]["tradingPeriods"] == [
        [{"timezone": "EST", "start": at("2026-01-05T14:30"), "end": at("2026-01-05T21:00"), "gmtoffset": -18000}]
    ]


def test_the_close_stays_as_a_row() -> None:
    """After the close the last row is stamped with it and has no volume; the market time is seconds later."""
    result = chart(world(utc("2026-01-05T23:00")), range="1d", interval="1m")
    assert stamps(result)[-2:] == [at("2026-01-05T20:59"), at("2026-01-05T21:00")]
    assert row(result, -1)[4] == 0
    assert 0 < result["meta"]["regularMarketTime"] - at("2026-01-05T21:00") < 5
    assert len(stamps(result)) == 391


def test_closed_minutes_never_change() -> None:
    """A minute that was over is the same in every later answer."""
    asked = world()
    before = chart(asked, range="1d", interval="1m")
    clock_of(asked).advance(hours=3)
    after = chart(asked, range="1d", interval="1m")
    count = len(stamps(before)) - 2
    assert stamps(after)[:count] == stamps(before)[:count]
    assert all(quotes(after)[name][:count] == quotes(before)[name][:count] for name in ROW)


def test_the_forming_day_becomes_the_closed_one() -> None:
    """The day's bar gathers volume, is stamped with the market time while it forms and with the open afterwards."""
    asked = world(utc("2026-01-05T14:35"))
    volumes = []
    for _ in range(13):
        result = chart(asked, range="5d", interval="1d")
        assert stamps(result)[-1] == result["meta"]["regularMarketTime"] == int(clock_of(asked).now().timestamp())
        volumes.append(row(result, -1)[4])
        clock_of(asked).advance(minutes=29)
    assert volumes == sorted(volumes)
    clock_of(asked).advance(minutes=29)
    closed = chart(asked, range="5d", interval="1d")
    assert stamps(closed)[-1] == at("2026-01-05T14:30")
    assert row(closed, -1)[4] >= volumes[-1]
    clock_of(asked).advance(days=2)
    assert row(chart(asked, range="5d", interval="1d"), -3) == row(closed, -1)


def test_a_day_is_made_of_its_minutes() -> None:
    """The daily bar has the prices and the volume of the session's minutes."""
    asked = world(utc("2026-01-05T23:00"))
    minutes, day = chart(asked, range="1d", interval="1m"), chart(asked, range="1d", interval="1d")
    arrays = quotes(minutes)
    opening, high, low, close, volume = row(day, -1)
    assert (opening, close) == (arrays["open"][0], arrays["close"][-1])
    assert (high, low) == (max(arrays["high"]), min(arrays["low"]))
    assert volume == sum(arrays["volume"])


@pytest.mark.parametrize(
    ("symbol", "at_", "expected"),
    [
        ("AAPL", "2026-01-07T22:00", "2026-01-07T14:30"),
        ("AAPL", "2026-07-08T22:00", "2026-07-08T13:30"),
        ("THYAO.IS", "2026-07-08T22:00", "2026-07-08T07:00"),
        ("VOD.L", "2026-01-07T22:00", "2026-01-07T08:00"),
        ("VOD.L", "2026-07-08T22:00", "2026-07-08T07:00"),
        ("SAP.DE", "2026-01-07T22:00", "2026-01-07T08:00"),
    ],
)
def test_daily_bars_are_stamped_with_the_open(symbol: str, at_: str, expected: str) -> None:
    """A completed day bears the session's open in exchange time, which moves in UTC with daylight saving."""
    assert stamps(chart(world(utc(at_)), symbol, range="5d", interval="1d"))[-1] == at(expected)


def test_currencies_and_crypto_days() -> None:
    """Currencies open at midnight in London on weekdays and have no volume; crypto at 00:00 UTC every day."""
    asked = world(utc("2026-07-08T12:00"))
    euro = chart(asked, "EURUSD=X", range="5d", interval="1d")
    assert stamps(euro)[-2] == at("2026-07-06T23:00")
    assert set(quotes(euro)["volume"]) == {0}
    assert euro["meta"]["priceHint"] == 4
    coin = chart(asked, "BTC-USD", range="1mo", interval="1d")
    assert stamps(coin)[:2] == [at("2026-06-08T00:00"), at("2026-06-09T00:00")]
    assert len(stamps(coin)) == 31
    assert max(quotes(coin)["volume"]) > 2**32


def test_meta_of_delayed_exchanges() -> None:
    """Istanbul is seen fifteen minutes late: the newest trade is that much behind the clock."""
    result = chart(world(utc("2026-01-05T12:00:30")), "THYAO.IS", range="1d", interval="1m")
    meta = result["meta"]
    assert (meta["currency"], meta["exchangeName"], meta["timezone"]) == ("TRY", "IST", "TRT")
    assert meta["regularMarketTime"] == stamps(result)[-1] == at("2026-01-05T11:45:30")


@pytest.mark.parametrize(("symbol", "unit"), [("VOD.L", "GBp"), ("POLI.TA", "ILA"), ("NPN.JO", "ZAc")])
def test_minor_units(symbol: str, unit: str) -> None:
    """London quotes in pence, Tel Aviv in agorot, Johannesburg in cents; only meta.currency tells."""
    assert chart(world(), symbol)["meta"]["currency"] == unit


def test_a_closed_day_has_no_timestamps() -> None:
    """A window without a session is 200 without timestamp, tradingPeriods and adjclose, and with an empty quote."""
    window = {"period1": at("2026-01-03T00:00"), "period2": at("2026-01-04T00:00")}
    result = chart(world(), interval="1m", **window)
    assert "timestamp" not in result
    assert "tradingPeriods" not in result["meta"]
    assert result["indicators"] == {"quote": [{}]}
    assert "adjclose" not in chart(world(), interval="1d", **window)["indicators"]


def test_range_1d_before_the_open_and_on_sundays() -> None:
    """From the pre-market to the open there are no bars yet; on a Sunday Friday's are shown, Monday's announced."""
    assert "timestamp" not in chart(world(utc("2026-01-05T12:00")), range="1d", interval="1m")
    sunday = chart(world(utc("2026-01-04T12:00")), range="1d", interval="1m")
    assert stamps(sunday)[0] == at("2026-01-02T14:30")
    assert sunday["meta"]["currentTradingPeriod"]["regular"]["start"] == at("2026-01-05T14:30")


@pytest.mark.parametrize(
    ("interval", "first", "last"),
    [
        ("1h", ["14:30", "15:30"], "20:30"),
        ("90m", ["14:30", "16:00"], "20:30"),
        ("4h", ["14:30", "18:30"], "18:30"),
        ("2m", ["14:30", "14:32"], "20:58"),
        ("30m", ["14:30", "15:00"], "20:30"),
    ],
)
def test_bars_count_from_the_open(interval: str, first: list[str], last: str) -> None:
    """Intraday bars begin with the session, not with the hour, and the last one is as short as it has to be."""
    result = chart(world(utc("2026-01-05T23:00")), range="1d", interval=interval)
    written = [f"{datetime.fromtimestamp(ts, UTC):%H:%M}" for ts in stamps(result)[:-1]]
    assert written[:2] == first
    assert written[-1] == last


def test_sixty_minutes_are_called_an_hour() -> None:
    """interval=60m is answered as 1h."""
    assert chart(world(), range="1d", interval="60m")["meta"]["dataGranularity"] == "1h"


def test_previous_closes() -> None:
    """ChartPreviousClose is the close before the window; previousClose and scale are yesterday's, intraday only."""
    asked = world()
    closes = quotes(chart(asked, range="1mo", interval="1d"))["close"]
    meta = chart(asked, range="5d", interval="1h")["meta"]
    assert meta["previousClose"] == pytest.approx(closes[-2], abs=0.001)
    assert meta["chartPreviousClose"] == pytest.approx(closes[-6], abs=0.001)
    assert meta["scale"] == 3
    daily = chart(asked, range="5d", interval="1d")["meta"]
    assert daily["chartPreviousClose"] == meta["chartPreviousClose"]
    assert not daily.keys() & {"previousClose", "scale", "tradingPeriods"}


def test_period2_is_inclusive() -> None:
    """A bar stamped exactly period2 is returned; range is then empty."""
    result = chart(world(), "BTC-USD", interval="1d", period1=at("2025-12-01T00:00"), period2=at("2025-12-03T00:00"))
    assert stamps(result) == [at(f"2025-12-0{day}T00:00") for day in (1, 2, 3)]
    assert result["meta"]["range"] == ""


def test_max_with_days_is_answered_with_months() -> None:
    """range=max&interval=1d silently has monthly bars for long histories; range=100y has days."""
    assert chart(world(), range="max", interval="1d")["meta"]["dataGranularity"] == "1mo"
    assert chart(world(), "EURUSD=X", range="100y", interval="1d")["meta"]["dataGranularity"] == "1d"


def test_weeks_and_months() -> None:
    """Weeks open on Mondays, months on the first, at 00:00 exchange time; the running day follows as a live row."""
    asked = world(utc("2026-01-07T15:42"))
    weeks = stamps(chart(asked, range="1mo", interval="1wk"))
    assert weeks[-3:] == [at("2025-12-29T05:00"), at("2026-01-05T05:00"), at("2026-01-07T15:42")]
    months = stamps(chart(asked, range="3mo", interval="1mo"))
    firsts = ["2025-10-01T04:00", "2025-11-01T04:00", "2025-12-01T05:00", "2026-01-01T05:00"]
    assert months == [at(first) for first in firsts] + [at("2026-01-07T15:42")]
    assert stamps(chart(asked, range="1y", interval="3mo"))[-2] == at("2026-01-01T05:00")
    assert 4 <= len(stamps(chart(asked, range="1mo", interval="5d"))) <= 6


def test_extended_hours() -> None:
    """With includePrePost there are bars from 04:00 to 20:00 without volume outside of the session."""
    result = chart(world(utc("2026-01-06T02:00")), range="1d", interval="1m", includePrePost="true")
    times = stamps(result)
    assert (times[0], times[-1]) == (at("2026-01-05T09:00"), at("2026-01-06T00:59"))
    outside = [
        row(result, place)[4]
        for place, ts in enumerate(times)
        if not at("2026-01-05T14:30") <= ts < at("2026-01-05T21:00")
    ]
    assert len(outside) == 330 + 240
    assert set(outside) == {0}
    assert result["meta"]["tradingPeriods"].keys() == {"pre", "post", "regular"}
    assert result["meta"]["tradingPeriods"]["pre"][0][0]["start"] == at("2026-01-05T09:00")


def test_events_and_adjusted_closes() -> None:
    """Dividends and splits bear the open of their day; the adjusted close is lower before a dividend, equal after."""
    asked = world()
    result = chart(asked, range="1y", interval="1d", events="div|split")
    dividends = result["events"]["dividends"]
    assert len(dividends) == 4
    assert all(str(item["date"]) == key and item["date"] in stamps(result) for key, item in dividends.items())
    (adjusted,) = (item["adjclose"] for item in result["indicators"]["adjclose"])
    last = stamps(result).index(max(item["date"] for item in dividends.values()))
    closes = quotes(result)["close"]
    assert adjusted[last:] == closes[last:]
    assert all(value < close for value, close in zip(adjusted[:last], closes[:last], strict=True))
    split = chart(asked, interval="1d", events="split", period1=at("2020-08-01T00:00"), period2=at("2020-09-30T00:00"))
    assert split["events"] == {
        "splits": {"1598880600": {"date": 1598880600, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}}
    }
    assert "events" not in chart(asked, range="1mo", interval="1d")


def test_symbols_are_found_in_any_case() -> None:
    """A symbol is found whatever its case, and meta has the canonical one."""
    assert chart(world(), "thyao.is")["meta"]["symbol"] == "THYAO.IS"


def test_some_exchange_is_open_at_nearly_any_hour() -> None:
    """Demos need not wait: on a weekday some stock ticks from Sydney's open to New York's close."""
    for hour in range(21):
        asked = world(utc(f"2026-01-06T{hour:02}:40"))
        ticking = []
        for symbol in ("CBA.AX", "RELIANCE.NS", "THYAO.IS", "SAP.DE", "AAPL"):
            meta = chart(asked, symbol)["meta"]
            ticking.append(clock_of(asked).now().timestamp() - meta["regularMarketTime"] <= 1200)
        assert any(ticking), hour
