"""The traps of Yahoo's charts, each by its number in the list of edge cases that bite (wire facts of Yahoo, 2.5).

The bodies are written by hand from the facts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.moves import BOUNDS, LOOK_BACKS, Point, verdicts
from marketflow.domain.records import ActionKind
from marketflow.domain.rules import CANDLE_RULES, first_fault, on_whole_minute
from marketflow.domain.symbol import AssetType
from marketflow.errors import MalformedPayloadError, SymbolUnavailableError
from tests.unit.sources.support import ChartBody, Sample, opens, read_chart, sample

pytestmark = pytest.mark.unit

OPEN = 1772445600  # 2026-03-02 10:00 UTC, the first minute of the fixture
SESSION = 1772438400  # 2026-03-02 08:00 in London, the open of the first session of the days
DAY = 86_400
PERIOD: dict[str, Any] = {"timezone": "TRT", "start": 1772434800, "end": 1772463600, "gmtoffset": 10800}
LATE = {"start": 1772463600, "end": 1772470800}


@pytest.fixture
def minutes() -> Sample:
    """One-minute candles of an Istanbul share."""
    return sample("yahoo", "chart_1m")


@pytest.fixture
def days() -> Sample:
    """Daily candles of a London share."""
    return sample("yahoo", "chart_1d")


def error_body(description: str, *, code: str = "Bad Request") -> dict[str, object]:
    """An error as Yahoo words it."""
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


# ── 1. Live snapshot row ────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_1_a_live_snapshot_row_off_the_grid_is_a_price_and_no_candle(minutes: Sample) -> None:
    """The last row, off the grid, repeats the last trade; it is not a minute."""
    payload = minutes.source.parse(minutes.request, minutes.response())
    assert opens(payload.candles) == [OPEN, OPEN + 120, OPEN + 180]
    [price] = payload.prices
    assert (price.price, price.currency) == (Decimal("314.25"), "TRY")
    assert price.as_of == datetime(2026, 3, 2, 10, 3, 37, tzinfo=UTC)


@pytest.mark.parametrize(("volume", "kept"), [(0, False), (None, False), (5, True)])
def test_trap_1_a_live_snapshot_row_on_the_full_minute_has_no_volume(
    minutes: Sample, volume: int | None, kept: bool
) -> None:
    """A last trade on the full minute looks like a candle; without volume it is the snapshot."""
    body = ChartBody(minutes)
    body.meta["regularMarketTime"] = OPEN + 60
    body.rows((OPEN, 314.0), (OPEN + 60, 314.0, volume))
    assert opens(read_chart(minutes, body).candles) == ([OPEN, OPEN + 60] if kept else [OPEN])


def test_trap_1_the_forming_day_is_stamped_with_the_last_trade_and_not_final(days: Sample) -> None:
    """During the session and after it the day's row has one key, the date; it is kept, and final once it is over."""
    body = ChartBody(days)
    running, closed = SESSION + 3 * DAY + 11_101, SESSION + 3 * DAY + 30_600
    body.rows((SESSION, 97.5), (running, 98.5))
    during = read_chart(days, body, clock=running + 900).candles
    body.rows((SESSION, 97.5), (SESSION + 3 * DAY, 98.75))
    after = read_chart(days, body, clock=closed + 1800).candles
    assert during[1].open_time == after[1].open_time == datetime(2026, 3, 5, tzinfo=UTC)
    assert [(candle.close, candle.final) for candle in (during[1], after[1])] == [
        (Decimal("0.985"), False),
        (Decimal("0.9875"), True),
    ]


# ── 2. Duplicated last day ────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_2_of_a_duplicated_last_day_the_later_row_counts(days: Sample) -> None:
    """Two rows for one date, and an all-null row for tomorrow: one candle a date, with the later row's numbers."""
    body = ChartBody(days)
    last = SESSION + 3 * DAY
    body.rows((SESSION, 97.5), (last, 98.5, 1000), (last + 11_101, 98.75, 1010), (last + DAY, None, None))
    payload = read_chart(days, body, clock=last + 12_000)
    assert [(candle.open_time.day, candle.close, candle.volume) for candle in payload.candles] == [
        (2, Decimal("0.975"), 100),
        (5, Decimal("0.9875"), 1010),
    ]
    assert payload.rejects == ()


