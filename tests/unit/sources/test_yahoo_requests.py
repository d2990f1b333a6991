"""Yahoo: what is asked, and what each of its refusals means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketflow.domain.fetching import FetchTask
from marketflow.errors import (
    MalformedPayloadError,
    MarketFlowError,
    RefusedError,
    RetryLaterError,
    SourceBlockedError,
    SymbolUnavailableError,
)
from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 5, 11, 20, 5, tzinfo=UTC)


@pytest.fixture
def minutes() -> Sample:
    """One-minute candles of an Istanbul share."""
    return sample("yahoo", "chart_1m")


@pytest.fixture
def days() -> Sample:
    """Daily candles of a London share."""
    return sample("yahoo", "chart_1d")


def error_body(description: str, *, code: str = "Bad Request", envelope: str = "chart") -> dict[str, object]:
    """An error as Yahoo words it."""
    return {envelope: {"result": None, "error": {"code": code, "description": description}}}


def test_a_pause_over_night_fetches_the_last_minutes_of_the_day_before(minutes: Sample) -> None:
    """After a pause that a session may have ended in, the request reaches back into it (seed 107 of the simulation).

    A range of one day shows nothing but the newest session, from its pre-market on.
    """
    closing, morning = NOW.replace(hour=14, minute=49), NOW.replace(hour=7, minute=5) + timedelta(days=1)
    [request] = minutes.source.build_requests(FetchTask(dataset="chart_1m"), ["X.IS"], now=morning, since=closing)
    assert dict(request.params)["range"] == "5d"


@pytest.mark.parametrize(
    ("dataset", "behind", "reach"),
    [
        ("chart_1m", None, "5d"),
        ("chart_1m", timedelta(minutes=1), "1d"),
        ("chart_1m", timedelta(minutes=59), "1d"),
        ("chart_1m", timedelta(hours=10), "5d"),
        ("chart_1m", timedelta(days=2), "5d"),
        ("chart_1d", None, "1y"),
        ("chart_1d", timedelta(hours=1), "1mo"),
        ("chart_1d", timedelta(days=60), "1y"),
    ],
)
def test_the_range_covers_what_was_missed(minutes: Sample, dataset: str, behind: timedelta | None, reach: str) -> None:
    """The newest range reaches back to the last good fetch, as far as one call allows."""
    since = None if behind is None else NOW - behind
    [request] = minutes.source.build_requests(FetchTask(dataset=dataset), ["AAPL"], now=NOW, since=since)
    params = dict(request.params)
    assert params["range"] == reach
    assert params["interval"] == dataset.removeprefix("chart_") == request.interval


@pytest.mark.parametrize(
    ("symbol", "segment"), [("^GSPC", "%5EGSPC"), ("EURUSD=X", "EURUSD%3DX"), ("A/B?c", "A%2FB%3Fc")]
)
def test_a_symbol_stays_inside_its_path_segment(minutes: Sample, symbol: str, segment: str) -> None:
    """The symbol is percent-encoded, so that no spelling reaches another path."""
    [request] = minutes.source.build_requests(minutes.task, [symbol], now=NOW, since=None)
    assert request.path == f"/v8/finance/chart/{segment}"


def test_a_window_of_minutes_is_asked_in_spans_of_seven_days(minutes: Sample) -> None:
    """Yahoo serves seven days of minutes a call."""
    task = FetchTask(dataset="chart_1m", start=NOW - timedelta(days=20), end=NOW)
    requests = minutes.source.build_requests(task, ["AAPL"], now=NOW, since=None)
    spans = [request.end - request.start for request in requests if request.end and request.start]
    assert spans == [timedelta(days=7), timedelta(days=7), timedelta(days=6)]
    assert dict(requests[0].params)["period1"] == str(int((NOW - timedelta(days=20)).timestamp()))
    assert dict(requests[0].params)["period2"] == dict(requests[1].params)["period1"]
    assert "range" not in dict(requests[0].params)


def test_minutes_older_than_thirty_days_are_refused(minutes: Sample) -> None:
    """What the vendor no longer has is refused before it is asked."""
    task = FetchTask(dataset="chart_1m", start=NOW - timedelta(days=31), end=NOW)
    with pytest.raises(RefusedError) as error:
        minutes.source.build_requests(task, ["AAPL"], now=NOW, since=None)
    assert (error.value.code, error.value.parameter) == ("window_too_old", "start")


def test_a_window_of_days_is_asked_up_to_now(days: Sample) -> None:
    """Old prices are adjusted for every split since, and only an answer up to now lists all of those."""
    task = FetchTask(dataset="chart_1d", start=datetime(2015, 1, 1, tzinfo=UTC), end=datetime(2020, 1, 1, tzinfo=UTC))
    [request] = days.source.build_requests(task, ["AAPL"], now=NOW, since=None)
    params = dict(request.params)
    assert (params["period1"], params["period2"]) == ("1420070400", str(int(NOW.timestamp())))
    assert (request.start, request.end) == (task.start, task.end)


@pytest.mark.parametrize("status", [429, 999])
def test_a_rate_limit_is_left_alone_for_minutes(minutes: Sample, status: int) -> None:
    """Yahoo names no time, in a body that is no JSON."""
    response = minutes.response(b"Edge: Too Many Requests", status=status, content_type="text/html")
    with pytest.raises(RetryLaterError) as error:
        minutes.source.check(minutes.request, response)
    assert error.value.not_before == minutes.now + timedelta(minutes=5)


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_consent_page_is_no_answer_whatever_its_status(minutes: Sample, status: int) -> None:
    """A page says nothing about a symbol: nobody is given up because of it."""
    response = minutes.response(b"  <html>guce", status=status, content_type="text/html; charset=utf-8")
    with pytest.raises(RetryLaterError):
        minutes.source.check(minutes.request, response)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, error_body("No data found, symbol may be delisted", code="Not Found"), SymbolUnavailableError),
        (200, {"chart": None}, SymbolUnavailableError),
        (401, error_body("Invalid Crumb", code="Unauthorized", envelope="finance"), SourceBlockedError),
        (403, {}, SourceBlockedError),
        (200, {"finance": {"result": None, "error": None}}, MalformedPayloadError),
        (200, {"chart": {"result": "x"}}, MalformedPayloadError),
        (200, {"chart": {"result": [None]}}, MalformedPayloadError),
        (400, {"chart": None}, MalformedPayloadError),
        (400, [], MalformedPayloadError),
    ],
)
def test_refusals_are_typed_by_what_to_do(
    minutes: Sample, status: int, body: object, error: type[MarketFlowError]
) -> None:
    """Unknown symbols are given up, closed doors stop the source, and what is no chart is quarantined."""
    for read in (minutes.source.check, minutes.source.parse):
        with pytest.raises(error):
            read(minutes.request, minutes.response(body, status=status))


@pytest.mark.parametrize(
    ("status", "description", "reason"),
    [
        (400, "Invalid input - interval=1s is not supported.", "request_refused"),
        (422, "1m data not available for startTime=1 and endTime=2. Only 8 days worth of …", "window_refused"),
        (422, "1m data not available for startTime=1 and endTime=2. The requested range must be …", "window_refused"),
    ],
)
def test_our_own_mistakes_are_quarantined(minutes: Sample, status: int, description: str, reason: str) -> None:
    """A request that Yahoo cannot serve would be refused again."""
    with pytest.raises(MalformedPayloadError, match="not") as error:
        minutes.source.check(minutes.request, minutes.response(error_body(description), status=status))
    assert error.value.reason == reason
