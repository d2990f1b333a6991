"""Binance: its limits, bans and refusals, and rows exactly as they were sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketflow.domain.fetching import FetchTask
from marketflow.errors import (
    MalformedPayloadError,
    RefusedError,
    RetryLaterError,
    SourceBlockedError,
    SymbolUnavailableError,
)
from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 10, 3, 21, 400_000, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def klines() -> Sample:
    """Four candles of one pair."""
    return sample("binance", "klines_1m")


@pytest.fixture
def prices() -> Sample:
    """Two last trades."""
    return sample("binance", "ticker_price")


def limit(case: Sample, since: datetime | None) -> str:
    """How many candles are asked for."""
    [request] = case.source.build_requests(case.task, ["BTCUSDT"], now=NOW, since=since)
    return dict(request.params)["limit"]


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (timedelta(0), "3"),
        (timedelta(seconds=60), "4"),
        (timedelta(seconds=61), "5"),
        (timedelta(minutes=30), "33"),
        (timedelta(days=3), "1000"),
        (timedelta(minutes=-5), "3"),
    ],
)
def test_klines_reach_back_to_the_last_good_fetch(klines: Sample, behind: timedelta, expected: str) -> None:
    """The limit covers the minutes missed and three more, within what one call allows; a clock ahead is no harm."""
    assert limit(klines, NOW - behind) == expected


def test_the_first_klines_are_as_deep_as_a_call_allows(klines: Sample) -> None:
    """Without an earlier fetch a call brings the newest thousand candles."""
    assert limit(klines, None) == "1000"


def test_a_window_is_asked_for_in_milliseconds_half_open(klines: Sample) -> None:
    """`endTime` is inclusive at Binance, so that the candle at our exclusive end is not asked for."""
    task = FetchTask(dataset="klines_1m", start=START, end=START + timedelta(minutes=10))
    [request] = klines.source.build_requests(task, ["BTCUSDT"], now=NOW, since=None)
    params = dict(request.params)
    assert (params["startTime"], params["endTime"]) == ("1772323200000", "1772323799999")
    assert params["limit"] == "1000"
    assert (request.start, request.end) == (task.start, task.end)


def test_a_long_window_is_split_without_gap_or_overlap(klines: Sample) -> None:
    """2500 minutes are three requests of at most a thousand, per symbol."""
    task = FetchTask(dataset="klines_1m", start=START - timedelta(days=3), end=START - timedelta(days=3, minutes=-2500))
    requests = klines.source.build_requests(task, ["BTCUSDT", "ETHUSDT"], now=NOW, since=None)
    assert len(requests) == 6
    first = requests[:3]
    assert [one.start for one in first[1:]] == [one.end for one in first[:-1]]
    assert (first[0].start, first[-1].end) == (task.start, task.end)


def test_a_window_ends_now_at_the_latest(klines: Sample) -> None:
    """The future is not asked for; an open end means now."""
    for end in (None, NOW + timedelta(days=1)):
        task = FetchTask(dataset="klines_1m", start=NOW - timedelta(hours=1), end=end)
        [request] = klines.source.build_requests(task, ["BTCUSDT"], now=NOW, since=None)
        assert request.end == NOW


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (None, NOW, "window_without_start"),
        (NOW, NOW, "window_empty"),
        (NOW + timedelta(hours=1), NOW + timedelta(hours=2), "window_empty"),
        (NOW, NOW - timedelta(hours=1), "window_empty"),
    ],
)
def test_windows_that_make_no_sense_are_refused(
    klines: Sample, start: datetime | None, end: datetime | None, code: str
) -> None:
    """A window needs a start, and something between it and now."""
    with pytest.raises(RefusedError) as error:
        klines.source.build_requests(
            FetchTask(dataset="klines_1m", start=start, end=end), ["BTCUSDT"], now=NOW, since=None
        )
    assert error.value.code == code


def test_prices_have_no_history(prices: Sample) -> None:
    """A window of last trades does not exist."""
    with pytest.raises(RefusedError) as error:
        prices.source.build_requests(FetchTask(dataset="ticker_price", start=START), ["BTCUSDT"], now=NOW, since=None)
    assert error.value.code == "window_not_available"


def test_many_prices_are_one_call_and_one_price_is_asked_alone(prices: Sample) -> None:
    """Several symbols go in one compact JSON array; a single one uses `symbol`, which isolates an unknown name."""
    [many] = prices.source.build_requests(prices.task, ["BTCUSDT", "这是测试币456"], now=NOW, since=None)
    assert many.params == (("symbols", '["BTCUSDT","这是测试币456"]'),)
    [one] = prices.source.build_requests(prices.task, ["BTCUSDT"], now=NOW, since=None)
    assert one.params == (("symbol", "BTCUSDT"),)


def test_more_prices_than_a_url_holds_are_several_calls(prices: Sample) -> None:
    """450 symbols are three calls of at most 200."""
    requests = prices.source.build_requests(prices.task, [f"S{n}USDT" for n in range(450)], now=NOW, since=None)
    assert [len(request.symbols) for request in requests] == [200, 200, 50]


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


def test_the_weight_used_is_reported(klines: Sample) -> None:
    """Every answer says how much of the minute's weight is used."""
    verdict = klines.source.check(klines.request, klines.response())
    assert (verdict.budget_used, verdict.budget_limit) == (26, 6000)


