"""The ECB's euro foreign exchange reference rates, through Frankfurter v1: https://frankfurter.dev/v1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from marketflow.domain.coverage import Asked, Span
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History
from marketflow.domain.money import cross_rate, exact, shown
from marketflow.domain.records import ParsedPayload, Price, Reject
from marketflow.errors import MalformedPayloadError, RefusedError, RetryLaterError, SourceBlockedError
from marketflow.sources import wire
from marketflow.sources.base import Source
from marketflow.sources.catalog import CATALOG

DATASET = "rates_1d"
BASE = "EUR"
"""The base that is asked for: of it Frankfurter hands on the ECB's own digits, of any other it rounds."""

_FRANKFURT = ZoneInfo("Europe/Berlin")
_PUBLISHED = time(16)
_DAY = timedelta(days=1)
_PAGE = timedelta(days=90)  # versions of Frankfurter have answered ranges of 91 days and more with weekly averages
_NEWEST = timedelta(days=14)
_CACHED = timedelta(days=2)  # caches may answer with what was true a day ago (max-age=86400), and one to spare
_WAIT = timedelta(minutes=5)
_NO_RATES = {"message": "not found"}

Days = Mapping[date, Mapping[str, object]]
"""Of each day with a publication the units of each currency per euro, as they came."""


def published_at(day: date) -> datetime:
    """When the rates of `day` are published, as UTC: 16:00 in Frankfurt."""
    return datetime.combine(day, _PUBLISHED, _FRANKFURT).astimezone(UTC)


class Ecb(Source):
    """The past of currencies: every pair of a range from one answer, crossed over the euro. It has no schedule.

    A rate is as of its publication: nobody could have used it before.
    """

    name = "ecb"
    histories: ClassVar[Mapping[Interval, History]] = {
        Interval.D1: History(
            dataset=DATASET,
            page=_PAGE,
            since=datetime.combine(date.fromisoformat(CATALOG["ecb"].since or ""), time(), UTC),
        )
    }

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """One GET for 90 days of all pairs, spelled `BASE/QUOTE`: what is published in the window, or the newest.

        Raises RefusedError for another dataset, and for a pair that was asked for by name with a currency of which the
        ECB publishes no rate.
        """
        if task.dataset != DATASET:
            raise wire.unknown_dataset(self.spec.title, task)
        window = wire.window_of(task, now=now)
        start, end = window or (max(min(since or now, now - _NEWEST), now - _PAGE), now)
        asked = {pair: self._lacking(pair) for pair in symbols}
        if task.symbols is not None and (lacking := sorted({code for codes in asked.values() for code in codes})):
            raise RefusedError(
                f"The ECB publishes no rate of {', '.join(lacking)}.",
                status=422,
                code="symbol_not_available",
                parameter="symbols",
            )
        pairs = tuple(pair for pair, lacking in asked.items() if not lacking)
        return [_request(pairs, *page) for page in wire.spans(start, end, _PAGE) if pairs]

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """Nothing but that `response` is an answer; a range without a publication is one.

        RetryLaterError: 429, 5xx, redirects, pages. SourceBlockedError: 403 and 451. MalformedPayloadError: other
        errors (422 for a bad pair, amount or date), another base or amount, days that are none.
        """
        del request
        self._days(response)
        return Verdict()

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """One price per pair and publication inside the window of `request`, by the date that the answer gives it.

        A pair has none on a day that has no rate of one of its currencies. A rate that is no number becomes a reject.
        """
        days = self._days(response)
        clock = response.source_time.astimezone(UTC)
        prices: list[Price] = []
        rejects: list[Reject] = []
        position = 0
        for day in sorted(day for day in days if _inside(request, day, clock)):
            for pair in request.symbols:
                base, _, quote = pair.partition("/")
                if not _has(days[day], pair):
                    continue
                try:
                    price = exact(cross_rate(_rate(days[day], base), _rate(days[day], quote)))
                except MalformedPayloadError as error:
                    row = {"date": day.isoformat()} | {code: days[day].get(code) for code in (base, quote)}
                    opened = _opens(day)
                    rejects.append(wire.reject(error, position=position, row=row, source_symbol=pair, open_time=opened))
                else:
                    prices.append(Price(pair, published_at(day), price, currency=quote, position=position))
                position += 1
        return ParsedPayload(
            prices=tuple(prices), rejects=tuple(rejects), asked=tuple(_asked(request, days, clock=clock))
        )

    def _lacking(self, pair: str) -> list[str]:
        """The currencies of `pair` that the ECB has no rates of."""
        return [code for code in pair.split("/") if code not in self.spec.currencies]

    def _days(self, response: RawResponse) -> Days:
        """The rates in `response` by the date that it gives them. Raises as `check` does."""
        title = self.spec.title
        if response.status == 429:
            raise RetryLaterError(f"{title}: HTTP 429, too many requests.", not_before=wire.retry_time(response, _WAIT))
        if response.status in {403, 451}:
            raise SourceBlockedError(
                f"{title}: the server refused the request (HTTP {response.status}).",
                remedy="Run the fetcher from another address, or set SOURCE_BASE_URLS to a Frankfurter of your own.",
            )
        wire.require_document(response, title=title, wait=_WAIT)
        document = wire.decode(response, title=title)
        if response.status == 404 and document == _NO_RATES:
            return {}
        if not isinstance(document, dict):
            raise MalformedPayloadError(f"{title}: got {shown(document)}, not an object.", reason="wrong_shape")
        if response.status != 200:
            message = f"{title}: HTTP {response.status}, {shown(document.get('message'))}."
            raise MalformedPayloadError(message, reason="request_refused")
        return _validated(document)


