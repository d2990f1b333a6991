"""The klines of the simulated Binance: the grid of each interval, and the rows of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from local.simulator.assets import DAY
from local.simulator.bars import Bar, merge
from local.simulator.calendars import utc
from local.simulator.faults import NOWHERE, Stretches
from local.simulator.noise import mix
from local.simulator.pairs import SCALE, Pair, decimal8
from local.simulator.series import ROUND_THE_CLOCK

_FIXED = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
}
INTERVALS = frozenset({*_FIXED, "1M"})
_FIRST_MONDAY = 4 * DAY
# After the outage of February 2018 hourly candles opened at HH:28:15; other lengths are late in proportion.
_LATE_NUMERATOR, _LATE_DENOMINATOR = 1695, 3600


@dataclass(frozen=True, slots=True)
class Grid:
    """The open times of one interval, in epoch seconds; `shift` is the time zone of days and longer, in seconds."""

    interval: str
    shift: int = 0

    @property
    def size(self) -> int:
        """The length in seconds of the bars that make up a candle: the longest that fits into every one of them."""
        length = _FIXED.get(self.interval, DAY)
        zone = self._zone()
        return next(size for size in (DAY, *ROUND_THE_CLOCK) if length % size == 0 and zone % size == 0)

    def floor(self, at: int) -> int:
        """The open time of the candle that holds `at`."""
        local = at + self._zone()
        if self.interval == "1M":
            day = utc(local).date()
            return (local // DAY - day.day + 1) * DAY - self._zone()
        length = _FIXED[self.interval]
        anchor = _FIRST_MONDAY if self.interval == "1w" else 0
        return (local - anchor) // length * length + anchor - self._zone()

    def next(self, opening: int) -> int:
        """The open time of the candle after the one that opens at `opening`."""
        if self.interval == "1M":
            return self.floor(opening + 32 * DAY)
        return opening + _FIXED[self.interval]

    def previous(self, opening: int) -> int:
        """The open time of the candle before the one that opens at `opening`."""
        return self.floor(opening - 1)

    def _zone(self) -> int:
        return self.shift if _FIXED.get(self.interval, DAY) >= DAY else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was asked: [start, end] in epoch seconds (None: open), at most `limit` rows."""

    start: int | None
    end: int | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """What there is of a pair at a moment: its trades up to and including second `last`, except in the `holes`.

    `late` are the stretches in which candles open late.
    """

    pair: Pair
    last: int
    holes: Stretches = NOWHERE
    late: Stretches = NOWHERE

    def frozen(self) -> Tape:
        """The same without holes, ended where the hole begins that `last` lies in: tickers stand still in an outage."""
        last = self.last
        while last > self.pair.listed and (hole := self.holes.at(last)):
            last = hole[0] - 1
        return Tape(pair=self.pair, last=last)

    def opening(self, grid: Grid, nominal: int) -> int:
        """The open time as it is written: late in a late stretch, else that of the grid."""
        if self.late.at(nominal):
            return nominal + (grid.next(nominal) - nominal) * _LATE_NUMERATOR // _LATE_DENOMINATOR
        return nominal

    def pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) in which there are trades to show."""
        start, end = max(start, self.pair.listed), min(end, self.last + 1)
        found = []
        for hole_start, hole_end in self.holes.within(start, end):
            if hole_start > start:
                found.append((start, hole_start))
            start = max(start, hole_end)
        return [*found, (start, end)] if start < end else found


def klines(tape: Tape, grid: Grid, window: Window, *, unit: int) -> bytes:
    """The JSON body of the rows of `window`; `unit` is how many wire time units a second has (1000 or 1000000)."""
    opens = _opens(tape, grid, window)
    bars = _bars(tape, grid, opens)
    rows = []
    for opening, bar in zip(opens, bars, strict=True):
        written = tape.opening(grid, opening)
        closing = tape.opening(grid, grid.next(opening))
        rows.append(_row(tape.pair, bar, written * unit, closing * unit - 1))
    return f"[{','.join(rows)}]".encode()


def _opens(tape: Tape, grid: Grid, window: Window) -> list[int]:
    """The grid's open times of the rows to show, oldest first. Holes are jumped over, however long they are."""
    end = tape.last if window.end is None else min(window.end, tape.last)
    first = grid.floor(tape.pair.listed)
    found: list[int] = []
    if window.start is not None:
        opening = max(grid.floor(window.start), first)
        while opening <= end and len(found) < window.limit:
            following = grid.next(opening)
            if not tape.pieces(opening, following):
                hole = tape.holes.at(opening)
                following = max(following, grid.floor(hole[1])) if hole else following
            elif window.start <= tape.opening(grid, opening) <= end:
                found.append(opening)
            opening = following
        return found
    opening = grid.floor(end)
    while opening >= first and len(found) < window.limit:
        previous = grid.previous(opening)
        if not tape.pieces(opening, grid.next(opening)):
            hole = tape.holes.at(opening)
            previous = min(previous, grid.floor(hole[0] - 1)) if hole else previous
        elif tape.opening(grid, opening) <= end:
            found.append(opening)
        opening = previous
    return found[::-1]


def _bars(tape: Tape, grid: Grid, opens: Sequence[int]) -> list[Bar]:
    """The candle of each open time, in whole ticks and lots."""
    if not opens:
        return []
    series = tape.pair.series
    stop = grid.next(opens[-1])
    small = series.bars(opens[0], stop, grid.size)
    result, index = [], 0
    for opening, following in pairwise([*opens, stop]):
        end = grid.next(opening)
        first = index
        while index < len(small) and small[index].start < end:
            index += 1
        group = small[first:index]
        if tape.pieces(opening, end) == [(opening, end)]:
            result.append(group[0] if len(group) == 1 else merge(group, opening, end - opening))
        else:
            # Every piece lies inside the days that a pair has round the clock, so none of them is None.
            parts = [bar for piece in tape.pieces(opening, end) if (bar := series.between(*piece))]
            result.append(merge(parts, opening, end - opening))
        while index < len(small) and small[index].start < following:
            index += 1
    return result


def _row(pair: Pair, bar: Bar, opening: int, closing: int) -> str:
    tick, step = pair.tick8, pair.step8
    taken = bar.volume * (40 + mix(bar.start) % 21) // 100
    taken_quote = bar.quote * taken // bar.volume if bar.volume else 0
    return (
        f'[{opening},"{decimal8(bar.open * tick)}","{decimal8(bar.high * tick)}","{decimal8(bar.low * tick)}",'
        f'"{decimal8(bar.close * tick)}","{decimal8(bar.volume * step)}",{closing},'
        f'"{decimal8(bar.quote * tick * step // SCALE)}",{bar.trades},"{decimal8(taken * step)}",'
        f'"{decimal8(taken_quote * tick * step // SCALE)}","0"]'
    )
