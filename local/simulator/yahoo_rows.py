"""The bars of a chart: sessions cut into intervals, days, weeks and months, and the live row at the end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from itertools import groupby

from local.simulator.bars import Bar, merge
from local.simulator.instruments import Instrument
from local.simulator.noise import mix
from local.simulator.yahoo_window import Window

_SPLIT_FACTOR = 4


def widen(value: float) -> float:
    """`value` as Yahoo has it: stored in 32 bits and widened to 64 (75.0875 becomes 75.0875015258789)."""
    number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return number


@dataclass(frozen=True, slots=True)
class Row:
    """One bar as it is written; None stands for null."""

    ts: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What Yahoo sees of an instrument at a moment: `seen` is behind the clock by the exchange's delay.

    `session` is the newest one that has begun. `split_at` is the open of the session with which the split of the
    switch `yahoo.split` began, if it did: all prices are in terms of the new shares from then on.
    """

    instrument: Instrument
    now: int
    seen: int
    session: tuple[int, int]
    split_at: int | None = None
    forming_day_at_open: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the newest session still runs."""
        return self.seen < self.session[1]

    @property
    def market_time(self) -> int:
        """The time of the newest trade: now, or a few seconds after the close."""
        return min(self.seen, self.session[1] + 1 + mix(self.session[0]) % 4) if not self.is_open else self.seen

    def price(self, ticks: int) -> float:
        """Ticks in the instrument's price unit, after the split if there was one."""
        tick = self.instrument.series.shape.tick
        value = ticks * tick.numerator / tick.denominator
        return value / _SPLIT_FACTOR if self.split_at is not None else value

    def day(self, span: tuple[int, int]) -> Bar:
        """The regular session `span` as far as it has come."""
        root = self.instrument.series.root(*span)
        if span[1] <= self.seen + 1:
            return root
        return self.instrument.series.part(root, span[0], self.seen + 1) or root

    def row(self, bar: Bar, ts: int, *, volume: int | None = None) -> Row:
        """`bar` as it is written, stamped `ts`; `volume` replaces its own."""
        shares = bar.volume if volume is None else volume
        shares = shares * _SPLIT_FACTOR if self.split_at is not None else shares
        first, high, low, last = (widen(self.price(ticks)) for ticks in (bar.open, bar.high, bar.low, bar.close))
        return Row(ts, first, high, low, last, shares if self.instrument.has_volume else 0)


def look(instrument: Instrument, now: int) -> View:
    """What Yahoo sees of `instrument` at `now` (epoch seconds)."""
    seen = now - instrument.exchange.delay
    return View(instrument=instrument, now=now, seen=seen, session=instrument.exchange.last_started(seen))


def intraday(view: View, window: Window, *, extended: bool) -> list[Row]:
    """Bars below a day, counted from the start of each session, with the live or closing row at the end."""
    seconds = window.seconds
    if seconds is None:
        raise ValueError(f"{window.granularity} is not below a day.")
    rows = [
        row
        for segment, counted in segments(view, window, extended=extended)
        for row in _cut(view, segment, seconds, start=window.start, counted=counted)
        if window.start <= row.ts <= window.end
    ]
    stamp = view.market_time if view.is_open else view.session[1]
    if rows and window.start <= stamp <= window.end and rows[-1].ts >= view.session[0] and rows[-1].ts < stamp:
        # While a market is open the last row is a snapshot; afterwards the close stays as a row of its own.
        close = view.day(view.session).close
        rows.append(view.row(Bar(stamp, 0, close, close, close, close, 0, 0, 0), stamp))
    return rows