def _request(pairs: Sequence[str], start: datetime, end: datetime) -> FetchRequest:
    """The request for what is published in `[start, end)`. Its end is always told: an open one is slow there."""
    codes = sorted({code for pair in pairs for code in pair.split("/")} - {BASE})
    last = end - timedelta(microseconds=1)
    return FetchRequest(
        source="ecb",
        dataset=DATASET,
        symbols=tuple(pairs),
        path=f"/v1/{start.date()}..{last.date()}",
        params=(("base", BASE), ("symbols", ",".join(codes))),
        interval=Interval.D1,
        start=start,
        end=end,
    )


def _validated(document: Mapping[str, object]) -> Days:
    """The days of a range, or the one that was published for a date.

    Raises MalformedPayloadError: `wrong_base`, `wrong_amount`, `wrong_shape`, `bad_time`.
    """
    if document.get("base") != BASE:
        raise MalformedPayloadError(f"Asked for {BASE}, got {shown(document.get('base'))}.", reason="wrong_base")
    if document.get("amount") != 1:
        raise MalformedPayloadError(f"Rates of {shown(document.get('amount'))} {BASE}.", reason="wrong_amount")
    rates = document.get("rates")
    rows = {document["date"]: rates} if "date" in document else rates
    if not isinstance(rows, dict):
        raise MalformedPayloadError("The answer has no rates.", reason="wrong_shape")
    days: dict[date, Mapping[str, object]] = {}
    for text, row in rows.items():
        if not isinstance(row, dict):
            raise MalformedPayloadError(f"The rates of {shown(text)} are {shown(row)}.", reason="wrong_shape")
        days[_date(text)] = row
    return days


def _date(text: object) -> date:
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        day = None
    if day is None or text != day.isoformat() or not 1999 <= day.year < 2100:
        raise MalformedPayloadError(f"{shown(text)} is not a day that can be.", reason="bad_time")
    return day


def _rate(row: Mapping[str, object], code: str) -> Decimal:
    """Units of `code` per euro, above zero. Raises MalformedPayloadError (`not_positive`, …)."""
    rate = Decimal(1) if code == BASE else exact(row[code])
    if rate <= 0:
        raise MalformedPayloadError(f"A rate of {rate} {code} per {BASE} is none.", reason="not_positive")
    return rate


def _has(row: Mapping[str, object], pair: str) -> bool:
    return all(code == BASE or code in row for code in pair.split("/"))


def _opens(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _inside(request: FetchRequest, day: date, clock: datetime) -> bool:
    """Whether `day` is published in the window of `request`, and by now.

    Answers may begin with the publication before the window, and come with today's a moment before its time.
    """
    moment = published_at(day)
    begun = request.start is None or request.start <= moment
    return begun and moment <= clock and (request.end is None or moment < request.end)


def _asked(request: FetchRequest, days: Days, *, clock: datetime) -> Iterator[Asked]:
    """The days of the window on which each pair has a rate, and those on which nothing was published of it.

    What is not there counts as never published only when a later day is in the answer, or when it would have been for
    so long that no cache can have missed it.
    """
    if request.start is None or request.end is None:
        return
    newest = max((day for day in days if _inside(request, day, clock)), default=date.min)
    length = (request.end.date() - request.start.date()).days
    window = [
        day
        for day in (request.start.date() + offset * _DAY for offset in range(length + 1))
        if _inside(request, day, clock) and (day <= newest or published_at(day) + _CACHED <= clock)
    ]
    for pair in request.symbols:
        there = [day for day in window if day in days and _has(days[day], pair)]
        rest = [day for day in window if not (day in days and _has(days[day], pair))]
        if window:
            yield Asked(pair, Interval.D1, fetched=_runs(there), closed=_runs(rest))


def _runs(days: Iterable[date]) -> tuple[Span, ...]:
    """Days in order as half-open ranges of UTC, each of days that follow one another."""
    spans: list[Span] = []
    for day in days:
        start = _opens(day)
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, _opens(day) + _DAY))
    return tuple(spans)
