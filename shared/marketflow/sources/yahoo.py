"""Yahoo Finance's chart API, which has no official document; the facts come from recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History
from marketflow.domain.money import shown
from marketflow.domain.records import ParsedPayload
from marketflow.errors import (
    MalformedPayloadError,
    RefusedError,
    RetryLaterError,
    SourceBlockedError,
    SymbolUnavailableError,
)
from marketflow.sources import wire
from marketflow.sources.base import Source
from marketflow.sources.yahoo_chart import Chart, read_chart
from marketflow.sources.yahoo_coverage import nothing_there
from marketflow.sources.yahoo_rows import read_rows

INTRADAY_REACH = timedelta(days=30)
INTRADAY_SPAN = timedelta(days=7)

_DAILY_SPAN = timedelta(days=3653)  # any span is answered; ten years are a message of some 80 KB
_OLDEST_DAY = datetime(1927, 12, 30, tzinfo=UTC)  # the first day of ^GSPC, than which no other chart is older
_QUEUEING = timedelta(days=1)  # what may pass until the last page of a backfill is asked for

_RATE_WAIT = timedelta(minutes=5)  # Yahoo names no time; blocks last from minutes on
_NIGHT = timedelta(hours=1)  # far shorter than any exchange is closed between two sessions
_MONTH = timedelta(days=28)
_HEADERS = {
    # Without the user agent of a current browser the very first call is answered with 429.
    "User-Agent": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/141.0.0.0 Safari/537.36"
    ),
    "Accept": "application/json,text/plain,*/*",
    "Accept-Language": "en-US,en;q=0.9",
}


class Yahoo(Source):
    """Stocks: one-minute candles (`chart_1m`), daily candles with dividends and splits (`chart_1d`), the latest price.

    A daily candle opens at 00:00 exchange time of its trading date. Yahoo stamps a closed day with the session's open
    and the running day with the last trade; with midnight both have the same key.
    """

    name = "yahoo"
    kept_headers = ("age",)
    histories: ClassVar[Mapping[Interval, History]] = {
        Interval.M1: History(
            dataset="chart_1m", page=INTRADAY_SPAN, since=_OLDEST_DAY, reach=INTRADAY_REACH - _QUEUEING
        ),
        Interval.D1: History(dataset="chart_1d", page=_DAILY_SPAN, since=_OLDEST_DAY),
    }

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """One GET per symbol, and per seven days of a window of minutes.

        Raises RefusedError for another dataset, or for minutes that are more than 30 days old.
        """
        window = wire.window_of(task, now=now)
        age = None if since is None else now - since
        if task.dataset == "chart_1m":
            if window and window[0] < now - INTRADAY_REACH:
                raise RefusedError(
                    f"{self.spec.title} keeps minutes for {INTRADAY_REACH.days} days only.",
                    status=422,
                    code="window_too_old",
                    parameter="start",
                )
            # "1d" is the newest session alone: of one that ended meanwhile it would never show the last minutes.
            reach = "5d" if age is None or age > _NIGHT else "1d"
            pieces = wire.spans(*window, INTRADAY_SPAN) if window else [None]
            return [_request(symbol, task, reach, piece, now) for symbol in dict.fromkeys(symbols) for piece in pieces]
        if task.dataset == "chart_1d":
            reach = "1y" if age is None or age > _MONTH else "1mo"
            return [_request(symbol, task, reach, window, now) for symbol in dict.fromkeys(symbols)]
        raise wire.unknown_dataset(self.spec.title, task)

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """Whether `response` is the chart that was asked for; a window before the first trade is an (empty) answer.

        RetryLaterError: 429 and 999, 5xx, text and HTML whatever their status. SymbolUnavailableError: 404.
        SourceBlockedError: 401, 403. MalformedPayloadError: another symbol or granularity, arrays of unequal length,
        400 and 422 (our request was wrong: `build_requests` refuses such windows before they are asked).
        """
        self._chart(request, response)
        return Verdict()

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """The candles inside the request's window, the latest price, dividends and splits; in major currency units."""
        chart = self._chart(request, response)
        clock = _clock(response)
        if chart is None:
            return ParsedPayload(asked=nothing_there(request, clock) if response.status == 400 else ())
        return read_rows(chart, request, clock=clock)

    def headers(self) -> Mapping[str, str]:
        """A browser's headers; there is no credential."""
        return _HEADERS

    def _chart(self, request: FetchRequest, response: RawResponse) -> Chart | None:
        """The chart in `response`; None when it says that the window holds no data. Raises as `check` does."""
        title = self.spec.title
        if response.status in {429, 999}:
            raise RetryLaterError(
                f"{title} answered HTTP {response.status}: too many requests.",
                not_before=wire.retry_time(response, _RATE_WAIT),
            )
        if response.status in {401, 403}:
            raise SourceBlockedError(
                f"{title} refused access (HTTP {response.status}).",
                remedy="Run the fetcher from another address, or set SOURCE_BASE_URLS to a host that may ask.",
            )
        wire.require_document(response, title=title, wait=_RATE_WAIT)
        if response.status == 404:
            raise SymbolUnavailableError(
                f"{title} does not know {', '.join(request.symbols)}, or no longer.", symbols=request.symbols
            )
        document = wire.decode(response, title=title)
        if response.status == 200:
            return read_chart(document, request)
        description = _description(document)
        if response.status == 400 and description.startswith("Data doesn't exist"):
            return None
        raise MalformedPayloadError(
            f"{title} answered {request.path} with HTTP {response.status}: {shown(description)}.",
            reason="window_refused" if response.status == 422 else "request_refused",
        )


def _request(
    symbol: str, task: FetchTask, reach: str, window: tuple[datetime, datetime] | None, now: datetime
) -> FetchRequest:
    """The request for one symbol: the newest `reach`, or the candles that open inside `window`."""
    daily = task.dataset == "chart_1d"
    interval = Interval.D1 if daily else Interval.M1
    params = [("interval", interval.value), ("includePrePost", "false")]
    if window:
        # Old prices are adjusted for every split since, and the answer lists only those of the days that it covers:
        # without the days up to now nobody could tell at what price a share was traded then.
        stop = now if daily else window[1]
        params += [("period1", str(int(window[0].timestamp()))), ("period2", str(int(stop.timestamp())))]
    else:
        params.append(("range", reach))
    if daily:
        params.append(("events", "div,splits"))
    start, end = window or (None, None)
    return FetchRequest(
        source="yahoo",
        dataset=task.dataset,
        symbols=(symbol,),
        path=f"/v8/finance/chart/{quote(symbol, safe='')}",
        params=tuple(params),
        interval=interval,
        start=start,
        end=end,
    )


def _clock(response: RawResponse) -> int:
    """The source's clock when it made the answer, unix seconds: its `Date`, less the time it lay in a cache.

    If the cache kept the original `Date`, this is at most the cache's half minute too early, which only makes a candle
    final one fetch later; the other way round a forming candle could pass for final.
    """
    return int(response.source_time.timestamp()) - (wire.header_number(response, "age") or 0)


def _description(document: object) -> str:
    """The error text of `{"chart": {"error": {"description": …}}}`; the envelope is sometimes named `finance`."""
    envelope = next(iter(document.values()), None) if isinstance(document, dict) else None
    error = envelope.get("error") if isinstance(envelope, dict) else None
    description = error.get("description") if isinstance(error, dict) else None
    return description if isinstance(description, str) else ""
