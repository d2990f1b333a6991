"""For which open times an answer is complete, by source."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.coverage import Asked, Span
from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.domain.records import ParsedPayload
from tests.unit.sources.support import ChartBody, read_chart, sample

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 3, 2, 12, 0, 20, tzinfo=UTC)
OVER = NOW.replace(second=0)


def kline(opened: datetime) -> list[object]:
    start = int(opened.timestamp()) * 1000
    return [start, "1", "1", "1", "1", "1", start + 59_999, "1", 1, "1", "1", "0"]


def binance(
    opens: list[datetime], *, limit: int = 1000, window: tuple[datetime, datetime] | None = None
) -> ParsedPayload:
    """What is read in klines that open then, asked for at noon."""
    case = sample("binance", "klines_1m")
    start, end = window or (None, None)
    task = FetchTask(dataset="klines_1m", start=start, end=end)
    (request,) = case.source.build_requests(task, ["BTCUSDT"], now=NOW, since=NOW - (limit - 3) * MINUTE)
    assert dict(request.params)["limit"] == str(1000 if window else limit)
    body = json.dumps([kline(opened) for opened in opens]).encode()
    return case.source.parse(request, case.response(body, date="Mon, 02 Mar 2026 12:00:20 GMT"))


def fetched(payload: ParsedPayload) -> Span | None:
    """The one range; None when the answer settles nothing."""
    if not payload.asked:
        return None
    (asked,) = payload.asked
    assert asked.refused == ()
    (span,) = asked.fetched
    return span


def last(count: int) -> list[datetime]:
    """The newest open times, the forming candle included."""
    return [OVER - number * MINUTE for number in range(count)][::-1]


def test_the_newest_klines_reach_back_as_far_as_was_asked() -> None:
    """A page that is full begins with its first row; one that is not has everything that it was asked for."""
    assert fetched(binance(last(5), limit=5)) == (OVER - 4 * MINUTE, OVER)
    assert fetched(binance(last(3), limit=5)) == (OVER - 4 * MINUTE, OVER)
    assert fetched(binance(last(7)[:3] + last(2), limit=5)) == (OVER - 6 * MINUTE, OVER)
    assert fetched(binance([], limit=5)) is None


def test_a_window_of_klines_is_complete_unless_its_page_was_cut() -> None:
    """An empty window is an answer too; a full page ends with its last row; what still forms is never in it."""
    start = OVER - 2000 * MINUTE
    assert fetched(binance([], window=(start, start + 30 * MINUTE))) == (start, start + 30 * MINUTE)
    page = [start + number * MINUTE for number in range(1000)]
    assert fetched(binance(page, window=(start, start + 1000 * MINUTE))) == (start, start + 1000 * MINUTE)
    assert fetched(binance(last(3), window=(OVER - 9 * MINUTE, NOW))) == (OVER - 9 * MINUTE, OVER)
    half = [start + number * MINUTE for number in range(1000)]
    assert fetched(binance([*half[:-1], half[-1] - MINUTE], window=(start, start + 1000 * MINUTE))) == (
        start,
        half[-1],
    )


def test_a_refused_kline_tells_when_it_would_have_opened() -> None:
    """So that the quarantine can be named as the reason of that minute alone."""
    case = sample("binance", "klines_1m")
    opened, _, *rest = kline(OVER - 2 * MINUTE)
    rows = [kline(OVER - 3 * MINUTE), [opened, "nonsense", *rest], ["x"]]
    first, second = case.source.parse(case.request, case.response(rows)).rejects
    assert (first.open_time, second.open_time) == (OVER - 2 * MINUTE, None)


def test_a_publication_settles_everything_from_its_day_until_the_answer() -> None:
    """Had there been a later one, this would have been it; the pairs that it lacks are refused by themselves."""
    case = sample("exchangerate", "latest")
    payload = case.source.parse(case.request, case.response())
    assert payload.asked == tuple(
        Asked(
            pair,
            Interval.D1,
            ((datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 6, 10, 2, tzinfo=UTC)),),
        )
        for pair in case.symbols
    )


MINUTES = sample("yahoo", "chart_1m")
DAYS = sample("yahoo", "chart_1d")


def test_a_chart_of_today_is_complete_from_its_session_to_what_has_settled() -> None:
    """The last trade was in the minute of 10:03, so that 10:02 is the last one that can no longer change."""
    payload = read_chart(MINUTES, ChartBody(MINUTES))
    assert fetched(payload) == (
        datetime(2026, 3, 2, 7, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 3, tzinfo=UTC),
    )
    (session,) = payload.sessions
    assert (session.opens_at, session.closes_at) == (
        datetime(2026, 3, 2, 7, tzinfo=UTC),
        datetime(2026, 3, 2, 15, tzinfo=UTC),
    )


def test_a_chart_without_sessions_begins_with_its_first_row() -> None:
    """And one without rows either settles nothing."""
    body = ChartBody(MINUTES)
    del body.meta["tradingPeriods"]
    span = fetched(read_chart(MINUTES, body))
    assert span is not None
    assert span[0] == datetime(2026, 3, 2, 10, tzinfo=UTC)
    body.rows()
    assert read_chart(MINUTES, body).asked == ()
    assert read_chart(MINUTES, body).sessions == ()


def test_minutes_that_a_delayed_exchange_may_still_change_are_not_settled() -> None:
    """Half an hour after the last trade everything that is over is."""
    body = ChartBody(MINUTES)
    body.meta["regularMarketTime"] = MINUTES.body["chart"]["result"][0]["timestamp"][0]
    span = fetched(read_chart(MINUTES, body))
    assert span is not None
    assert span[1] == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_days_are_complete_until_the_running_one() -> None:
    """From the exchange's midnight of the first row to that of today, whatever the stamps of the rows are."""
    span = fetched(read_chart(DAYS, ChartBody(DAYS)))
    first = min(DAYS.body["chart"]["result"][0]["timestamp"])
    assert span is not None
    assert span[0] <= datetime.fromtimestamp(first, UTC) < span[0] + timedelta(days=1)
    assert {moment.astimezone(UTC).minute for moment in span} == {0}
    assert span[1] <= DAYS.now < span[1] + timedelta(days=1)


