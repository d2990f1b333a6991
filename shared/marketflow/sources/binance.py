"""Binance spot, public market data: https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NoReturn

from marketflow.domain.coverage import Asked, Span
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History
from marketflow.domain.money import plain_decimal, shown
from marketflow.domain.records import ParsedPayload, Price, Reject
from marketflow.domain.series import Series
from marketflow.errors import MalformedPayloadError, RetryLaterError, SourceBlockedError, SymbolUnavailableError
from marketflow.sources import wire
from marketflow.sources.base import Source
from marketflow.sources.binance_klines import read_klines

WEIGHT_LIMIT = 6000
"""Request weight per minute and IP address; every answer carries what is used of it."""

_KLINES_PER_CALL = 1000
_DEFAULT_LIMIT = 500
_OPENED = datetime(2017, 7, 14, tzinfo=UTC)  # no candle is older than the exchange
_SYMBOLS_PER_CALL = 200  # about 4 KB of URL; more than that is refused by some proxies on the way
_MINUTE = timedelta(minutes=1)
_RATE_WAIT = timedelta(minutes=1)  # the weight limit counts per minute
_BAN_WAIT = timedelta(minutes=2)  # the shortest ban
_RETRY_CODES = {-1000, -1001, -1003, -1006, -1007, -1008, -1016}
_banned_until = re.compile(rb"banned until ([0-9]{13})\b").search


class Binance(Source):
    """Crypto: one-minute candles (`klines_1m`) and the last trade of every symbol in one call (`ticker_price`)."""

    name = "binance"
    kept_headers = ("x-mbx-used-weight-1m", "x-mbx-used-weight")
    histories: ClassVar[Mapping[Interval, History]] = {
        Interval.M1: History(dataset="klines_1m", page=timedelta(minutes=_KLINES_PER_CALL), since=_OPENED)
    }

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """One GET per symbol and 1000 minutes of klines, one GET per 200 symbols of prices.

        A single symbol is asked for by `symbol=` instead of `symbols=`: one unknown member fails a whole call, and
        asking again one by one is how the caller finds it. Raises RefusedError for another dataset, or a window of
        prices.
        """
        asked = tuple(dict.fromkeys(symbols))  # a duplicate is refused with -1151
        if task.dataset == "klines_1m":
            window = wire.window_of(task, now=now)
            if window is None:
                return [_klines(symbol, limit=_depth(now, since)) for symbol in asked]
            pieces = wire.spans(*window, timedelta(minutes=_KLINES_PER_CALL))
            return [_klines(symbol, limit=_KLINES_PER_CALL, window=piece) for symbol in asked for piece in pieces]
        if task.dataset == "ticker_price":
            wire.no_window(self.spec.title, task)
            return [_ticker(asked[at : at + _SYMBOLS_PER_CALL]) for at in range(0, len(asked), _SYMBOLS_PER_CALL)]
        raise wire.unknown_dataset(self.spec.title, task)

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """The weight used this minute, when `response` is an answer; raises by section 'Error codes' of the document.

        RetryLaterError: 429 and 418 (not before the ban's end), 5xx, pages. SymbolUnavailableError: the symbols of the
        request, one of which is unknown. SourceBlockedError: 451 and 403. MalformedPayloadError: anything else.
        """
        self._document(request, response)
        used = wire.header_number(response, *self.kept_headers)
        return Verdict(budget_used=used, budget_limit=WEIGHT_LIMIT)

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """Candles, or prices as of the answer's `Date` header since Binance gives last trades without a time."""
        rows, clock = self._document(request, response), response.source_time
        if request.dataset == "klines_1m":
            candles, rejects = read_klines(rows, request.symbols[0], now_ms=_milliseconds(clock))
            asked = _asked(candles, request, len(rows), clock=clock)
            return ParsedPayload(candles=candles, rejects=rejects, asked=asked)
        return _read_prices(rows, request.symbols, as_of=clock.astimezone(UTC))

    def _document(self, request: FetchRequest, response: RawResponse) -> list[object]:
        """The rows of the body: an array, or for one price an object. Raises as `check` does."""
        title = self.spec.title
        if response.status in {418, 429}:
            raise RetryLaterError(
                f"{title} answered HTTP {response.status}: too many requests.", not_before=_ban_end(response)
            )
        if response.status == 451:
            raise SourceBlockedError(
                f"{title} does not serve the place where this fetcher runs (HTTP 451).",
                remedy="Set SOURCE_BASE_URLS to https://data-api.binance.vision, or deploy to a region that it serves.",
            )
        if response.status == 403:
            raise SourceBlockedError(
                f"{title}'s firewall refused the request (HTTP 403).",
                remedy="Run the fetcher from another address, or set SOURCE_BASE_URLS to another of its hosts.",
            )
        wire.require_document(response, title=title, wait=_RATE_WAIT)
        document = wire.decode(response, title=title)
        if response.status != 200 or (isinstance(document, dict) and "code" in document):
            _raise_error(document, request, response)
        if isinstance(document, list):
            return document
        if request.dataset == "ticker_price" and isinstance(document, dict) and "symbol" in document:
            return [document]
        raise MalformedPayloadError(
            f"{title} answered {request.path} with {shown(document)} of another shape.", reason="wrong_shape"
        )


def _depth(now: datetime, since: datetime | None) -> int:
    """How many newest candles reach back to `since`, with three to spare: the forming one and what settles late."""
    if since is None:
        return _KLINES_PER_CALL
    minutes = -((since - now) // timedelta(minutes=1))
    return max(3, min(minutes + 3, _KLINES_PER_CALL))


def _klines(symbol: str, *, limit: int, window: tuple[datetime, datetime] | None = None) -> FetchRequest:
    """The request for one symbol's candles; `endTime` is inclusive at Binance, our windows are half-open."""
    start, end = window or (None, None)
    params = [("symbol", symbol), ("interval", "1m"), ("limit", str(limit))]
    if start and end:
        params += [("startTime", str(_milliseconds(start))), ("endTime", str(_milliseconds(end) - 1))]
    return FetchRequest(
        source="binance",
        dataset="klines_1m",
        symbols=(symbol,),
        path="/api/v3/klines",
        params=tuple(params),
        interval=Interval.M1,
        start=start,
        end=end,
    )


def _ticker(symbols: tuple[str, ...]) -> FetchRequest:
    """The request for the last trades of `symbols`, at least one."""
    listed = json.dumps(symbols, ensure_ascii=False, separators=(",", ":"))
    return FetchRequest(
        source="binance",
        dataset="ticker_price",
        symbols=symbols,
        path="/api/v3/ticker/price",
        params=(("symbol", symbols[0]) if len(symbols) == 1 else ("symbols", listed),),
    )


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _ban_end(response: RawResponse) -> datetime:
    """The later of `Retry-After` and the moment named in the text; never further off than the longest ban."""
    end = wire.retry_time(response, _BAN_WAIT if response.status == 418 else _RATE_WAIT)
    if match := _banned_until(response.body):
        named = datetime.fromtimestamp(int(match[1]) / 1000, UTC)
        end = max(end, min(named, response.received_at.astimezone(UTC) + wire.LONGEST_WAIT))
    return end


def _raise_error(document: object, request: FetchRequest, response: RawResponse) -> NoReturn:
    """Raise what an error body `{"code": …, "msg": …}` means."""
    error = document if isinstance(document, dict) else {}
    code, text = error.get("code"), error.get("msg")
    message = f"Binance answered HTTP {response.status}, code {shown(code)}: {shown(text)}."
    if type(code) is int and code in _RETRY_CODES:
        raise RetryLaterError(message, not_before=_ban_end(response) if code == -1003 else None)
    if code == -1121 or (code == -1100 and isinstance(text, str) and "parameter 'symbol" in text):
        raise SymbolUnavailableError(message, symbols=request.symbols)
    raise MalformedPayloadError(message, reason="request_refused")


def _asked(candles: Series, request: FetchRequest, rows: int, *, clock: datetime) -> tuple[Asked, ...]:
    """For which minutes the klines are complete: those of the request that were over by the source's clock.

    A page that is full was cut by its limit, at its end when it has a window, else at its beginning. A newest page
    without rows settles nothing: whatever is asked for by schedule has been traded.
    """
    limit = int(dict(request.params).get("limit", _DEFAULT_LIMIT))
    over = clock.astimezone(UTC).replace(second=0, microsecond=0)
    full = rows >= limit
    if not candles and (full or request.start is None):
        return ()
    if request.start is None or request.end is None:
        span: Span = (candles.span[0] if full else over - (limit - 1) * _MINUTE, over)
    else:
        span = (request.start, min(candles.span[1] + _MINUTE if full else request.end, over))
    return (Asked(request.symbols[0], Interval.M1, fetched=(span,)),) if span[0] < span[1] else ()


def _read_prices(entries: list[object], symbols: tuple[str, ...], *, as_of: datetime) -> ParsedPayload:
    """Prices of the symbols asked for; each of them that is missing from the answer is a reject."""
    prices: dict[str, Price] = {}
    rejects: list[Reject] = []
    for position, entry in enumerate(entries):
        ticker = entry if isinstance(entry, dict) else {}
        symbol = ticker.get("symbol")
        known = symbol if isinstance(symbol, str) and symbol in symbols else None
        try:
            if known is None:
                raise MalformedPayloadError(f"{shown(symbol)} was not asked for.", reason="wrong_symbol")  # noqa: TRY301 - one row's refusal
            price = plain_decimal(ticker.get("price"))
            if price <= 0:
                raise MalformedPayloadError(f"A price of {price} is none.", reason="not_positive")  # noqa: TRY301 - the same
            prices[known] = Price(source_symbol=known, as_of=as_of, price=price, position=position)
        except MalformedPayloadError as error:
            rejects.append(wire.reject(error, position=position, row=entry, source_symbol=known))
    answered = {*prices, *(refused.source_symbol for refused in rejects)}
    for position, symbol in enumerate(symbols):
        if symbol not in answered:
            missing = MalformedPayloadError(f"{symbol} is not in the answer.", reason="missing_symbol")
            rejects.append(wire.reject(missing, position=position, row=None, source_symbol=symbol))
    return ParsedPayload(prices=tuple(prices.values()), rejects=tuple(rejects))
