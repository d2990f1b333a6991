"""When candles are expected: the open times of a market that never closes, of an exchange's sessions, of rates.

Times are whole unix seconds, because a grid has up to half a million of them. Everything here is pure: what is known of
an exchange comes in as facts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from marketflow.domain.interval import Interval
from marketflow.domain.numbering import Runs, joined, outside

DAY = 86_400
_WEEKDAYS = 5  # Monday to Friday
_MONDAY = 4 * DAY  # the first Monday after the epoch
ORDINARY_HOURS = (time(9, 30), time(16))
"""The session that is assumed of an exchange of which no session is known."""


@dataclass(frozen=True, slots=True)
class Block:
    """`count` candles, `step` seconds each, the first one from `opens`; the last one may be cut short by `closes`."""

    opens: int
    closes: int
    step: int

    @property
    def count(self) -> int:
        """How many candles."""
        return -((self.opens - self.closes) // self.step)

    def trimmed(self, start: int, end: int, now: int) -> Block | None:
        """The candles that open in `[start, end)` and are over at `now`; None when there are none."""
        first = max(0, -((self.opens - start) // self.step))
        last = min(self.count, max(0, -((self.opens - end) // self.step)))
        if now < self.closes:
            last = min(last, (now - self.opens) // self.step)
        if first >= last:
            return None
        return Block(self.opens + first * self.step, min(self.closes, self.opens + last * self.step), self.step)


class Grid:
    """Expected candles, numbered from 0 in the order of their times; `blocks` are in order and do not overlap."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        self._opens = [block.opens for block in self.blocks]
        self._bases = [0, *accumulate(block.count for block in self.blocks)]
        self.total: int = self._bases[-1]

    def number_at(self, moment: int) -> int:
        """How many candles open before `moment`: the number of the first one that opens at it or later."""
        index = bisect_left(self._opens, moment) - 1
        if index < 0:
            return 0
        block = self.blocks[index]
        return self._bases[index] + min(block.count, -((block.opens - moment) // block.step))

    def numbers_of(self, first: int, last: int, step: int) -> Iterator[tuple[int, int]]:
        """The runs of numbers that open at `first`, `first + step` and so on until `last`; others open at none."""
        for index in range(max(0, bisect_right(self._opens, first) - 1), bisect_right(self._opens, last)):
            block, base = self.blocks[index], self._bases[index]
            start = first - (min(0, first - block.opens) // step) * step
            stop = min(last, block.closes - 1)
            if start > stop or (start - block.opens) % block.step:
                continue
            number = base + (start - block.opens) // block.step
            yield number, number + 1 + ((stop - start) // step if block.step == step else 0)

    def cut(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The numbers from `first` to before `end` in runs between which there is no time that is not expected."""
        begin = first
        for index in range(bisect_right(self._bases, first), bisect_left(self._bases, end)):
            if self.blocks[index - 1].closes < self.blocks[index].opens:
                yield begin, self._bases[index]
                begin = self._bases[index]
        yield begin, end

    def opens_at(self, number: int) -> int:
        """When the candle opens."""
        index = bisect_right(self._bases, number) - 1
        block = self.blocks[index]
        return block.opens + (number - self._bases[index]) * block.step

    def closes_at(self, number: int) -> int:
        """When the candle is over."""
        index = bisect_right(self._bases, number) - 1
        block = self.blocks[index]
        return min(block.closes, block.opens + (number - self._bases[index] + 1) * block.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What is known of the exchange on which a symbol is traded.

    `sessions` are those that the source told of, `hours` the local times between which most of them lay (None: none is
    known). `traded` are the dates on which any symbol of the exchange has a daily candle. `days` and `minutes` are the
    spans for which its daily candles and its minutes were fetched and answered, of whichever symbol.
    """

    zone: ZoneInfo
    sessions: Sequence[tuple[int, int]] = ()
    hours: tuple[time, time] | None = None
    traded: frozenset[date] = frozenset()
    days: Sequence[tuple[int, int]] = ()
    minutes: Sequence[tuple[int, int]] = ()
    _by_date: dict[date, list[tuple[int, int]]] = field(default_factory=dict, init=False, compare=False)

    def __post_init__(self) -> None:
        for session in sorted(self.sessions):
            self._by_date.setdefault(self.date_of(session[0]), []).append(session)

    def date_of(self, moment: int) -> date:
        """The exchange's date at `moment`."""
        return datetime.fromtimestamp(moment, self.zone).date()

    def at(self, day: date, clock: time = time(0)) -> int:
        """The moment at which the exchange's clocks show `clock` on `day`."""
        return int(datetime.combine(day, clock, self.zone).timestamp())

    def open_on(self, day: date) -> Sequence[tuple[int, int]]:
        """The sessions of a date; none when the exchange was closed.

        A session that the source told of counts. Without one, a daily candle of any of its symbols says that it was
        open, for its usual hours. Without that too, a date that was fetched and answered has nothing: it was closed.
        Of any other date nothing is known, and weekdays are taken for open, so that what was never fetched is missed.
        """
        if day in self._by_date:
            return self._by_date[day]
        opening, closing = self.hours or ORDINARY_HOURS
        usual = (self.at(day, opening), self.at(day, closing))
        if usual[1] <= usual[0]:
            usual = (usual[0], usual[1] + DAY)
        if day in self.traded:
            return [usual]
        if _inside(self.at(day), self.days) or _inside(usual[0], self.minutes) or day.weekday() >= _WEEKDAYS:
            return []
        return [usual]


def always_open(interval: Interval, start: int, end: int) -> list[Block]:
    """The candles of a market that never closes, in UTC, that open in `[start, end)` or shortly before."""
    if interval is Interval.MO1:
        return [_until_next(interval, month, None) for month in _months(start, end)]
    step = length_of(interval)
    anchor = _MONDAY if interval is Interval.W1 else 0
    first = anchor + (start - anchor) // step * step
    return [Block(first, anchor - (anchor - max(end, first + 1)) // step * step, step)]


def published(blocks: Iterable[Block], closed: Runs, stored: Runs) -> list[Block]:
    """The days of `blocks` without those that were `closed`, unless a rate of them is `stored` all the same."""
    days = joined((block.opens, block.closes) for block in blocks)
    return [Block(first, end, DAY) for first, end in outside(days, outside(closed, stored))]


def of_exchange(exchange: Exchange, interval: Interval, start: int, end: int) -> list[Block]:
    """The candles of an exchange that open in `[start, end)` or shortly before.

    Minutes and hours are counted from the opening of each session, so that the last one of a session may be short. A
    day, week and month is one of the exchange's calendar in which it was open at least once.
    """
    first, last = exchange.date_of(start) - timedelta(days=1), exchange.date_of(end) + timedelta(days=1)
    if interval is Interval.W1:
        first -= timedelta(days=first.weekday())
        last += timedelta(days=6)
    if interval is Interval.MO1:
        first = first.replace(day=1)
        last += timedelta(days=31)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    if interval.fixed is not None:
        step = length_of(interval)
        return [Block(opens, closes, step) for day in days for opens, closes in exchange.open_on(day)]
    begins = dict.fromkeys(_first_day(interval, day) for day in days if exchange.open_on(day))
    return [_until_next(interval, exchange.at(day), exchange.zone) for day in begins]


def expected(blocks: Iterable[Block], start: int, end: int, now: int) -> Grid:
    """The candles among `blocks` that open in `[start, end)` and are over at `now`."""
    trimmed = (block.trimmed(start, end, now) for block in blocks)
    return Grid([block for block in trimmed if block is not None])


def closed(blocks: Sequence[Block], start: int, end: int) -> list[tuple[int, int]]:
    """What of `[start, end)` lies in none of `blocks`, in order."""
    found = []
    behind = start
    for block in blocks:
        if block.opens > behind and behind < end:
            found.append((behind, min(block.opens, end)))
        behind = max(behind, block.closes)
    if behind < end:
        found.append((behind, end))
    return found


def length_of(interval: Interval) -> int:
    """The length in seconds; that of a day, week and month on which no clocks change and that has 30 days."""
    if interval.fixed is not None:
        return int(interval.fixed.total_seconds())
    return {Interval.D1: DAY, Interval.W1: 7 * DAY}.get(interval, 30 * DAY)


def _inside(moment: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether `moment` is in one of `spans`, which are in order and do not overlap."""
    index = bisect_right(spans, moment, key=lambda span: span[0]) - 1
    return index >= 0 and moment < spans[index][1]


def _first_day(interval: Interval, day: date) -> date:
    if interval is Interval.W1:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval is Interval.MO1 else day


def _until_next(interval: Interval, opens: int, zone: ZoneInfo | None) -> Block:
    closes = int(interval.next_open(datetime.fromtimestamp(opens, UTC), zone).timestamp())
    return Block(opens, closes, closes - opens)


def _months(start: int, end: int) -> Iterator[int]:
    month = datetime.fromtimestamp(start, UTC).replace(day=1, hour=0, minute=0, second=0)
    while (opens := int(month.timestamp())) < end:
        yield opens
        month = Interval.MO1.next_open(month)
