"""The refusals of the simulated Yahoo."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.simulator.support import MONDAY, ask, chart, world

pytestmark = pytest.mark.unit

NOW = int(MONDAY.timestamp())
DAY = 86_400


def refusal(symbol: str = "AAPL", **params: object) -> tuple[int, str, str]:
    """Status, code and description of a refused chart request."""
    answer = ask(world(), f"/yahoo/v8/finance/chart/{symbol}", **params)
    document: dict[str, Any] = json.loads(answer.body)
    assert document["chart"]["result"] is None
    error = document["chart"]["error"]
    return answer.status, error["code"], error["description"]


def test_unknown_symbol() -> None:
    """An unknown or delisted symbol is 404."""
    assert refusal("NOPE") == (404, "Not Found", "No data found, symbol may be delisted")


def test_unknown_interval_and_range() -> None:
    """An interval or range that does not exist is 400 with the list of those that do."""
    status, code, text = refusal(interval="1s", range="3mo")
    assert (status, code) == (400, "Bad Request")
    assert text == (
        "Invalid input - interval=1s is not supported. Valid intervals: "
        "[1m, 2m, 5m, 15m, 30m, 60m, 90m, 1h, 4h, 1d, 5d, 1wk, 1mo, 3mo]"
    )
    assert refusal(range="3w")[:2] == (400, "Bad Request")
    assert refusal(period1="soon")[:2] == (400, "Bad Request")
    assert refusal(period1=2, period2=1)[:2] == (400, "Bad Request")


def test_before_the_listing() -> None:
    """A window that ends before the first trade is 400; one that begins before it is cut."""
    text = "Data doesn't exist for startDate = 1000000000, endDate = 1100000000"
    assert refusal("TSLA", interval="1d", period1=10**9, period2=11 * 10**8) == (400, "Bad Request", text)
    first = chart(world(), "TSLA", interval="1d", period1=-(10**9), period2=1_278_000_000)
    assert first["timestamp"][0] == first["meta"]["firstTradeDate"] == 1_277_818_200


def test_too_wide() -> None:
    """More than eight days of minutes are 422; eight are answered."""
    start = NOW - 9 * DAY
    assert refusal(interval="1m", period1=start, period2=NOW) == (
        422,
        "Unprocessable Entity",
        (
            f"1m data not available for startTime={start} and endTime={NOW}. Only 8 days worth of 1m granularity data "
            "are allowed to be fetched per request."
        ),
    )
    assert refusal(interval="1m", range="1mo")[0] == 422
    assert chart(world(), interval="1m", period1=NOW - 8 * DAY, period2=NOW)["timestamp"]
    assert chart(world(), interval="1m", range="7d")["timestamp"]


@pytest.mark.parametrize(("interval", "days"), [("1m", 30), ("2m", 60), ("5m", 60), ("90m", 60), ("1h", 730)])
def test_too_old(interval: str, days: int) -> None:
    """A window that begins further back than the interval is kept is 422; one just within is answered."""
    start, end = NOW - days * DAY - 1, NOW - days * DAY + 4 * DAY
    assert refusal(interval=interval, period1=start, period2=end) == (
        422,
        "Unprocessable Entity",
        (
            f"{interval} data not available for startTime={start} and endTime={end}. The requested range must be "
            f"within the last {days} days."
        ),
    )
    assert chart(world(), interval=interval, period1=start + 1, period2=end)["timestamp"]


def test_ranges_within_reach() -> None:
    """Sixty days of five minutes and two years of hours are answered, three months and five years are not."""
    assert chart(world(), interval="5m", range="60d")["timestamp"]
    assert chart(world(), interval="1h", range="2y")["timestamp"]
    assert refusal(interval="5m", range="3mo")[0] == 422
    assert refusal(interval="1h", range="5y")[0] == 422


@pytest.mark.parametrize("agent", [{}, {"User-Agent": "python-httpx/0.28.1"}])
def test_only_browsers_are_served(agent: dict[str, str]) -> None:
    """Without a browser's User-Agent the first call is 429, as text."""
    answer = ask(world(), "/yahoo/v8/finance/chart/AAPL", agent)
    assert (answer.status, answer.headers["content-type"]) == (429, "text/html")
    assert answer.body.startswith(b"Too Many Requests")


def test_quotes_need_a_crumb() -> None:
    """v7 quote without a crumb is 401 in the finance envelope."""
    answer = ask(world(), "/yahoo/v7/finance/quote", symbols="AAPL")
    assert answer.status == 401
    assert json.loads(answer.body) == {
        "finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}
    }


def test_headers() -> None:
    """A chart may be cached for ten seconds and bears a request id; an unknown page is HTML."""
    headers = ask(world(), "/yahoo/v8/finance/chart/AAPL").headers
    assert headers["content-type"] == "application/json;charset=utf-8"
    assert headers["cache-control"] == "public, max-age=10, stale-while-revalidate=20"
    assert headers.keys() >= {"vary", "age", "y-rid"}
    assert ask(world(), "/yahoo/v8/finance/nothing").headers["content-type"] == "text/html"
