"""Yahoo's charts: which rows are candles, when they are final, and in which unit they are."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.records import Candle, ParsedPayload
from marketflow.errors import MalformedPayloadError
from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit

OPEN = 1772445600  # 2026-03-02 10:00 UTC, the first minute of the fixture
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


class Body:
    """A fixture's body to be changed: `meta`, the stamps and the quote arrays at hand."""

    def __init__(self, case: Sample) -> None:
        self.document = copy.deepcopy(case.body)
        self.result: dict[str, Any] = self.document["chart"]["result"][0]
        self.meta: dict[str, Any] = self.result["meta"]
        self.quote: dict[str, list[Any]] = self.result["indicators"]["quote"][0]

    def rows(self, *rows: tuple[Any, ...]) -> None:
        """Replace all rows by flat ones, from `(stamp, price)` or `(stamp, price, volume)`."""
        self.result["timestamp"] = [row[0] for row in rows]
        for name in ("open", "high", "low", "close"):
            self.quote[name] = [row[1] for row in rows]
        self.quote["volume"] = [row[2] if len(row) > 2 else 100 for row in rows]
        self.result["indicators"].pop("adjclose", None)


def read(case: Sample, body: Body, *, clock: int | None = None, request: FetchRequest | None = None) -> ParsedPayload:
    """What is read in `body` when the source's clock is at `clock` (unix seconds)."""
    headers: dict[str, Any] = {}
    if clock is not None:
        headers["date"] = datetime.fromtimestamp(clock, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return case.source.parse(request or case.request, case.response(body.document, **headers))


def opens(candles: tuple[Candle, ...]) -> list[int]:
    """Open times as unix seconds."""
    return [int(candle.open_time.timestamp()) for candle in candles]


def test_float32_noise_is_gone(minutes: Sample) -> None:
    """A price has the digits that were traded, not those of a widened float32."""
    candle = minutes.source.parse(minutes.request, minutes.response()).candles[0]
    assert (candle.open, candle.high, candle.low) == (Decimal("314.1"), Decimal("314.3"), Decimal("313.9"))
    assert (candle.volume, candle.currency, candle.quote_volume, candle.trades) == (18250, "TRY", None, None)


def test_the_live_snapshot_is_a_price_and_no_candle(minutes: Sample) -> None:
    """The last row, off the grid, repeats the last trade; it is not a minute."""
    payload = minutes.source.parse(minutes.request, minutes.response())
    assert opens(payload.candles) == [OPEN, OPEN + 120, OPEN + 180]
    [price] = payload.prices
    assert (price.price, price.currency) == (Decimal("314.25"), "TRY")
    assert price.as_of == datetime(2026, 3, 2, 10, 3, 37, tzinfo=UTC)


@pytest.mark.parametrize(("volume", "kept"), [(0, False), (None, False), (5, True)])
def test_a_snapshot_on_the_full_minute_has_no_volume(minutes: Sample, volume: int | None, kept: bool) -> None:
    """A last trade on the full minute looks like a candle; without volume it is the snapshot."""
    body = Body(minutes)
    body.meta["regularMarketTime"] = OPEN + 60
    body.rows((OPEN, 314.0), (OPEN + 60, 314.0, volume))
    assert opens(read(minutes, body).candles) == ([OPEN, OPEN + 60] if kept else [OPEN])


def test_an_odd_row_in_the_middle_is_rejected(minutes: Sample) -> None:
    """Only the last row may be a snapshot; another one off the grid is not data that can be placed."""
    body = Body(minutes)
    body.rows((OPEN, 314.0), (OPEN + 37, 314.0), (OPEN + 60, 314.0))
    payload = read(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [("off_grid", 1)]
    assert opens(payload.candles) == [OPEN, OPEN + 60]


@pytest.mark.parametrize("shape", [[[PERIOD]], {"pre": [[]], "regular": [[PERIOD]], "post": [[LATE]]}])
def test_rows_outside_of_the_regular_session_are_cut(minutes: Sample, shape: object) -> None:
    """Pre-market, post-market and the row at the very close are no minutes of the session; both shapes of periods."""
    body = Body(minutes)
    body.meta["tradingPeriods"] = shape
    start, end = PERIOD["start"], PERIOD["end"]
    body.rows((start - 60, 1.0), (start, 1.0), (end - 60, 1.0), (end, 1.0), (end + 60, 1.0))
    payload = read(minutes, body, clock=end + 7200)
    assert opens(payload.candles) == [start, end - 60]
    assert payload.rejects == ()


def test_a_market_that_never_closes_keeps_its_last_minute(minutes: Sample) -> None:
    """Around-the-clock markets have a period that ends at 23:59, and a candle at 23:59."""
    body = Body(minutes)
    midnight = 1772409600
    body.meta["tradingPeriods"] = [[{"start": midnight, "end": midnight + 86_340}]]
    body.rows((midnight, 1.0), (midnight + 86_340, 1.0), (midnight + 86_400, 1.0))
    assert opens(read(minutes, body, clock=midnight + 90_000).candles) == [midnight, midnight + 86_340]


@pytest.mark.parametrize(
    ("clock", "market_time", "final"),
    [
        (OPEN + 59, OPEN + 59, False),  # still forming
        (OPEN + 60, OPEN + 60, True),  # closed, and a later trade shows it
        (OPEN + 920, OPEN + 20, False),  # delayed by 15 minutes: still forming in what is shown
        (OPEN + 975, OPEN + 75, True),
        (OPEN + 60 + 1799, OPEN + 20, False),  # no trade since
        (OPEN + 60 + 1800, OPEN + 20, True),  # later than any delay
        (OPEN + 60 + 1800, None, True),
        (OPEN + 59, OPEN + 5000, False),  # a trade cannot be later than the clock
    ],
)
def test_a_minute_is_final_when_nothing_can_change_it(
    minutes: Sample, clock: int, market_time: int | None, final: bool
) -> None:
    """Past its close by the source's clock, and past the exchange's delay: a later trade or half an hour shows it."""
    body = Body(minutes)
    body.meta["regularMarketTime"] = market_time
    body.rows((OPEN, 314.0))
    assert [candle.final for candle in read(minutes, body, clock=clock).candles] == [final]


def test_an_answer_from_a_cache_is_as_old_as_it_says(minutes: Sample) -> None:
    """`Age` is taken off the clock: what was forming when it was cached is not final."""
    body = Body(minutes)
    body.meta["regularMarketTime"] = OPEN + 60
    body.rows((OPEN, 314.0))
    at = "Mon, 02 Mar 2026 10:01:05 GMT"
    fresh = minutes.source.parse(minutes.request, minutes.response(body.document, date=at))
    cached = minutes.source.parse(minutes.request, minutes.response(body.document, date=at, age="8"))
    unknown = minutes.source.parse(minutes.request, minutes.response(body.document, date=at, age="9" * 400))
    assert [one.candles[0].final for one in (fresh, cached, unknown)] == [True, False, True]


def test_a_day_opens_at_the_exchanges_midnight(days: Sample) -> None:
    """A closed day, stamped with the session's open, and the running one, stamped with a trade, share one rule."""
    payload = days.source.parse(days.request, days.response())
    assert [candle.open_time for candle in payload.candles] == [datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 5)]
    assert payload.candles[-1].position == 4  # of the two rows for one date the later one counts
    assert payload.candles[-1].volume == 9100350


@pytest.mark.parametrize(
    ("zone", "stamp", "expected"),
    [
        ("America/New_York", datetime(2026, 1, 15, 14, 30, tzinfo=UTC), datetime(2026, 1, 15, 5, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 7, 15, 13, 30, tzinfo=UTC), datetime(2026, 7, 15, 4, tzinfo=UTC)),
        ("Europe/London", datetime(2023, 3, 26, 23, tzinfo=UTC), datetime(2023, 3, 26, 23, tzinfo=UTC)),
        ("Europe/Istanbul", datetime(2026, 1, 15, 7, tzinfo=UTC), datetime(2026, 1, 14, 21, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2022, 1, 13, 5, 10, 7, tzinfo=UTC), datetime(2022, 1, 12, 13, tzinfo=UTC)),
    ],
)
def test_the_date_is_the_exchanges_whatever_gmtoffset_says(
    days: Sample, zone: str, stamp: datetime, expected: datetime
) -> None:
    """The IANA zone decides, summer and winter; `gmtoffset` is that of the moment of asking."""
    body = Body(days)
    body.meta |= {"exchangeTimezoneName": zone, "gmtoffset": 7 * 3600, "currentTradingPeriod": None}
    body.rows((int(stamp.timestamp()), 1.0))
    clock = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp())
    assert [candle.open_time for candle in read(days, body, clock=clock).candles] == [expected]


