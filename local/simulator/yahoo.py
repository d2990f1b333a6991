"""The simulated Yahoo Finance chart API, which has no documents: its wire facts come from recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

from local.simulator.assets import Market
from local.simulator.faults import Faults
from local.simulator.instruments import Instrument, load_instruments
from local.simulator.noise import mix, salt
from local.simulator.wire import Answer, Request, html_answer, json_answer
from local.simulator.yahoo_actions import adjustment, effective, events
from local.simulator.yahoo_meta import meta
from local.simulator.yahoo_rows import Row, View, blank, look, rows_of, widen
from local.simulator.yahoo_window import (
    JSON_UTF8,
    LONG,
    Window,
    YahooError,
    bad_interval,
    before_listing,
    not_found,
    read_window,
    too_old,
    too_wide,
)

_CHART = "/v8/finance/chart/"
_QUOTE_ORDERS = tuple(permutations(("open", "high", "low", "close", "volume")))
_COARSER = {"1m": "5m", "2m": "15m", "5m": "15m", "1d": "1mo", "1wk": "1mo"}


def _too_many_requests() -> Answer:
    return Answer(429, {"content-type": "text/html"}, b"Too Many Requests\r\n")


def _no_crumb() -> Answer:
    return YahooError(401, "Unauthorized", "Invalid Crumb").answer("finance")


_PAGES: dict[str, Callable[[], Answer]] = {
    "http_429": _too_many_requests,
    "consent_page": lambda: html_answer(
        200, "Yahoo is part of the Yahoo family of brands", "guce.yahoo.com: Accept all"
    ),
    "outage_page": lambda: html_answer(200, "Yahoo", "Will be right back... Thank you for your patience."),
    "http_503": lambda: html_answer(503, "503 Service Unavailable", "We are working quickly to resolve the issue."),
    "http_401": _no_crumb,
    "http_404": lambda: not_found().answer(),
}


class Yahoo:
    """The chart endpoint, and the quote endpoint's refusal of clients without a crumb."""

    name = "yahoo"

    def __init__(self, market: Market, faults: Faults) -> None:
        self.instruments = load_instruments(market)
        self._faults = faults

    def answer(self, request: Request) -> Answer:
        """The answer of query1 and query2, which are alike."""
        symbol = request.path.removeprefix(_CHART).upper()
        try:
            answer = self._page(request, symbol) or self._chart(request, symbol)
        except YahooError as error:
            answer = error.answer()
        if answer.headers["content-type"] != JSON_UTF8:
            return answer
        headers = {
            **answer.headers,
            "cache-control": "public, max-age=10, stale-while-revalidate=20",
            "vary": "Origin,Accept-Encoding",
            "age": "0",
            "y-rid": f"{salt(request.now_ms, symbol):013x}"[:13],
        }
        return Answer(answer.status, headers, answer.body)

    def _page(self, request: Request, symbol: str) -> Answer | None:
        """Everything that is not a chart: what strikes before one is looked up."""
        # Without a browser's User-Agent the very first call is refused.
        if not request.headers.get("user-agent", "").startswith("Mozilla/5.0"):
            return _too_many_requests()
        for name, answer in _PAGES.items():
            if self._faults.hits(f"yahoo.{name}", now=request.now, symbols=(symbol,)):
                return answer()
        if request.path.startswith(("/v7/finance/quote", "/v10/")):
            return _no_crumb()
        return None if request.path.startswith(_CHART) else html_answer(404, "404 Not Found", "HTTP 404")

    def _chart(self, request: Request, symbol: str) -> Answer:
        instrument = self.instruments.get(symbol)
        if instrument is None:
            raise not_found()
        window = read_window(request, instrument)
        self._refuse(request, instrument, window)
        if self._hits("coarser_granularity", request, instrument):
            window = replace(window, granularity=_COARSER.get(window.granularity, window.granularity))
        if self._hits("null_result", request, instrument):
            return json_answer(200, {"chart": {"result": None, "error": None}}, {"content-type": JSON_UTF8})
        view = look(instrument, request.now)
        view = replace(
            view,
            split_at=effective(view, self._faults.moment("yahoo.split", now=request.now, symbol=symbol)),
            forming_day_at_open=self._hits("forming_day_at_open", request, instrument),
        )
        extended = request.param("includePrePost") == "true"
        rows = rows_of(view, window, extended=extended)
        rows = self._disturb(request, view, rows, is_daily=window.granularity == "1d")
        result = self._result(request, view, window, rows)
        return json_answer(200, {"chart": {"result": [result], "error": None}}, {"content-type": JSON_UTF8})

    def _refuse(self, request: Request, instrument: Instrument, window: Window) -> None:
        """Raise the refusals that are switched on."""
        start, end, interval = window.start, window.end, window.granularity
        refusals: dict[str, Callable[[], YahooError]] = {
            "http_400_interval": lambda: bad_interval(interval),
            "http_400_listing": lambda: before_listing(start, end),
            "http_422_span": lambda: too_wide(interval, start, end),
            "http_422_old": lambda: too_old(interval, start, end),
        }
        for name, refusal in refusals.items():
            if self._hits(name, request, instrument):
                raise refusal()

    def _disturb(self, request: Request, view: View, rows: list[Row], *, is_daily: bool) -> list[Row]:
        """Put the row faults that are switched on into `rows`."""
        instrument = view.instrument
        if rows and self._hits("null_row", request, instrument):
            place = mix(request.now) % len(rows)
            rows[place] = blank(rows[place])
        completed = [i for i, row in enumerate(rows) if row.ts not in {view.market_time, view.session[1]}]
        if completed and self._hits("null_prices", request, instrument):
            rows[completed[-1]] = blank(rows[completed[-1]], keep_volume=True)
        if rows and is_daily and self._hits("duplicate_last_date", request, instrument):
            last = rows[-1]
            rows.append(replace(last, ts=max(last.ts + 1, view.market_time), volume=(last.volume or 0) * 101 // 100))
        return rows

    def _result(self, request: Request, view: View, window: Window, rows: list[Row]) -> dict[str, Any]:
        instrument = view.instrument
        block = meta(view, window, extended=request.param("includePrePost") == "true")
        if self._hits("gmtoffset_lie", request, instrument):
            block["gmtoffset"] += 3600
        if self._hits("currency_null", request, instrument):
            block["currency"] = None
        if not rows or self._hits("missing_timestamp", request, instrument):
            block.pop("tradingPeriods", None)
            return {"meta": block, "indicators": {"quote": [{}]}}
        if self._hits("empty_arrays", request, instrument):
            rows = []
        result: dict[str, Any] = {"meta": block, "timestamp": [row.ts for row in rows]}
        if rows and (found := self._events(request, view, rows)):
            result["events"] = found
        order = _QUOTE_ORDERS[salt(request.now_ms, instrument.symbol) % len(_QUOTE_ORDERS)]
        quote = {name: [getattr(row, name) for row in rows] for name in order}
        if quote["close"] and self._hits("length_mismatch", request, instrument):
            quote["close"].pop()
        result["indicators"] = {"quote": [quote]}
        if window.granularity in LONG:
            adjusted = [None if row.close is None else widen(row.close * adjustment(view, row.ts)) for row in rows]
            result["indicators"]["adjclose"] = [{"adjclose": adjusted}]
        return result

    def _events(self, request: Request, view: View, rows: list[Row]) -> dict[str, Any]:
        kinds = set((request.param("events") or "").replace("|", ",").split(","))
        found = events(view, rows[0].ts, rows[-1].ts, kinds)
        if found and self._hits("events_unsorted", request, view.instrument):
            return {name: dict(reversed(items.items())) for name, items in found.items()}
        return found

    def _hits(self, name: str, request: Request, instrument: Instrument) -> bool:
        return self._faults.hits(f"yahoo.{name}", now=request.now, symbols=(instrument.symbol,))
