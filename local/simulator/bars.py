"""Candles in whole ticks and lots, and how one is split into smaller ones that add up to it exactly.

A day is drawn first; it is split into blocks, blocks into minutes and minutes into seconds. Every split keeps the
parent's open, high, low, close, volume, quote volume and number of trades, so that candles of all intervals agree to
the last digit, and any of them can be had without the millions of smaller ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt
from typing import NamedTuple

from local.simulator.noise import stream

_STEP_DEVIATION = 73.6  # of a byte, uniform over 0..255
_PATH_SHARE = 0.5  # how much of the parent's range the path inside it wanders, as a standard deviation
_WICK_SHARE = 0.5  # the longest wick of a child, as a share of the range that a random walk of its length has


class Bar(NamedTuple):
    """One candle: `start` and `length` in seconds UTC, prices in ticks, volume in lots, `quote` in ticks x lots."""

    start: int
    length: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int

    @property
    def end(self) -> int:
        """The first second after the candle."""
        return self.start + self.length


def merge(bars: Sequence[Bar], start: int, length: int) -> Bar:
    """The candle over [start, start + length) that `bars`, in order of time, add up to."""
    return Bar(
        start,
        length,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
        sum(bar.quote for bar in bars),
        sum(bar.trades for bar in bars),
    )


def split(bar: Bar, *, step: int, key: int, idle: float = 0.0) -> tuple[Bar, ...]:
    """The candles of `step` seconds that `bar` consists of; their merge is `bar` again.

    A child without trades is flat at the close before it; `idle` is the share of children that are so on purpose.
    """
    count = bar.length // step
    starts = range(bar.start, bar.end, step)
    if bar.trades == 0:
        return tuple(Bar(start, step, bar.open, bar.open, bar.open, bar.open, 0, 0, 0) for start in starts)
    noise = stream(key, bar.start, bar.length, 5 * count)
    weights = [byte + 48 for byte in noise[:count]]
    if idle:
        limit = int(idle * 256)
        busy = [0 if byte < limit else weight for byte, weight in zip(noise[count : 2 * count], weights, strict=True)]
        weights = busy if any(busy) else weights
    trades, volumes = _share_out(bar, weights)
    path = _path(bar, noise[2 * count : 3 * count], trades)
    highs, lows = _extremes(bar, noise[3 * count :], trades, path)
    quotes = _quotes(bar, volumes, path, highs, lows)
    children = []
    for index, start in enumerate(starts):
        volume, quote = volumes[index], quotes[index]
        high, low = highs[index], lows[index]
        if volume:
            high = max(high, -(-quote // volume))
            low = min(low, quote // volume)
        children.append(Bar(start, step, path[index], high, low, path[index + 1], volume, quote, trades[index]))
    return tuple(children)


def _share_out(bar: Bar, weights: Sequence[int]) -> tuple[list[int], list[int]]:
    """Trades and volume of each child, by weight. A child has either both or none of them."""
    total = sum(weights)
    edges = [0, *accumulate(weights)]
    trade_edges = [bar.trades * edge // total for edge in edges]
    volume_edges = [bar.volume * edge // total for edge in edges]
    trades = [after - before for before, after in pairwise(trade_edges)]
    volumes = [after - before for before, after in pairwise(volume_edges)]
    halves = [i for i in range(len(trades)) if (trades[i] == 0) != (volumes[i] == 0)]
    if halves:
        loose_trades = sum(trades[i] for i in halves)
        loose_volume = sum(volumes[i] for i in halves)
        for i in halves:
            trades[i] = volumes[i] = 0
        heir = max(range(len(volumes)), key=volumes.__getitem__)
        trades[heir] += loose_trades
        volumes[heir] += loose_volume
    return trades, volumes


def _path(bar: Bar, noise: bytes, trades: Sequence[int]) -> list[int]:
    """The prices at the edges of the children: a random walk from the open to the close within [low, high]."""
    moves = sum(1 for number in trades if number)
    walk = [0.0, *accumulate((byte - 127.5 if number else 0.0) for byte, number in zip(noise, trades, strict=True))]
    scale = (bar.high - bar.low) * _PATH_SHARE / (_STEP_DEVIATION * sqrt(moves))
    slope = (bar.close - bar.open - scale * walk[-1]) / moves
    path, moved = [bar.open], 0
    for position, number in zip(walk[1:], trades, strict=True):
        if number == 0:
            path.append(path[-1])
            continue
        moved += 1
        edge = bar.close if moved == moves else round(bar.open + slope * moved + scale * position)
        path.append(_fold(edge, bar.low, bar.high))
    return path


def _fold(price: int, low: int, high: int) -> int:
    """`price`, reflected at the bounds as often as it needs to lie between them."""
    if low <= price <= high:
        return price
    if low == high:
        return low
    offset = (price - low) % (2 * (high - low))
    return low + min(offset, 2 * (high - low) - offset)


def _extremes(bar: Bar, noise: bytes, trades: Sequence[int], path: Sequence[int]) -> tuple[list[int], list[int]]:
    """Highs and lows of the children; the parent's high and low go to those that come nearest to them."""
    count = len(trades)
    active = [i for i in range(count) if trades[i]]
    reach = (bar.high - bar.low) * _WICK_SHARE / sqrt(len(active)) / 256
    highs = [max(pair) for pair in pairwise(path)]
    lows = [min(pair) for pair in pairwise(path)]
    for i in active:
        highs[i] += min(int(noise[i] * reach), (bar.high - highs[i]) * noise[i] >> 8)
        lows[i] -= min(int(noise[count + i] * reach), (lows[i] - bar.low) * noise[count + i] >> 8)
    highs[max(active, key=highs.__getitem__)] = bar.high
    lows[min(active, key=lows.__getitem__)] = bar.low
    return highs, lows


def _quotes(bar: Bar, volumes: list[int], path: list[int], highs: list[int], lows: list[int]) -> list[int]:
    """Quote volumes that add up to the parent's, each child's average price within the parent's range.

    Averages start in the middle of each child and are pulled together towards the parent's high or low, as far as
    the sum needs; that is always possible, because the parent's own average lies between the two.
    """
    quotes = [
        volume * (path[i] + path[i + 1] + highs[i] + lows[i]) // 4 if volume else 0 for i, volume in enumerate(volumes)
    ]
    missing = bar.quote - sum(quotes)
    bound = bar.high if missing > 0 else bar.low
    room = [bound * volume - quote for volume, quote in zip(volumes, quotes, strict=True)]
    total = sum(room)
    if not missing or not total:
        return quotes
    for i, space in enumerate(room):
        moved = abs(space) * abs(missing) // abs(total)
        room[i] = abs(space) - moved
        quotes[i] += moved if missing > 0 else -moved
    rest = bar.quote - sum(quotes)
    for i, space in enumerate(room):
        if not rest:
            break
        moved = min(space, abs(rest))
        quotes[i] += moved if rest > 0 else -moved
        rest += -moved if rest > 0 else moved
    return quotes