@pytest.mark.parametrize(
    ("clock", "final"),
    [
        (datetime(2026, 3, 5, 16, 29, tzinfo=UTC), False),  # the session is open
        (datetime(2026, 3, 5, 16, 59, 59, tzinfo=UTC), False),  # the closing auction or a delay may still change it
        (datetime(2026, 3, 5, 17, 0, tzinfo=UTC), True),
    ],
)
def test_the_running_day_is_final_after_its_session(days: Sample, clock: datetime, final: bool) -> None:
    """Half an hour after the end of the regular session by the source's clock."""
    candles = read(days, Body(days), clock=int(clock.timestamp())).candles
    assert [candle.final for candle in candles] == [True, True, final]


def test_a_day_without_known_session_is_final_at_its_midnight(days: Sample) -> None:
    """When the vendor's session is another day's, the exchange's date has to be over."""
    body = Body(days)
    body.meta["currentTradingPeriod"]["regular"] |= {"start": 1772784000, "end": 1772814600}  # the next day's
    midnight = int(datetime(2026, 3, 6, tzinfo=UTC).timestamp())
    assert [read(days, body, clock=midnight + late).candles[-1].final for late in (-1, 0)] == [False, True]


def test_prices_in_pence_become_pounds(days: Sample) -> None:
    """GBp is shifted exactly into GBP, for candles and for the price; volumes are not money."""
    payload = days.source.parse(days.request, days.response())
    candle = payload.candles[0]
    assert (candle.open, candle.high, candle.low, candle.close) == tuple(
        map(Decimal, ("0.971", "0.977", "0.969", "0.975"))
    )
    assert (candle.currency, candle.volume) == ("GBP", 41200345)
    assert [(price.price, price.currency) for price in payload.prices] == [(Decimal("0.9862"), "GBP")]