@pytest.mark.parametrize("weight", ["", "many", "-1", "²", "٣", "9" * 40])
def test_an_unreadable_weight_is_unknown(klines: Sample, weight: str) -> None:
    """A header that is no number does not spoil the answer."""
    verdict = klines.source.check(klines.request, klines.response(x_mbx_used_weight_1m=weight))
    assert verdict.budget_used is None


def test_a_ban_is_waited_out(klines: Sample) -> None:
    """418 names the end of the ban in `Retry-After` and in its text; the later one counts."""
    end = NOW + timedelta(hours=5)
    body = {"code": -1003, "msg": f"Way too much request weight used; IP banned until {int(end.timestamp() * 1000)}. …"}
    with pytest.raises(RetryLaterError) as error:
        klines.source.check(klines.request, klines.response(body, status=418, retry_after="120"))
    assert error.value.not_before == end


@pytest.mark.parametrize("header", ["99999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_wait_is_longer_than_the_longest_ban(klines: Sample, header: str) -> None:
    """A broken Retry-After or ban time does not silence the source for years."""
    body = {"code": -1003, "msg": "IP banned until 9999999999999."}
    with pytest.raises(RetryLaterError) as error:
        klines.source.check(klines.request, klines.response(body, status=418, retry_after=header))
    assert error.value.not_before == NOW + timedelta(days=3)


def test_a_date_in_retry_after_is_understood(klines: Sample) -> None:
    """`Retry-After` may be an HTTP date."""
    response = klines.response({}, status=429, retry_after="Mon, 02 Mar 2026 11:00:00 GMT")
    with pytest.raises(RetryLaterError) as error:
        klines.source.check(klines.request, response)
    assert error.value.not_before == datetime(2026, 3, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize("status", [403, 451])
def test_a_block_says_what_the_operator_can_do(klines: Sample, status: int) -> None:
    """The firewall (HTML) and the geo block (JSON) are not retried; the message names the setting that helps."""
    with pytest.raises(SourceBlockedError, match="SOURCE_BASE_URLS"):
        klines.source.check(klines.request, klines.response(b"<html>", status=status, content_type="text/html"))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-1121, "Invalid symbol."),
        (-1100, "Illegal characters found in parameter 'symbol'; legal range is …"),
        (-1100, "Illegal characters found in parameter 'symbols'; legal range is …"),
    ],
)
def test_an_unknown_symbol_names_the_whole_request(prices: Sample, code: int, text: str) -> None:
    """One unknown member fails the call without saying which, so all of the request are suspects."""
    with pytest.raises(SymbolUnavailableError) as error:
        prices.source.check(prices.request, prices.response({"code": code, "msg": text}, status=400))
    assert error.value.symbols == ("BTCUSDT", "PEPEUSDT")


@pytest.mark.parametrize("code", [-1000, -1001, -1003, -1006, -1007, -1008, -1016])
def test_internal_troubles_are_retried_whatever_their_status(klines: Sample, code: int) -> None:
    """The vendor's word for its own trouble counts more than the status that it comes with."""
    with pytest.raises(RetryLaterError):
        klines.source.check(klines.request, klines.response({"code": code, "msg": "busy"}, status=400))


@pytest.mark.parametrize("code", [-1100, -1102, -1120, -1151, 0, None, "x", [1], 10**30])
def test_other_refusals_are_our_own_mistake(klines: Sample, code: object) -> None:
    """Asking the same again would be refused again; the answer goes to the quarantine."""
    body = {"code": code, "msg": "Illegal characters found in parameter 'startTime'; legal range is …"}
    for status in (200, 400):
        with pytest.raises(MalformedPayloadError) as error:
            klines.source.check(klines.request, klines.response(body, status=status))
        assert error.value.reason == "request_refused"