def segments(view: View, window: Window, *, extended: bool) -> Iterator[tuple[Bar, bool]]:
    """The stretches of trading of each session that have begun, and whether their volume counts."""
    instrument, series = view.instrument, view.instrument.series
    hours = 12 * 3600 if extended else 0
    for span in instrument.exchange.sessions(window.start - hours, min(window.end, view.seen) + 1 + hours):
        root = series.root(*span)
        if extended and instrument.exchange.extended:
            first, last = instrument.exchange.extended_hours(span)
            before = series.root(*instrument.exchange.before(span[0]))
            yield series.span(first, span[0], first=before.close, last=root.open), False
            yield root, True
            yield series.span(span[1], last, first=root.close, last=root.close), False
        else:
            yield root, True


def _cut(view: View, segment: Bar, seconds: int, *, start: int, counted: bool) -> Iterator[Row]:
    series = view.instrument.series
    known = min(segment.end, view.seen + 1)
    if known <= segment.start:
        return
    size = next(length for length in series.plan if seconds % length == 0)
    first = segment.start + max(0, start - segment.start) // seconds * seconds
    small = series.inside(segment, size, start=first, end=known)
    for index, group in groupby(small, key=lambda bar: (bar.start - segment.start) // seconds):
        bars = list(group)
        opening = segment.start + index * seconds
        closing = bars[-1].end
        bar = bars[0] if len(bars) == 1 else merge(bars, opening, closing - opening)
        if closing > known:
            bar = series.part(segment, opening, known) or bar
        yield view.row(bar, opening, volume=None if counted else 0)


def daily(view: View, window: Window) -> list[Row]:
    """Bars of a day, stamped with the session's open; the forming one with the time of the newest trade."""
    rows = [_day_row(view, span) for span in _spans(view, window.start, window.end)]
    return [row for row in rows if window.start <= row.ts <= window.end]


def _day_row(view: View, span: tuple[int, int]) -> Row:
    forming = view.is_open and span == view.session and not view.forming_day_at_open
    return view.row(view.day(span), view.market_time if forming else span[0])


def _spans(view: View, start: int, end: int) -> list[tuple[int, int]]:
    instrument = view.instrument
    found = instrument.exchange.sessions(start, min(end, view.seen) + 1)
    return [span for span in found if instrument.first_trade <= span[0] <= view.seen]


def longer(view: View, window: Window) -> list[Row]:
    """Bars of five days, weeks, months and quarters; the forming day is a live row after the period it belongs to."""
    exchange = view.instrument.exchange
    start = exchange.epoch(period_start(exchange.local_date(window.start), window.granularity), time(0))
    spans = _spans(view, start, window.end)
    rows = []
    days = {span: period_start(exchange.local_date(span[0]), window.granularity) for span in spans}
    if window.granularity == "5d":
        days = {span: exchange.local_date(spans[i - i % 5][0]) for i, span in enumerate(spans)}
    for first, members in groupby(spans, key=days.__getitem__):
        group = list(members)
        live = group[-1] if view.is_open and group[-1] == view.session and len(group) > 1 else None
        bars = [view.day(span) for span in (group[:-1] if live else group)]
        whole = merge(bars, bars[0].start, bars[-1].end - bars[0].start)
        rows.append(view.row(whole, exchange.epoch(first, time(0))))
        if live:
            rows.append(_day_row(view, live))
    return rows


def period_start(day: date, granularity: str) -> date:
    """The first day of the week, month or quarter that holds `day`."""
    if granularity == "1wk":
        return day - timedelta(days=day.weekday())
    if granularity == "1mo":
        return day.replace(day=1)
    if granularity == "3mo":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def rows_of(view: View, window: Window, *, extended: bool) -> list[Row]:
    """The bars that `window` asks for, oldest first."""
    if window.seconds is not None:
        return intraday(view, window, extended=extended)
    return daily(view, window) if window.granularity == "1d" else longer(view, window)


def blank(row: Row, *, keep_volume: bool = False) -> Row:
    """`row` with nulls in place of its prices, and of its volume unless that is kept."""
    volume = row.volume if keep_volume else None
    return replace(row, open=None, high=None, low=None, close=None, volume=volume)
