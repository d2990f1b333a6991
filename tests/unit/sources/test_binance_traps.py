"""The traps of Binance's klines and tickers, named after the wire facts (1.5, 1.6 and 1.7); bodies written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.domain.rules import first_fault
from marketflow.domain.symbol import AssetType
from marketflow.errors import SymbolUnavailableError
from marketflow.etl.coverage import account
from marketflow.etl.strategies import STRATEGIES
from tests.unit.sources.support import Sample, opens, sample

pytestmark = pytest.mark.unit

MINUTE = 60_000
FIRST = 1772445600000  # 2026-03-02 10:00 UTC, the first minute of the fixture
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def klines() -> Sample:
    """Four candles of one pair."""
    return sample("binance", "klines_1m")


@pytest.fixture
def prices() -> Sample:
    """Two last trades."""
    return sample("binance", "ticker_price")


def row(place: int, price: str = "100.00000000", *, volume: str = "1.00000000", last: str = "0") -> list[object]:
    """A flat minute, `place` minutes after the first."""
    start = FIRST + place * MINUTE
    return [
        start,
        price,
        price,
        price,
        price,
        volume,
        start + MINUTE - 1,
        volume,
        int(volume != "0.00000000"),
        "0",
        "0",
        last,
    ]


@pytest.mark.parametrize(("second", "final"), [("10:03:59", False), ("10:04:00", True)])
def test_trap_the_last_row_is_the_forming_candle(klines: Sample, second: str, final: bool) -> None:
    """It is kept and not final until the answer's own `Date` is past its close, whatever our clock says."""
    response = klines.response([row(2), row(3)], date=f"Mon, 02 Mar 2026 {second} GMT")
    assert [candle.final for candle in klines.source.parse(klines.request, response).candles] == [True, final]


def test_trap_zero_volume_rows_are_real(klines: Sample) -> None:
    """A flat minute at the previous close, without a trade, is a candle."""
    response = klines.response([row(0), row(1, volume="0.00000000")])
    [_, quiet] = klines.source.parse(klines.request, response).candles
    assert (quiet.close, quiet.volume, quiet.trades, quiet.final) == (Decimal(100), 0, 0, True)


def test_trap_gaps_are_real_and_nothing_is_made_up(klines: Sample) -> None:
    """Minutes that the exchange was down are not there; the answer is complete all the same, on both sides of them."""
    request = klines.request.model_copy(update={"start": START, "end": START + timedelta(minutes=4)})
    payload = klines.source.parse(request, klines.response([row(0), row(3)], date="Mon, 02 Mar 2026 10:10:00 GMT"))
    assert opens(payload.candles) == [FIRST // 1000, FIRST // 1000 + 180]
    [asked] = payload.asked
    assert asked.fetched == ((START, START + timedelta(minutes=4)),)


def test_trap_odd_rows_of_2018_go_to_the_quarantine_with_their_place(klines: Sample) -> None:
    """A minute that opens 15 seconds late is no candle of the grid; the others are, and its minute is not fetched."""
    odd = row(1)
    odd[0], odd[6] = FIRST + MINUTE + 15_000, FIRST + 2 * MINUTE + 14_999
    request = klines.request.model_copy(update={"start": START, "end": START + timedelta(minutes=3)})
    clock = START + timedelta(minutes=10)
    payload = klines.source.parse(request, klines.response([row(0), odd, row(2)], date="Mon, 02 Mar 2026 10:10:00 GMT"))
    assert [(one.reason, one.position) for one in payload.rejects] == [("wrong_granularity", 1)]
    assert opens(payload.candles) == [FIRST // 1000, FIRST // 1000 + 120]
    [asked] = account(payload.asked, payload.rejects, request, clock=clock)
    assert asked.refused == ((START + timedelta(minutes=1), START + timedelta(minutes=2)),)


def test_trap_odd_rows_of_2018_do_not_move_the_next_page(klines: Sample) -> None:
    """Pages are windows of time, ours to the minute: no row's open or close decides where the next one begins."""
    task = FetchTask(dataset="klines_1m", start=START - timedelta(minutes=2500), end=START)
    requests = klines.source.build_requests(task, ["BTCUSDT"], now=klines.now, since=None)
    assert [one.start for one in requests[1:]] == [one.end for one in requests[:-1]]
    assert all(one.start is not None and one.start.second == 0 for one in requests)


def test_trap_the_twelfth_field_is_ignored(klines: Sample) -> None:
    """In 2017 it held a number."""
    plain, odd = (
        klines.source.parse(klines.request, klines.response([row(0, last=last)])).candles
        for last in ("0", "56742.16444446")
    )
    assert plain == odd


def test_trap_an_interval_is_case_sensitive(klines: Sample) -> None:
    """`1m` is a minute and `1M` a month: what is asked is the minute, to the letter."""
    assert dict(klines.request.params)["interval"] == "1m"
    assert Interval.M1 != Interval.MO1


def test_trap_a_window_without_candles_is_an_empty_answer(klines: Sample) -> None:
    """Before the listing and behind the delisting there is `[]` with status 200."""
    response = klines.response([])
    klines.source.check(klines.request, response)
    assert klines.source.parse(klines.request, response).candles == ()


def test_trap_no_parameter_is_sent_empty(klines: Sample, prices: Sample) -> None:
    """`endTime=` is an error at Binance: what is not asked for is left out."""
    for case in (klines, prices):
        for since in (None, case.now - timedelta(minutes=5)):
            for request in case.source.build_requests(case.task, case.symbols, now=case.now, since=since):
                assert all(value != "" for _, value in request.params)


def test_trap_a_final_row_before_its_close_is_refused(klines: Sample) -> None:
    """Should a parser ever call a forming candle final, the rules of crypto refuse it."""
    [candle] = klines.source.parse(klines.request, klines.response([row(0)])).candles
    fault = first_fault(candle, START + timedelta(seconds=59), STRATEGIES[AssetType.CRYPTO].candle_rules)
    assert fault is not None
    assert fault.reason == "early_final"


def test_trap_one_ticker_is_an_object_and_several_are_an_array(prices: Sample) -> None:
    """`symbol=` and `symbols=` answer in different shapes."""
    [alone] = prices.source.build_requests(prices.task, ["BTCUSDT"], now=prices.now, since=None)
    one = {"symbol": "BTCUSDT", "price": "4.00000200"}
    assert [price.price for price in prices.source.parse(alone, prices.response(one)).prices] == [Decimal("4.000002")]
    many = [one, {"symbol": "PEPEUSDT", "price": "0.00000812"}]
    assert len(prices.source.parse(prices.request, prices.response(many)).prices) == 2


def test_trap_a_ticker_has_no_time_of_its_own(prices: Sample) -> None:
    """It carries the response's `Date`, the source's clock and not ours."""
    payload = prices.source.parse(prices.request, prices.response(date="Mon, 02 Mar 2026 10:00:07 GMT"))
    assert {price.as_of for price in payload.prices} == {START + timedelta(seconds=7)}


def test_trap_one_unknown_symbol_fails_the_whole_ticker_call(prices: Sample) -> None:
    """-1121 does not say which one: all of the request are suspects."""
    with pytest.raises(SymbolUnavailableError) as error:
        prices.source.check(prices.request, prices.response({"code": -1121, "msg": "Invalid symbol."}, status=400))
    assert error.value.symbols == prices.symbols