# ── 3. Nulls inside arrays ────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_3_a_null_row_is_missing_and_never_zero(minutes: Sample) -> None:
    """A row without a close is not there: no candle, no reject, also with a volume; volume alone may be null."""
    body = ChartBody(minutes)
    body.rows((OPEN, None), (OPEN + 60, 314.0, None))
    payload = read_chart(minutes, body)
    assert [(candle.position, candle.volume) for candle in payload.candles] == [(1, None)]
    assert payload.rejects == ()


def test_trap_3_a_row_of_a_dividend_without_prices_is_a_dividend(days: Sample) -> None:
    """The row has no candle, and its event is read."""
    body = ChartBody(days)
    body.rows((SESSION, None, None), (SESSION + DAY, 98.0))
    payload = read_chart(days, body)
    assert [candle.open_time.day for candle in payload.candles] == [3]
    assert [(action.kind, action.effective.day) for action in payload.actions] == [(ActionKind.DIVIDEND, 2)]


def test_trap_3_a_day_that_comes_back_later_is_asked_for_again(days: Sample) -> None:
    """Daily candles are asked for a month each time, far more than the five days within which lost ones return."""
    since = days.now - timedelta(hours=1)
    [request] = days.source.build_requests(days.task, days.symbols, now=days.now, since=since)
    assert dict(request.params)["range"] == "1mo"


# ── 4. No data, HTTP 200 ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("quote", [[{}], [], None])
def test_trap_4_a_day_without_trading_is_empty(minutes: Sample, quote: object) -> None:
    """A closed day has no `timestamp` and nothing in `quote`; the last price is still told."""
    body = ChartBody(minutes)
    del body.result["timestamp"]
    body.result["indicators"]["quote"] = quote
    payload = read_chart(minutes, body)
    assert (payload.candles, payload.rejects) == ((), ())
    assert len(payload.prices) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error_body("Data doesn't exist for startDate = 1565740800, endDate = 1596067200")),
        (200, {"chart": {"result": [], "error": None}}),
        (200, {"chart": {"result": None, "error": None}}),
    ],
)
def test_trap_4_no_data_with_http_200_is_an_empty_answer(days: Sample, status: int, body: object) -> None:
    """Before its first trade a symbol has no candles; that is a fact and no failure."""
    response = days.response(body, status=status)
    days.source.check(days.request, response)
    payload = days.source.parse(days.request, response)
    assert (payload.candles, payload.prices, payload.rejects) == ((), (), ())


def test_trap_4_a_null_chart_is_an_unknown_symbol(days: Sample) -> None:
    """With status 200 and no error Yahoo says so of tickers that it does not know."""
    with pytest.raises(SymbolUnavailableError):
        days.source.check(days.request, days.response({"chart": None}))


# ── 5. adjclose vs close ──────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_5_the_close_is_read_and_the_adjusted_close_is_not(days: Sample) -> None:
    """`close` is adjusted for splits alone; dividends come off when somebody asks for that."""
    body = ChartBody(days)
    body.rows((SESSION, 129.03999328613281))
    body.result["indicators"]["adjclose"] = [{"adjclose": [125.83000183105469]}]
    assert [candle.close for candle in read_chart(days, body).candles] == [Decimal("1.2904")]


def test_trap_5_infinity_among_the_adjusted_closes_is_no_matter(days: Sample) -> None:
    """Broken adjusted closes, which are not read, do not spoil the chart."""
    body = ChartBody(days)
    body.result["indicators"]["adjclose"][0]["adjclose"][0] = float("inf")
    assert len(read_chart(days, body).candles) == 3


