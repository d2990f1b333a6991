"""The price history of one instrument: any candle of any time, computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from local.simulator.assets import Market
from local.simulator.bars import Bar, merge, split
from local.simulator.noise import mix, salt, unit

MINUTE = 60
ROUND_THE_CLOCK = (7_200, 1_800, 300, 60, 1)
"""The lengths in seconds into which a UTC day is split, coarse to fine."""
SESSION = (900, 300, 60, 1)
"""The same for the session of an exchange, whose lengths are multiples of a quarter of an hour."""

Spans = Callable[[int, int], Iterable[tuple[int, int]]]
"""(start, end) -> the days or sessions that overlap [start, end), as (start, end) in epoch seconds, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How an instrument trades.

    `factors` are the assets whose values, to the power given, multiply to its price. `tick` and `step` are the
    smallest price and quantity. `volume` and `trades` are typical for a day, `swing` is the typical excursion of a day
    beyond its open and close, `idle` the share of minutes without a trade. Instruments with the same `path` move alike.
    """

    path: str
    factors: tuple[tuple[str, int], ...]
    tick: Fraction
    step: Fraction
    volume: float
    trades: int
    swing: float
    idle: float = 0.0


class Series:
    """Candles of one instrument. All times are epoch seconds UTC; nothing is stored but small bounded caches."""

    def __init__(self, shape: Shape, *, market: Market, spans: Spans, plan: Sequence[int]) -> None:
        self.shape = shape
        self.plan = tuple(plan)
        self._market = market
        self._spans = spans
        self._key = salt(market.seed, "path", shape.path)
        self.root = lru_cache(maxsize=4096)(self._root)
        self._ticks = lru_cache(maxsize=4096)(self._worth)
        self._split = lru_cache(maxsize=512)(self._split_once)

    def roots(self, start: int, end: int) -> list[Bar]:
        """The days or sessions that overlap [start, end)."""
        return [self.root(*span) for span in self._spans(start, end)]

    def bars(self, start: int, end: int, size: int) -> list[Bar]:
        """The candles of `size` seconds (a length of the plan, or a whole day) that overlap [start, end)."""
        return [bar for root in self.roots(start, end) for bar in self.inside(root, size, start=start, end=end)]

    def inside(self, root: Bar, size: int, *, start: int, end: int) -> list[Bar]:
        """The candles of `size` seconds within `root` that overlap [start, end)."""
        level = [root]
        for step in self.plan:
            if level and level[0].length <= size:
                break
            level = [
                child for bar in level for child in self._split(bar, step) if child.start < end and child.end > start
            ]
        return level

    def between(self, start: int, end: int) -> Bar | None:
        """The candle over exactly [start, end); None when no session overlaps it."""
        parts = [part for root in self.roots(start, end) if (part := self.part(root, start, end))]
        return merge(parts, start, end - start) if parts else None

    def part(self, root: Bar, start: int, end: int) -> Bar | None:
        """The part of `root` within [start, end), to the second; None when they do not overlap."""
        whole: list[Bar] = []
        cut = [root]
        for step in (root.length, *self.plan):
            pieces = cut if step == root.length else [child for bar in cut for child in self._split(bar, step)]
            pieces = [bar for bar in pieces if bar.start < end and bar.end > start]
            whole += [bar for bar in pieces if bar.start >= start and bar.end <= end]
            cut = [bar for bar in pieces if bar.start < start or bar.end > end]
        whole.sort()
        return merge(whole, whole[0].start, whole[-1].end - whole[0].start) if whole else None

    def span(self, start: int, end: int, *, first: int, last: int) -> Bar:
        """A candle over [start, end) from price `first` to price `last`, with a little excursion and volume."""
        low, high = min(first, last), max(first, last)
        wick = max(1, round(high * self.shape.swing / 8))
        high, low = high + wick, max(1, low - wick)
        minutes = (end - start) // MINUTE
        volume = 40 * minutes
        return Bar(start, end - start, first, high, low, last, volume, volume * (first + last) // 2, 4 * minutes)

    def _root(self, start: int, end: int) -> Bar:
        shape = self.shape
        first = self._ticks(start)
        last = self._ticks(end)
        draw = self._key ^ start
        high = max(first, last) + round(max(first, last) * shape.swing * unit(draw + 1))
        low = max(1, min(first, last) - round(min(first, last) * shape.swing * unit(draw + 2)))
        busyness = 0.5 + unit(draw + 3)
        volume = max(1, round(shape.volume * busyness / shape.step))
        trades = max(1, round(shape.trades * busyness))
        quote = volume * (first + high + low + last) // 4
        return Bar(start, end - start, first, high, low, last, volume, quote, trades)

    def _worth(self, at: int) -> int:
        """The price in ticks at `at`."""
        value = 1.0
        for asset, power in self.shape.factors:
            worth = self._market.value(asset, at)
            value = value * worth if power > 0 else value / worth
        return max(1, round(value * self.shape.tick.denominator / self.shape.tick.numerator))

    def _split_once(self, bar: Bar, step: int) -> tuple[Bar, ...]:
        idle = self.shape.idle if step == MINUTE else 0.0
        return split(bar, step=step, key=mix(self._key ^ bar.length), idle=idle)