@pytest.mark.parametrize("currency", [None, "", 7, "£", "GB\x00"])
def test_a_chart_without_a_currency_is_refused(days: Sample, currency: object) -> None:
    """Pence cannot be told from pounds without it; a guess would be wrong a hundredfold."""
    body = Body(days)
    body.meta["currency"] = currency
    with pytest.raises(MalformedPayloadError) as error:
        read(days, body)
    assert error.value.reason == "no_currency"


def test_null_rows_are_missing_and_nothing_else(minutes: Sample) -> None:
    """A row without a close is not there: no candle, no reject, also with a volume; volume alone may be null."""
    body = Body(minutes)
    body.rows((OPEN, None), (OPEN + 60, 314.0, None))
    payload = read(minutes, body)
    assert [(candle.position, candle.volume) for candle in payload.candles] == [(1, None)]
    assert payload.rejects == ()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("open", None, "incomplete_row"),
        ("high", None, "incomplete_row"),
        ("low", None, "incomplete_row"),
        ("high", "314", "not_a_number"),
        ("low", float("nan"), "not_a_number"),
        ("close", float("inf"), "not_a_number"),
        ("close", [], "not_a_number"),
        ("volume", "many", "not_a_number"),
        ("volume", 10**30, "absurd_number"),
        ("timestamp", "1772445600", "bad_time"),
        ("timestamp", None, "bad_time"),
        ("timestamp", 1772445600000, "bad_time"),
    ],
)
def test_a_bad_row_costs_itself_only(minutes: Sample, name: str, value: object, reason: str) -> None:
    """One broken value rejects its row with its place; the others are read, also when it is NaN in the JSON."""
    body = Body(minutes)
    (body.result if name == "timestamp" else body.quote)[name][2] = value
    payload = read(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [(reason, 2)]
    assert opens(payload.candles) == [OPEN, OPEN + 180]


def test_infinity_in_an_array_that_is_not_used_is_no_matter(days: Sample) -> None:
    """Broken adjusted closes, which are not read, do not spoil the chart."""
    body = Body(days)
    body.result["indicators"]["adjclose"][0]["adjclose"][0] = float("inf")
    assert len(read(days, body).candles) == 3


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "adjclose", "timestamp"])
def test_arrays_of_unequal_length_are_refused_as_a_whole(days: Sample, name: str) -> None:
    """When one array is short nobody knows which rows belong together."""
    body = Body(days)
    arrays = {"timestamp": body.result, "adjclose": body.result["indicators"]["adjclose"][0]}
    arrays.get(name, body.quote)[name].pop()
    with pytest.raises(MalformedPayloadError) as error:
        days.source.check(days.request, days.response(body.document))
    assert error.value.reason == "length_mismatch"