# ── 6. events ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.permutations(range(5)), st.integers(0, 30_000))
def test_trap_6_the_order_of_events_means_nothing(order: list[int], later: int) -> None:
    """Actions come by their date; of two stamps on one date the later one counts."""
    case = sample("yahoo", "chart_1d")
    stamps = [SESSION + number * DAY for number in order]
    dividends = {str(stamp): {"date": stamp, "amount": stamp - SESSION + 1} for stamp in [*stamps, SESSION + later]}
    dividends[str(SESSION + later)]["amount"] = 7
    body = ChartBody(case)
    body.result["events"] = {"dividends": dividends}
    payload = read_chart(case, body, clock=SESSION + 5 * DAY)
    assert [action.effective for action in payload.actions] == sorted(action.effective for action in payload.actions)
    assert len(payload.actions) == 5
    assert payload.actions[0].amount == Decimal("0.07")


@pytest.mark.parametrize("events", [None, {}, {"dividends": {}}])
def test_trap_6_without_events_there_are_no_actions(days: Sample, events: object) -> None:
    """The key is absent when there is none."""
    body = ChartBody(days)
    body.result["events"] = events
    payload = read_chart(days, body)
    assert (payload.actions, payload.rejects) == ((), ())


def test_trap_6_a_split_has_its_ratio_on_its_day(days: Sample) -> None:
    """Its stamp is the session's open of the ex-date; the action opens with that day's candle."""
    body = ChartBody(days)
    split = {"date": SESSION, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}
    body.result["events"] = {"splits": {str(SESSION): split}}
    [action] = read_chart(days, body).actions
    assert (action.kind, action.numerator, action.denominator) == (ActionKind.SPLIT, 4, 1)
    assert action.effective == read_chart(days, body).candles[0].open_time


def test_trap_6_a_dividend_in_pounds_beside_prices_in_pence(days: Sample) -> None:
    """An event with a currency of its own is not in the unit of the prices."""
    body = ChartBody(days)
    body.result["events"] = {"dividends": {str(SESSION): {"date": SESSION, "amount": 0.0225, "currency": "GBP"}}}
    [action] = read_chart(days, body).actions
    assert (action.amount, action.currency) == (Decimal("0.0225"), "GBP")


# ── 7. Minor units ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_7_prices_in_pence_become_pounds(days: Sample) -> None:
    """GBp is shifted exactly into GBP, for candles and for the price; volumes are not money."""
    payload = days.source.parse(days.request, days.response())
    candle = payload.candles[0]
    assert (candle.open, candle.high, candle.low, candle.close) == tuple(
        map(Decimal, ("0.971", "0.977", "0.969", "0.975"))
    )
    assert (candle.currency, candle.volume) == ("GBP", 41200345)
    assert [(price.price, price.currency) for price in payload.prices] == [(Decimal("0.9862"), "GBP")]


@pytest.mark.parametrize(
    ("unit", "currency", "price"),
    [
        ("GBp", "GBP", "1.25"),
        ("GBP", "GBP", "125"),
        ("ZAc", "ZAR", "1.25"),
        ("ILA", "ILS", "1.25"),
        ("KWF", "KWD", "0.125"),
        ("USX", "USD", "1.25"),
    ],
)
def test_trap_7_every_minor_unit_is_shifted_exactly(days: Sample, unit: str, currency: str, price: str) -> None:
    """Case matters: GBp is not GBP."""
    body = ChartBody(days)
    body.meta["currency"] = unit
    body.rows((SESSION, 125.0))
    [candle] = read_chart(days, body).candles
    assert (candle.currency, candle.close) == (currency, Decimal(price))


@pytest.mark.parametrize("currency", [None, "", 7, "£", "GB\x00"])
def test_trap_7_without_a_currency_nothing_is_read(days: Sample, currency: object) -> None:
    """Pence cannot be told from pounds without it; a guess would be wrong a hundredfold."""
    body = ChartBody(days)
    body.meta["currency"] = currency
    with pytest.raises(MalformedPayloadError) as error:
        read_chart(days, body)
    assert error.value.reason == "no_currency"


