"""Binance: what is asked, and what its limits, bans and refusals mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
