"""Yahoo's charts: units, missing and broken rows, and charts that are not what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflow.errors import MalformedPayloadError
from tests.unit.sources.support import ChartBody, Sample, opens, read_chart, sample

pytestmark = pytest.mark.unit

OPEN = 1772445600  # 2026-03-02 10:00 UTC, the first minute of the fixture


@pytest.fixture
def minutes() -> Sample:
    """One-minute candles of an Istanbul share."""
    return sample("yahoo", "chart_1m")


@pytest.fixture
def days() -> Sample:
    """Daily candles of a London share."""
    return sample("yahoo", "chart_1d")


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
    body = ChartBody(minutes)
    (body.result if name == "timestamp" else body.quote)[name][2] = value
    payload = read_chart(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [(reason, 2)]
    assert opens(payload.candles) == [OPEN, OPEN + 180]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "adjclose", "timestamp"])
def test_arrays_of_unequal_length_are_refused_as_a_whole(days: Sample, name: str) -> None:
    """When one array is short nobody knows which rows belong together."""
    body = ChartBody(days)
    arrays = {"timestamp": body.result, "adjclose": body.result["indicators"]["adjclose"][0]}
    arrays.get(name, body.quote)[name].pop()
    with pytest.raises(MalformedPayloadError) as error:
        days.source.check(days.request, days.response(body.document))
    assert error.value.reason == "length_mismatch"


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
    body = ChartBody(minutes)
    body.meta |= change
    with pytest.raises(MalformedPayloadError) as error:
        read_chart(minutes, body)
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
    body = ChartBody(minutes)
    body.meta |= change
    payload = read_chart(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [(reason, -1)]
    assert (payload.prices, len(payload.candles)) == ((), 3)


def test_a_chart_without_a_price_has_candles_only(minutes: Sample) -> None:
    """A missing price is no reject."""
    body = ChartBody(minutes)
    del body.meta["regularMarketPrice"]
    payload = read_chart(minutes, body)
    assert (payload.prices, payload.rejects, len(payload.candles)) == ((), (), 3)


def test_candles_outside_of_the_window_are_left_out(minutes: Sample) -> None:
    """Yahoo also sends the candle that opens exactly at the end of the window; ours is half-open."""
    start = datetime.fromtimestamp(OPEN, UTC)
    request = minutes.request.model_copy(update={"start": start, "end": start + timedelta(minutes=2)})
    assert opens(read_chart(minutes, ChartBody(minutes), request=request).candles) == [OPEN]


def test_candles_are_in_the_order_of_time(minutes: Sample) -> None:
    """Rows come out oldest first, whatever order they were sent in; a repeated minute counts once, the later one."""
    body = ChartBody(minutes)
    body.rows((OPEN + 60, 2.0), (OPEN, 1.0), (OPEN + 60, 3.0))
    assert [candle.close for candle in read_chart(minutes, body).candles] == [1, 3]