@pytest.mark.parametrize("quote", [[{}], [], None])
def test_a_day_without_trading_is_empty(minutes: Sample, quote: object) -> None:
    """A closed day has no `timestamp` and nothing in `quote`; the last price is still told."""
    body = Body(minutes)
    del body.result["timestamp"]
    body.result["indicators"]["quote"] = quote
    payload = read(minutes, body)
    assert (payload.candles, payload.rejects) == ((), ())
    assert len(payload.prices) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"symbol": "GARAN.IS"}, "wrong_symbol"),
        ({"symbol": None}, "wrong_symbol"),
        ({"dataGranularity": "1d"}, "wrong_granularity"),
        ({"dataGranularity": None}, "wrong_granularity"),
        ({"exchangeTimezoneName": "Mars/Base"}, "bad_timezone"),
        ({"exchangeTimezoneName": "Europe"}, "bad_timezone"),
        ({"exchangeTimezoneName": "x" * 5000}, "bad_timezone"),
        ({"exchangeTimezoneName": "../../etc/passwd"}, "bad_timezone"),
        ({"exchangeTimezoneName": None}, "bad_timezone"),
        ({"tradingPeriods": "all day"}, "wrong_shape"),
        ({"tradingPeriods": [["x"]]}, "wrong_shape"),
        ({"tradingPeriods": [[{"start": 1, "end": 10**30}]]}, "bad_time"),
    ],
)
def test_a_chart_of_something_else_is_refused(minutes: Sample, change: dict[str, Any], reason: str) -> None:
    """Another symbol, granularity, or a place and session that cannot be understood: nothing of it is data."""
    body = Body(minutes)
    body.meta |= change
    with pytest.raises(MalformedPayloadError) as error:
        read(minutes, body)
    assert error.value.reason == reason


def test_the_symbols_spelling_may_differ_in_case(minutes: Sample) -> None:
    """Yahoo answers in its canonical spelling; rows carry the one that was asked for."""
    [request] = minutes.source.build_requests(minutes.task, ["thyao.is"], now=minutes.now, since=None)
    payload = minutes.source.parse(request, minutes.response())
    assert {candle.source_symbol for candle in payload.candles} == {"thyao.is"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"regularMarketPrice": 0}, "not_positive"),
        ({"regularMarketPrice": "x"}, "not_a_number"),
        ({"regularMarketTime": None}, "bad_time"),
        ({"regularMarketTime": 10**12}, "bad_time"),
    ],
)
def test_an_impossible_price_is_rejected_beside_the_candles(
    minutes: Sample, change: dict[str, Any], reason: str
) -> None:
    """The meta block's price stands in no row: its position is -1."""
    body = Body(minutes)
    body.meta |= change
    payload = read(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [(reason, -1)]
    assert (payload.prices, len(payload.candles)) == ((), 3)


def test_a_chart_without_a_price_has_candles_only(minutes: Sample) -> None:
    """A missing price is no reject."""
    body = Body(minutes)
    del body.meta["regularMarketPrice"]
    payload = read(minutes, body)
    assert (payload.prices, payload.rejects, len(payload.candles)) == ((), (), 3)


def test_candles_outside_of_the_window_are_left_out(minutes: Sample) -> None:
    """Yahoo also sends the candle that opens exactly at the end of the window; ours is half-open."""
    start = datetime.fromtimestamp(OPEN, UTC)
    request = minutes.request.model_copy(update={"start": start, "end": start + timedelta(minutes=2)})
    assert opens(read(minutes, Body(minutes), request=request).candles) == [OPEN]


def test_candles_are_in_the_order_of_time(minutes: Sample) -> None:
    """Rows come out oldest first, whatever order they were sent in; a repeated minute counts once, the later one."""
    body = Body(minutes)
    body.rows((OPEN + 60, 2.0), (OPEN, 1.0), (OPEN + 60, 3.0))
    assert [candle.close for candle in read(minutes, body).candles] == [1, 3]