def test_trap_7_a_line_that_flips_by_a_hundred_for_a_day_is_held_back(days: Sample) -> None:
    """One day in pounds among days in pence: it is read, and the rule of absurd moves keeps it from being served."""
    body = ChartBody(days)
    body.rows((SESSION, 97.5), (SESSION + DAY, 0.985), (SESSION + 2 * DAY, 98.0))
    points = [
        Point(moment=candle.open_time, low=candle.low, high=candle.high, close=candle.close, observed_at=days.now)
        for candle in read_chart(days, body).candles
    ]
    found = verdicts(points, bound=BOUNDS[AssetType.STOCK], look_back=LOOK_BACKS[Interval.D1])
    assert found == [False, True, False]


# ── 8. Pre/post ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [[[PERIOD]], {"pre": [[]], "regular": [[PERIOD]], "post": [[LATE]]}])
def test_trap_8_rows_before_and_after_the_session_are_cut(minutes: Sample, shape: object) -> None:
    """Pre-market, post-market and the row at the very close are no minutes of the session; both shapes of periods."""
    body = ChartBody(minutes)
    body.meta["tradingPeriods"] = shape
    start, end = PERIOD["start"], PERIOD["end"]
    body.rows((start - 60, 1.0), (start, 1.0), (end - 60, 1.0), (end, 1.0), (end + 60, 1.0))
    payload = read_chart(minutes, body, clock=end + 7200)
    assert opens(payload.candles) == [start, end - 60]
    assert payload.rejects == ()


# ── 9. Hourly bars ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_9_hourly_bars_start_with_the_session(minutes: Sample) -> None:
    """09:30, 10:30 … in New York, the last one for half an hour: they are read and pass the rules of shares."""
    body = ChartBody(minutes)
    start, end = 1772461800, 1772485200  # 2026-03-02 09:30 to 16:00 in New York
    body.meta |= {"exchangeTimezoneName": "America/New_York", "dataGranularity": "1h", "regularMarketTime": end}
    body.meta["tradingPeriods"] = [[{"start": start, "end": end}]]
    stamps = [start + 3600 * hour for hour in range(7)]
    body.rows(*((stamp, 100.0) for stamp in stamps))
    request = minutes.request.model_copy(update={"interval": Interval.H1})
    candles = read_chart(minutes, body, clock=end + 7200, request=request).candles
    assert opens(candles) == stamps
    clock = datetime.fromtimestamp(end + 7200, UTC)
    assert [first_fault(candle, clock, (*CANDLE_RULES, on_whole_minute)) for candle in candles] == [None] * 7


# ── 10. Zero volume ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_10_zero_volume_is_data(days: Sample) -> None:
    """Currencies and funds have none, and quiet days of small shares: the candle is there, with a volume of zero."""
    body = ChartBody(days)
    body.rows((SESSION, 97.5, 0), (SESSION + DAY, 97.5, 0))
    assert [(candle.close, candle.volume) for candle in read_chart(days, body).candles] == [(Decimal("0.975"), 0)] * 2


# ── 11. Delisted ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_11_a_delisted_symbol_is_given_up(days: Sample) -> None:
    """404 is about this symbol: the others are asked as before."""
    body = error_body("No data found, symbol may be delisted", code="Not Found")
    with pytest.raises(SymbolUnavailableError) as error:
        days.source.check(days.request, days.response(body, status=404))
    assert error.value.symbols == ("VOD.L",)


# ── 12. Data that stopped ─────────────────────────────────────────────────────────────────────────────────────────────


def test_trap_12_a_suspended_share_is_as_old_as_its_last_trade(days: Sample) -> None:
    """HTTP 200 and a price, years old: its time is that of the trade and not of the answer."""
    body = ChartBody(days)
    stopped = int(datetime(2024, 7, 12, 8, tzinfo=UTC).timestamp())
    body.meta |= {"regularMarketTime": stopped, "regularMarketPrice": 50.0, "currentTradingPeriod": None}
    body.rows((stopped, 50.0))
    payload = read_chart(days, body)
    assert [price.as_of for price in payload.prices] == [datetime(2024, 7, 12, 8, tzinfo=UTC)]
    assert [(candle.open_time, candle.final) for candle in payload.candles] == [
        (datetime(2024, 7, 11, 23, tzinfo=UTC), True)  # midnight of the 12th in London
    ]
