"""The simulated Binance spot REST API: ping, time, exchangeInfo, klines, ticker/price and ticker/24hr.

Wire facts: https://github.com/binance/binance-spot-api-docs, rest-api.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from local.simulator.assets import Market
from local.simulator.binance_klines import INTERVALS, Grid, Tape, Window, klines
from local.simulator.binance_limits import Charge, Limiter
from local.simulator.binance_market import RATE_LIMITS, exchange_symbol, last_price, ticker_24h
from local.simulator.binance_params import (
    INTERVAL_RANGE,
    JSON_UTF8,
    SYMBOL_RANGE,
    BinanceError,
    check_names,
    find,
    illegal,
    invalid_interval,
    invalid_symbol,
    mandatory,
    milliseconds,
    number,
    selection,
)
from local.simulator.faults import Faults
from local.simulator.pairs import Pair, load_pairs
from local.simulator.wire import Answer, Request, html_answer, json_answer

_GEO = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in "
    "error."
)
_MAX_ROWS = 1000


def _geo_block() -> Answer:
    return Answer(451, {"content-type": JSON_UTF8}, json.dumps({"code": 0, "msg": _GEO}, indent=2).encode())


def _internal_error() -> Answer:
    text = "Internal error; unable to process your request. Please try again."
    return BinanceError(-1001, text, 500).answer()


_FAULTS: dict[str, Callable[[], Answer]] = {
    "http_451": _geo_block,
    "http_403": lambda: html_answer(403, "403 ERROR", "The request could not be satisfied. Request blocked."),
    "http_503": lambda: html_answer(503, "503 Service Temporarily Unavailable", "nginx"),
    "http_500": _internal_error,
    "error_1121": lambda: invalid_symbol().answer(),
    "error_1100": lambda: illegal("symbol", SYMBOL_RANGE).answer(),
    "error_1120": lambda: invalid_interval().answer(),
}


class Binance:
    """One exchange as one client address sees it."""

    name = "binance"

    def __init__(self, market: Market, faults: Faults) -> None:
        self.pairs = load_pairs(market)
        self._faults = faults
        self._limiter = Limiter()
        self._routes: dict[str, tuple[Callable[[Request], int], Callable[[Request], Answer]]] = {
            "/api/v3/ping": (lambda _: 1, lambda _: _json({})),
            "/api/v3/time": (lambda _: 1, self._time),
            "/api/v3/exchangeInfo": (lambda _: 20, self._exchange_info),
            "/api/v3/klines": (lambda _: 2, self._klines),
            "/api/v3/ticker/price": (lambda request: 2 if request.param("symbol") else 4, self._ticker_price),
            "/api/v3/ticker/24hr": (self._ticker_weight, self._ticker_24h),
        }

    def answer(self, request: Request) -> Answer:
        """The answer of the exchange, with its used-weight headers."""
        weight, handler = self._routes.get(request.path, (lambda _: 1, _not_found))
        charge = self._limiter.charge(request.now_ms, weight(request))
        answer = self._fault(request) if charge.status == 200 else _limited(charge, request.now_ms)
        if answer is None:
            try:
                answer = handler(request)
            except BinanceError as error:
                answer = error.answer()
        used = str(charge.used)
        headers = {"x-mbx-used-weight": used, "x-mbx-used-weight-1m": used, **answer.headers}
        return Answer(answer.status, headers, answer.body)

    def _fault(self, request: Request) -> Answer | None:
        """The first of the faults that strike any request."""
        symbols = _asked(request)
        for name, answer in _FAULTS.items():
            if self._faults.hits(f"binance.{name}", now=request.now, symbols=symbols):
                return answer()
        if self._faults.hits("binance.http_429", now=request.now, symbols=symbols):
            return _limited(self._limiter.limit(request.now_ms), request.now_ms)
        if self._faults.hits("binance.http_418", now=request.now, symbols=symbols):
            return _limited(self._limiter.ban(request.now_ms), request.now_ms)
        return None

    def _time(self, request: Request) -> Answer:
        check_names(request, ())
        return _json({"serverTime": request.now_ms * _unit(request) // 1000})

    def _exchange_info(self, request: Request) -> Answer:
        check_names(request, ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"))
        named = request.param("symbol") is not None or request.param("symbols") is not None
        if named and (request.param("permissions") is not None or request.param("symbolStatus") is not None):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        show = request.param("showPermissionSets") or "true"
        if show not in {"true", "false"}:
            raise illegal("showPermissionSets", "^(true|false)$")
        chosen, _ = selection(request, self._listed(request))
        symbols = [exchange_symbol(pair, permission_sets=show == "true") for pair in chosen]
        if symbols and self._faults.hits("binance.novelties", now=request.now):
            symbols[-1]["status"] = "TWILIGHT"
            symbols[0]["filters"].append({"filterType": "MAX_MOONPHASE", "maxMoonphase": "0.50000000"})
        return _json(
            {
                "timezone": "UTC",
                "serverTime": request.now_ms * _unit(request) // 1000,
                "rateLimits": RATE_LIMITS,
                "exchangeFilters": [],
                "symbols": symbols,
            }
        )

    def _klines(self, request: Request) -> Answer:
        check_names(request, ("symbol", "interval", "startTime", "endTime", "timeZone", "limit"))
        symbol, interval = mandatory(request, "symbol"), mandatory(request, "interval")
        pair = find(self.pairs, symbol)
        if not re.fullmatch(r"[a-zA-Z0-9]{1,36}", interval):
            raise illegal("interval", INTERVAL_RANGE)
        if interval not in INTERVALS:
            raise invalid_interval()
        limit = number(request, "limit")
        if limit == 0:
            raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
        start, end = milliseconds(request, "startTime"), milliseconds(request, "endTime")
        window = Window(
            start=None if start is None else -(-start // 1000),
            end=None if end is None else end // 1000,
            limit=min(limit or 500, _MAX_ROWS),
        )
        grid = Grid(interval, _zone(request.param("timeZone") or "0"))
        if self._faults.hits("binance.empty", now=request.now, symbols=(symbol,)) or pair.listed > request.now:
            return _json([])
        tape = self._tape(pair, request.now)
        span = _span(grid, window, tape.last)
        for name, stretches in (("outage", tape.holes), ("misaligned", tape.late)):
            if stretches.within(*span):
                self._faults.note(f"binance.{name}")
        return Answer(200, {"content-type": JSON_UTF8}, klines(tape, grid, window, unit=_unit(request)))

    def _ticker_price(self, request: Request) -> Answer:
        check_names(request, ("symbol", "symbols", "symbolStatus"))
        chosen, single = selection(request, self._listed(request))
        items = [
            {"symbol": pair.symbol, "price": last_price(self._tape(pair, request.now).frozen())} for pair in chosen
        ]
        return _json(items[0] if single else items)

    def _ticker_24h(self, request: Request) -> Answer:
        check_names(request, ("symbol", "symbols", "type", "symbolStatus"))
        kind = request.param("type") or "FULL"
        if kind not in {"FULL", "MINI"}:
            raise BinanceError(-1139, "Invalid ticker type.")
        chosen, single = selection(request, self._listed(request))
        items = []
        for pair in chosen:
            tape = self._tape(pair, request.now).frozen()
            last_ms = request.now_ms if tape.last == request.now else tape.last * 1000 + 321
            items.append(ticker_24h(tape, last_ms=last_ms, mini=kind == "MINI", unit=_unit(request)))
        return _json(items[0] if single else items)

    def _ticker_weight(self, request: Request) -> int:
        if request.param("symbol"):
            return 2
        symbols = request.param("symbols")
        if symbols is None:
            return 80
        count = symbols.count(",") + 1
        return 2 if count <= 20 else 40 if count <= 100 else 80

    def _listed(self, request: Request) -> Mapping[str, Pair]:
        return {name: pair for name, pair in self.pairs.items() if pair.listed < request.now}

    def _tape(self, pair: Pair, now: int) -> Tape:
        """What the exchange shows of `pair` at `now`: it ends at a delisting."""
        return Tape(
            pair=pair,
            last=now if pair.halted is None else min(now, pair.halted),
            holes=self._faults.stretches("binance.outage", symbol=pair.symbol),
            late=self._faults.stretches("binance.misaligned", symbol=pair.symbol),
        )


def _asked(request: Request) -> list[str]:
    """The symbols that a request names, one way or the other."""
    return [request.param("symbol") or "", *re.findall(r'"([^"]+)"', request.param("symbols") or "")]


def _span(grid: Grid, window: Window, last: int) -> tuple[int, int]:
    """The time that `window` would cover if nothing were missing."""
    end = last if window.end is None else min(window.end, last)
    length = (grid.next(0) - grid.floor(0)) * window.limit
    return (end - length, end + 1) if window.start is None else (window.start, min(end, window.start + length) + 1)


def _limited(charge: Charge, now_ms: int) -> Answer:
    retry_after = {"retry-after": str(-(-(charge.until_ms - now_ms) // 1000)), "content-type": JSON_UTF8}
    text = (
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams "
        "for live updates to avoid polling the API."
        if charge.status == 429
        else f"Way too much request weight used; IP banned until {charge.until_ms}. Please use WebSocket Streams for "
        "live updates to avoid bans."
    )
    return json_answer(charge.status, {"code": -1003, "msg": text}, retry_after)


def _json(document: object) -> Answer:
    return json_answer(200, document, {"content-type": JSON_UTF8})


def _not_found(_: Request) -> Answer:
    return html_answer(404, "404 Not Found", "nginx")


def _unit(request: Request) -> int:
    return 1_000_000 if request.headers.get("x-mbx-time-unit", "").upper() == "MICROSECOND" else 1000


def _zone(text: str) -> int:
    """The offset in seconds of `8`, `-1:00` or `05:45`; -12:00 to +14:00."""
    match = re.fullmatch(r"([+-]?)(\d{1,2})(?::(\d{2}))?", text)
    offset = 0
    if match:
        offset = int(match[2]) * 3600 + int(match[3] or 0) * 60
        offset = -offset if match[1] == "-" else offset
    if not match or not -12 * 3600 <= offset <= 14 * 3600:
        raise BinanceError(-1130, "Data sent for parameter 'timeZone' is not valid.")
    return offset