def test_a_window_is_complete_as_it_was_asked_for() -> None:
    """Cut at what has settled."""
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    for end, until in ((start + 60 * MINUTE, start + 60 * MINUTE), (MINUTES.now, start.replace(hour=10, minute=3))):
        task = FetchTask(dataset="chart_1m", start=start, end=end)
        (request,) = MINUTES.source.build_requests(task, ["THYAO.IS"], now=MINUTES.now, since=None)
        assert fetched(read_chart(MINUTES, ChartBody(MINUTES), request=request)) == (start, until)


def test_a_window_before_the_listing_is_answered_by_a_400() -> None:
    """Yahoo says that there is no data; without a window, or for the last day, that settles nothing."""
    error = {"chart": {"result": None, "error": {"code": "Bad Request", "description": "Data doesn't exist for x"}}}
    start = datetime(2020, 3, 2, tzinfo=UTC)
    task = FetchTask(dataset="chart_1d", start=start, end=start + timedelta(days=9))
    (request,) = DAYS.source.build_requests(task, ["AAPL"], now=DAYS.now, since=None)
    assert fetched(DAYS.source.parse(request, DAYS.response(error, status=400))) == (start, start + timedelta(days=9))
    assert DAYS.source.parse(DAYS.request, DAYS.response(error, status=400)).asked == ()
    assert DAYS.source.parse(request, DAYS.response({"chart": {"result": None, "error": None}})).asked == ()


def test_a_refused_row_of_a_chart_tells_its_candle() -> None:
    """A day opens at the exchange's midnight, a minute at its stamp."""
    body = ChartBody(MINUTES)
    body.quote["open"][2] = None
    (reject,) = read_chart(MINUTES, body).rejects
    assert reject.open_time == datetime(2026, 3, 2, 10, 2, tzinfo=UTC)
    body = ChartBody(DAYS)
    body.quote["open"][0] = None
    first = read_chart(DAYS, ChartBody(DAYS)).candles[0].open_time
    assert [reject.open_time for reject in read_chart(DAYS, body).rejects] == [first]


@given(st.integers(-(2**62), 2**62) | st.text(max_size=3) | st.none())
def test_no_stamp_of_a_refused_row_is_too_odd(stamp: object) -> None:
    """Whatever stands in the place of a time, the row is refused and the rest is read."""
    body = ChartBody(MINUTES)
    body.quote["open"][2] = None
    body.result["timestamp"][2] = stamp
    assert read_chart(MINUTES, body).asked
