"""Reading the market: symbols, latest prices, candles, and whether all of it can be trusted right now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from marketflow.domain.interval import Interval
from marketflow.domain.reading import (
    ActionPage,
    ActionQuery,
    Adjustment,
    CandleBatch,
    CandlePage,
    CandleQuery,
    DatabaseStatus,
    HistoryPage,
    HistoryQuery,
    LatestPrice,
    SourceFacts,
    SymbolPage,
    SymbolQuery,
)
from marketflow.domain.symbol import AssetType
from marketflow.errors import RefusedError

_NAME = re.compile(r"[!-+\--~]{1,40}")
"""Every symbol is printable ASCII without space or comma. Other names are unknown without asking the database, which
could not even receive some of them (a NUL, half a surrogate pair)."""

_MINUTE = timedelta(minutes=1)


class MarketReader(Protocol):
    """The stored market. Every method is one statement and raises DatabaseUnavailableError without a database."""

    def symbols(self, query: SymbolQuery) -> SymbolPage:
        """A page of symbols."""
        ...

    def symbol(self, name: str) -> str | None:
        """One symbol by its name or numeric id as a JSON object; None when there is none."""
        ...

    def prices(
        self, names: Sequence[str], *, now: datetime, freshness_seconds: Mapping[str, int], quoted: bool
    ) -> list[LatestPrice]:
        """The latest price of each name with its age at `now`, in any order."""
        ...

    def history(self, name: str, query: HistoryQuery) -> HistoryPage | None:
        """A page of one symbol's observed prices; None when there is no such symbol."""
        ...

    def actions(self, name: str, query: ActionQuery) -> ActionPage | None:
        """A page of one symbol's dividends and splits; None when there is no such symbol."""
        ...

    def candles(self, name: str, query: CandleQuery) -> CandlePage | None:
        """A page of one symbol's candles; None when there is no such symbol. What is no stock has none adjusted."""
        ...

    def candle_batch(self, names: Sequence[str], query: CandleQuery) -> CandleBatch:
        """A page of several symbols' candles, `query.limit` across all."""
        ...

    def sources(self, catalogue: Sequence[SourceFacts], *, now: datetime) -> str:
        """A JSON array with an object for each source of the catalogue: its facts, and how it does at `now`."""
        ...

    def status(self, *, now: datetime, freshness_seconds: Mapping[str, int]) -> DatabaseStatus:
        """The schema revision and every source's lag at `now`."""
        ...


@dataclass(frozen=True, slots=True)
class CandleAnswer:
    """A page of candles; `settled` is true when no later fetch, repair or backfill can change it."""

    page: CandlePage
    settled: bool


