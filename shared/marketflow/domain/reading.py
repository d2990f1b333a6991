"""What is asked of the stored market and what comes back: the words that the read service and its reader share.

Most are named tuples, made in a fifth of a data class's time: every cold start of the read API makes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from marketflow.domain.interval import Interval

if TYPE_CHECKING:
    # Nothing is read from these annotations, and most requests need none of the words of the ETL.
    from marketflow.domain.records import ActionKind


class Layout(StrEnum):
    """How a page of rows is written: a JSON array, a CSV with a header row, or one JSON object a line."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


class Adjustment(StrEnum):
    """What is taken out of a stock's prices: nothing, the splits since, or the splits and dividends since."""

    RAW = "raw"
    SPLIT = "split"
    ALL = "all"


class SymbolQuery(NamedTuple):
    """Which symbols: each filter that is None lets everything pass. `text` is looked for in the symbol and its name.

    Answered in the order of `symbol`, from behind `after`, at most `limit`.
    """

    asset_type: str | None = None
    source: str | None = None
    active: bool | None = None
    text: str | None = None
    after: str | None = None
    limit: int = 100


class CandleQuery(NamedTuple):
    """Which candles of a symbol: `open_time` in `[start, end)` (UTC, None: no bound), at most `limit`.

    Ordered by `open_time`, the newest first when `descending`. `after` is the open time behind which the page begins,
    in that order; with several symbols, which come in the order of their names, it counts within `after_symbol`.
    `quoted` writes decimals as JSON strings. `adjustment` is for stocks alone; other symbols have nothing to adjust.
    With `known_at` (UTC) they are the final ones as answers that were received by then had them.
    """

    interval: Interval
    start: datetime | None = None
    end: datetime | None = None
    descending: bool = False
    limit: int = 1000
    after: datetime | None = None
    after_symbol: str | None = None
    layout: Layout = Layout.JSON
    quoted: bool = False
    adjustment: Adjustment = Adjustment.RAW
    known_at: datetime | None = None


class HistoryQuery(NamedTuple):
    """Which observed prices of a symbol: `as_of` in `[start, end)` (UTC, None: no bound), at most `limit`.

    Ordered by `as_of`, the newest first when `descending`; `after` is the one behind which the page begins, in that
    order. `source` is the one that said them, None: any. `quoted` writes decimals as JSON strings.
    """

    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    descending: bool = False
    limit: int = 1000
    after: datetime | None = None
    layout: Layout = Layout.JSON
    quoted: bool = False


class ActionQuery(NamedTuple):
    """Which dividends and splits of a symbol: effective in `[start, end)` (UTC, None: no bound), at most `limit`.

    Ordered by that time and the kind, the newest first when `descending`; `after` is the row behind which the page
    begins, in that order. `quoted` writes decimals as JSON strings.
    """

    kind: ActionKind | None = None
    start: datetime | None = None
    end: datetime | None = None
    descending: bool = False
    limit: int = 1000
    after: tuple[datetime, ActionKind] | None = None
    layout: Layout = Layout.JSON
    quoted: bool = False


class SymbolPage(NamedTuple):
    """`body` is a JSON array; `last` is the symbol behind which the next page begins, None when there is none."""

    body: str
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlePage:
    """Candles of one symbol, written in the layout that was asked for.

    `oldest` and `newest` are open times in UTC, None for an empty page; `more` says that rows follow. `all_final` is
    true when every candle is final.
    """

    body: str
    count: int
    oldest: datetime | None
    newest: datetime | None
    all_final: bool
    more: bool
    asset_type: str


class CandleBatch(NamedTuple):
    """Candles of several symbols: `rows` are JSON objects with commas between them, without the brackets.

    `known` are those of the symbols that exist; `last` is the symbol and open time behind which the next page begins.
    """

    rows: str
    known: frozenset[str]
    last: tuple[str, datetime] | None


class HistoryPage(NamedTuple):
    """Observed prices in the layout that was asked for; `last` is the `as_of` behind which the next page begins."""

    body: str
    last: datetime | None


class ActionPage(NamedTuple):
    """Dividends and splits in the layout that was asked for; `last` is the row behind which the next page begins."""

    body: str
    last: tuple[datetime, ActionKind] | None


class LatestPrice(NamedTuple):
    """The answer for one symbol: a JSON object in `body`, None when there is no price, or no such symbol at all."""

    symbol: str
    known: bool
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A symbol that changes one currency into another; `price` is None when nothing was observed by then.

    `as_of` is the time of the price: an observation's own, or the end of the candle that closed at it.
    """

    symbol: str
    source: str
    asset_type: str
    base: str
    quote: str
    price: Decimal | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What the catalogue declares of a source; `freshness_target_seconds` is the age at which its data is stale."""

    source: str
    title: str
    asset_type: str
    freshness_target_seconds: int
    attribution: str
    terms_url: str


class DatabaseStatus(NamedTuple):
    """The schema revision in the database (None: no schema), the one this code needs, and the sources' lag as JSON."""

    revision: str | None
    expected_revision: str
    sources: str
