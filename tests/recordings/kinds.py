"""What a recording can be to an adapter: an answer with facts, a refusal with a type, or nobody's format."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from marketflow.domain.interval import Interval
from marketflow.errors import MarketFlowError


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The request that a recording answers, and when (UTC, the clock of source and fetcher alike)."""

    source: str
    dataset: str
    symbols: tuple[str, ...]
    path: str = "/"
    interval: Interval | None = None
    clock: datetime = datetime(2026, 10, 6, tzinfo=UTC)
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Reads:
    """The recording is an answer: `candles`, `prices` and `actions` are counts, `rejects` their reasons in order.

    `first` and `last` are `(open time, open, high, low, close, volume)` of those candles as texts, `forming` the open
    times of the candles that are not final, `quotes` prices by symbol, `as_of` the times of all prices in order,
    `currency` the unit of all rows.
    """

    asked: Asked
    candles: int = 0
    prices: int = 0
    actions: int = 0
    rejects: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    forming: tuple[str, ...] = ()
    quotes: dict[str, str] = field(default_factory=dict)
    as_of: tuple[str, ...] = ()
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refuses:
    """The recording is no answer to this request: `check` and `parse` raise `error`, with `reason` where it has one."""

    asked: Asked
    error: type[MarketFlowError]
    reason: str | None = None
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotSpoken:
    """No adapter speaks this format; `reason` says why that is right."""

    reason: str


Expectation = Reads | Refuses | NotSpoken


def klines(symbol: str, clock: datetime, *, status: int = 200) -> Asked:
    """One pair's minutes at Binance."""
    return Asked(
        source="binance", dataset="klines_1m", symbols=(symbol,), interval=Interval.M1, clock=clock, status=status
    )


def tickers(*symbols: str, status: int = 200) -> Asked:
    """Last trades at Binance."""
    return Asked(source="binance", dataset="ticker_price", symbols=symbols, status=status)


def chart(symbol: str, interval: Interval, clock: datetime = datetime(2025, 2, 20, 12, tzinfo=UTC)) -> Asked:
    """One symbol's chart at Yahoo; most were recorded on 20 February 2025."""
    return Asked(source="yahoo", dataset=f"chart_{interval}", symbols=(symbol,), interval=interval, clock=clock)


def refused_chart(status: int) -> Asked:
    """A chart of minutes at Yahoo that was answered with an error."""
    return Asked(source="yahoo", dataset="chart_1m", symbols=("X",), interval=Interval.M1, status=status)


def reference(*symbols: str, status: int = 200) -> Asked:
    """Reference rates of the ECB at Frankfurter."""
    return Asked(source="ecb", dataset="rates_1d", symbols=symbols, interval=Interval.D1, status=status)


def rates(base: str, *symbols: str, status: int = 200) -> Asked:
    """The newest rates of a base at ExchangeRate-API."""
    return Asked(source="exchangerate", dataset="latest", symbols=symbols, path=f"/v6/latest/{base}", status=status)