class MarketData:
    """The questions that the API answers.

    `sources` is what the catalogue says of each source; `clock` gives aware UTC times.
    """

    def __init__(self, *, reader: MarketReader, clock: Callable[[], datetime], sources: Sequence[SourceFacts]) -> None:
        self._reader = reader
        self._clock = clock
        self._sources = sources
        self._freshness = {facts.source: facts.freshness_target_seconds for facts in sources}

    def status(self) -> DatabaseStatus:
        """Whether the schema is current, and each source's lag. Raises DatabaseUnavailableError."""
        return self._reader.status(now=self._clock(), freshness_seconds=self._freshness)

    def sources(self) -> str:
        """Every source of the catalogue, also one that never reported, as a JSON array in the order of their names."""
        return self._reader.sources(self._sources, now=self._clock())

    def symbols(self, query: SymbolQuery) -> SymbolPage:
        """A page of symbols, ordered by name."""
        return self._reader.symbols(query)

    def symbol(self, name: str) -> str:
        """One symbol as a JSON object, by name or numeric id. Raises RefusedError (404) when there is none."""
        found = self._reader.symbol(name) if _NAME.fullmatch(name) else None
        if found is None:
            raise unknown_symbol(name)
        return found

    def price(self, name: str, *, quoted: bool = False) -> str:
        """The latest price as a JSON object. Raises RefusedError (404): no such symbol, or no price of it yet."""
        answer = self.prices((name,), quoted=quoted)[0]
        if answer.body is None:
            raise why_no_price(answer)
        return answer.body

    def prices(self, names: Sequence[str], *, quoted: bool = False) -> list[LatestPrice]:
        """The latest price of each name, in the order of `names`; see `why_no_price` for those without a body."""
        askable = [name for name in names if _NAME.fullmatch(name)]
        found = self._reader.prices(askable, now=self._clock(), freshness_seconds=self._freshness, quoted=quoted)
        by_name = {price.symbol: price for price in found}
        return [by_name.get(name) or LatestPrice(symbol=name, known=False, body=None) for name in names]

    def history(self, name: str, query: HistoryQuery) -> HistoryPage:
        """A page of one symbol's observed prices. Raises RefusedError (404) when there is no such symbol."""
        page = self._reader.history(name, query) if _NAME.fullmatch(name) else None
        if page is None:
            raise unknown_symbol(name)
        return page

    def actions(self, name: str, query: ActionQuery) -> ActionPage:
        """A page of one symbol's dividends and splits. Raises RefusedError (404) when there is no such symbol."""
        page = self._reader.actions(name, query) if _NAME.fullmatch(name) else None
        if page is None:
            raise unknown_symbol(name)
        return page

    def candles(self, name: str, query: CandleQuery) -> CandleAnswer:
        """A page of one symbol's candles.

        Raises RefusedError: 404 when there is no such symbol, 400 when it is none whose prices can be adjusted and for
        a `known_at` to come.
        """
        self._refuse_the_future(query)
        page = self._reader.candles(name, query) if _NAME.fullmatch(name) else None
        if page is None:
            raise unknown_symbol(name)
        if query.adjustment is not Adjustment.RAW and page.asset_type != AssetType.STOCK:
            detail = (
                f"adjustment: {query.adjustment} is for stocks, and {name} is {page.asset_type}: it has no splits and "
                "dividends. Leave the parameter out, or ask for raw."
            )
            raise RefusedError(detail, status=400, code="not_adjustable", parameter="adjustment")
        return CandleAnswer(page=page, settled=_settled(page, query))

    def candle_batch(self, names: Sequence[str], query: CandleQuery) -> CandleBatch:
        """A page of several symbols' candles; the names that are not in its `known` do not exist.

        Raises RefusedError (400) for a `known_at` to come.
        """
        self._refuse_the_future(query)
        return self._reader.candle_batch([name for name in names if _NAME.fullmatch(name)], query)

    def _refuse_the_future(self, query: CandleQuery) -> None:
        if query.known_at is not None and query.known_at > self._clock():
            detail = "as_known_at: nobody knows yet what will be known then."
            raise RefusedError(detail, status=400, code="invalid_parameter", parameter="as_known_at")


def is_name(name: str) -> bool:
    """Whether a symbol could have this name, so that the database may be asked for it."""
    return _NAME.fullmatch(name) is not None


def unknown_symbol(name: str) -> RefusedError:
    """The refusal of a name that is not a symbol's."""
    detail = f"There is no symbol {name[:40]!r}. Names are case-sensitive; /v1/symbols lists them."
    return RefusedError(detail, status=404, code="symbol_not_found", parameter="symbol")


def why_no_price(price: LatestPrice) -> RefusedError:
    """Why `price` has no body: no such symbol, or nothing observed yet."""
    if not price.known:
        return unknown_symbol(price.symbol)
    detail = f"No price of {price.symbol!r} has been observed yet."
    return RefusedError(detail, status=404, code="price_not_found", parameter="symbol")


def _settled(page: CandlePage, query: CandleQuery) -> bool:
    """Whether this page will read the same for ever: final, without holes, and nothing can join it at either end.

    Holes are filled by repairs and both open ends by new data and backfills. Only crypto qualifies: the other sources
    restate old candles (a split), and their calendars have closed hours that look like holes. In a rolled-up candle a
    hole cannot be seen from outside. What was known in the past may still grow: an answer that was received then may be
    loaded later.
    """
    if query.known_at is not None:
        return False
    step = _MINUTE
    if (
        query.interval is not Interval.M1
        or page.oldest is None
        or page.newest is None
        or page.asset_type != "crypto"
        or not page.all_final
    ):
        return False
    if page.newest - page.oldest != step * (page.count - 1):
        return False
    before, behind = page.oldest - step, page.newest + step
    closed_below = query.start is not None and before < query.start
    closed_above = query.end is not None and behind >= query.end
    if query.descending:
        closed_below |= page.more
        closed_above |= query.after is not None and behind >= query.after
    else:
        closed_below |= query.after is not None and before <= query.after
        closed_above |= page.more
    return closed_below and closed_above
