"""The pairs of the simulated Binance: what they trade, in which steps, since when, and their price history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from local.simulator.assets import DAY, Market
from local.simulator.series import ROUND_THE_CLOCK, Series, Shape

SCALE = 100_000_000
"""Binance writes every price and quantity with eight decimals."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair. `tick8` and `step8` are its smallest price and quantity in units of 0.00000001.

    Times are epoch seconds; `halted` is when it stopped trading for good, None while it trades.
    """

    symbol: str
    base: str
    quote: str
    tick8: int
    step8: int
    listed: int
    series: Series
    halted: int | None = None

    @property
    def status(self) -> str:
        """The vendor's word: TRADING, or BREAK for a pair that was delisted."""
        return "TRADING" if self.halted is None else "BREAK"


# base, quote, tick, step, volume of a day in base, trades of a day, share of minutes without a trade, listed, halted
_TABLE: tuple[tuple[str, str, str, str, float, int, float, str, str], ...] = (
    ("BTC", "USDT", "0.01", "0.00001", 21_000, 2_400_000, 0.0, "2017-08-17T04:00Z", ""),
    ("ETH", "USDT", "0.01", "0.0001", 380_000, 2_100_000, 0.0, "2017-08-17T04:00Z", ""),
    ("BNB", "USDT", "0.01", "0.001", 160_000, 620_000, 0.0, "2017-11-06T03:54Z", ""),
    ("SOL", "USDT", "0.01", "0.001", 4_100_000, 1_200_000, 0.0, "2020-08-11T06:00Z", ""),
    ("XRP", "USDT", "0.0001", "0.1", 160_000_000, 900_000, 0.0, "2018-05-04T08:11Z", ""),
    ("ADA", "USDT", "0.0001", "0.1", 130_000_000, 260_000, 0.004, "2018-04-17T04:00Z", ""),
    ("DOGE", "USDT", "0.00001", "1", 1_400_000_000, 410_000, 0.004, "2019-07-05T12:00Z", ""),
    ("AVAX", "USDT", "0.01", "0.01", 3_300_000, 160_000, 0.008, "2020-09-22T06:30Z", ""),
    ("DOT", "USDT", "0.001", "0.01", 6_800_000, 90_000, 0.016, "2020-08-18T23:00Z", ""),
    ("LINK", "USDT", "0.01", "0.01", 3_900_000, 140_000, 0.008, "2019-01-16T10:00Z", ""),
    ("LTC", "USDT", "0.01", "0.001", 410_000, 130_000, 0.008, "2017-12-13T03:32Z", ""),
    ("TRX", "USDT", "0.0001", "0.1", 320_000_000, 120_000, 0.012, "2018-06-11T11:30Z", ""),
    ("ATOM", "USDT", "0.001", "0.01", 2_300_000, 60_000, 0.024, "2019-04-29T04:00Z", ""),
    ("UNI", "USDT", "0.001", "0.01", 3_100_000, 70_000, 0.02, "2020-09-17T03:00Z", ""),
    ("SHIB", "USDT", "0.00000001", "1", 900_000_000_000, 80_000, 0.02, "2021-05-10T11:00Z", ""),
    ("BTC", "TRY", "1", "0.00001", 48, 26_000, 0.05, "2020-02-17T06:00Z", ""),
    ("ETH", "TRY", "1", "0.0001", 900, 21_000, 0.06, "2020-02-17T06:00Z", ""),
    ("USDT", "TRY", "0.01", "1", 42_000_000, 52_000, 0.03, "2020-02-17T06:00Z", ""),
    ("ETH", "BTC", "0.00001", "0.001", 21_000, 61_000, 0.03, "2017-07-14T04:00Z", ""),
    ("BNB", "BTC", "0.000001", "0.01", 12_000, 31_000, 0.06, "2017-07-14T04:00Z", ""),
    ("这是测试币456", "USDT", "0.00001", "1", 21_000_000, 9_000, 0.1, "2025-12-10T08:00Z", ""),
    ("VEN", "BTC", "0.00000001", "1", 1_600_000, 7_400, 0.2, "2017-08-22T08:00Z", "2018-07-23T19:17:08Z"),
)


def days(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The UTC days that overlap [start, end), as (start, end)."""
    for day in range(start // DAY * DAY, end, DAY):
        yield day, day + DAY


def _power(asset: str) -> tuple[tuple[str, int], ...]:
    """How a quote currency enters a price in US dollars: lira per dollar multiply, cryptocurrencies divide."""
    if asset == "USDT":
        return ()
    return ((asset, 1),) if asset == "TRY" else ((asset, -1),)


def load_pairs(market: Market) -> dict[str, Pair]:
    """Every pair of the simulated Binance by its symbol, in the order of the vendor's lists."""
    pairs = {}
    for base, quote, tick, step, volume, trades, idle, listed, halted in _TABLE:
        shape = Shape(
            path=base if quote in {"USDT", "TRY"} and base != "USDT" else base + quote,
            factors=(() if base == "USDT" else ((base, 1),)) + _power(quote),
            tick=Fraction(tick),
            step=Fraction(step),
            volume=volume,
            trades=trades,
            swing=0.004 if base == "USDT" else 0.016,
            idle=idle,
        )
        pairs[base + quote] = Pair(
            symbol=base + quote,
            base=base,
            quote=quote,
            tick8=int(Fraction(tick) * SCALE),
            step8=int(Fraction(step) * SCALE),
            listed=_epoch(listed),
            series=Series(shape, market=market, spans=days, plan=ROUND_THE_CLOCK),
            halted=_epoch(halted) if halted else None,
        )
    return pairs


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def decimal8(units: int) -> str:
    """`units` of 0.00000001 as Binance writes them, such as `60740.00000000`."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), SCALE)
    return f"{sign}{whole}.{rest:08d}"
