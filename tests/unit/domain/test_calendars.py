"""When candles are expected: grids of markets that never close and of exchanges that do."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.calendars import Block, Exchange, Grid, always_open, closed, expected, of_exchange
from marketflow.domain.interval import Interval

pytestmark = pytest.mark.unit

NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from([NEW_YORK, ZoneInfo("Europe/London"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Tokyo")])
SECONDS = st.integers(
    int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
)
FIXED = [interval for interval in Interval if interval.fixed is not None]
FAR = 2**40


def at(*moment: int, zone: ZoneInfo | None = None) -> int:
    return int(datetime(*moment, tzinfo=zone or UTC).timestamp())  # type: ignore[arg-type, misc]


def opens(grid: Grid) -> list[int]:
    return [grid.opens_at(number) for number in range(grid.total)]


def dates(blocks: list[Block], zone: ZoneInfo | None = None) -> list[date]:
    return [datetime.fromtimestamp(block.opens, zone or UTC).date() for block in blocks]


@given(SECONDS, st.integers(0, 200_000), st.sampled_from(list(Interval)))
def test_a_market_that_never_closes_has_every_candle_of_its_grid(start: int, length: int, interval: Interval) -> None:
    """Each candle begins where the one before ends, opens in the range, and is on the grid of its interval."""
    end = start + length * (1 if interval.fixed else 400)
    grid = expected(always_open(interval, start, end), start, end, FAR)
    times = opens(grid)
    for number, moment in enumerate(times):
        opened = datetime.fromtimestamp(moment, UTC)
        assert start <= moment < end
        assert grid.closes_at(number) == int(interval.next_open(opened).timestamp())
        if interval is Interval.W1:
            assert opened.weekday() == 0
        elif interval is Interval.MO1:
            assert opened.day == 1
    assert all(grid.closes_at(number) == following for number, following in enumerate(times[1:]))
    if times:
        assert expected(always_open(interval, times[0] - 1, end), times[0] - 1, times[0], FAR).total == 0


@given(SECONDS, st.integers(1, 100_000), st.integers(-100, 100_100), st.sampled_from(FIXED))
def test_what_is_still_open_is_not_expected(start: int, length: int, passed: int, interval: Interval) -> None:
    """At each moment those candles are expected that are over."""
    end, now = start + length, start + passed
    blocks = always_open(interval, start, end)
    whole, sofar = expected(blocks, start, end, FAR), expected(blocks, start, end, now)
    assert opens(sofar) == [whole.opens_at(number) for number in range(whole.total) if whole.closes_at(number) <= now]


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), max_size=6),
    st.integers(1, 60),
    st.integers(-10, 3000),
)
def test_numbers_and_times_are_inverse(parts: list[tuple[int, int]], step: int, moment: int) -> None:
    """A candle's number is how many open before it, over closed hours and sessions that end within a candle."""
    blocks, clock = [], 0
    for pause, length in parts:
        blocks.append(Block(clock + pause, clock + pause + length, step))
        clock += pause + length
    grid = Grid(blocks)
    times = [time for block in blocks for time in range(block.opens, block.closes, step)]
    assert opens(grid) == times
    assert grid.number_at(moment) == sum(time < moment for time in times)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=6),
    st.integers(0, 100),
    st.integers(0, 30),
    st.sampled_from([1, 2, 5]),
)
def test_a_run_of_candles_has_the_numbers_of_those_on_the_grid(
    parts: list[tuple[int, int]], first: int, count: int, step: int
) -> None:
    """What stands beside the grid or in closed hours has no number."""
    blocks, clock = [], 0
    for pause, length in parts:
        blocks.append(Block(clock + pause, clock + pause + length * step, step))
        clock = blocks[-1].closes
    grid = Grid(blocks)
    times = opens(grid)
    stored = range(first, first + count * step + 1, step)
    runs = list(grid.numbers_of(stored[0], stored[-1], step))
    assert [number for start, end in runs for number in range(start, end)] == [
        number for number, time in enumerate(times) if time in stored
    ]


@given(ZONES, st.dates(date(2015, 1, 1), date(2029, 1, 1)), st.sampled_from(list(Interval)))
def test_an_exchange_is_open_in_its_own_time(zone: ZoneInfo, day: date, interval: Interval) -> None:
    """Whatever its clocks do, minutes are counted from the opening and days, weeks and months from its midnights."""
    exchange = Exchange(zone=zone, hours=(time(9, 30), time(16)))
    start = exchange.at(day)
    end = exchange.at(day + timedelta(days=40))
    for block in of_exchange(exchange, interval, start, end):
        local = datetime.fromtimestamp(block.opens, zone)
        if interval.fixed is None:
            assert (local.hour, local.minute) == (0, 0) or zone.key == "Australia/Lord_Howe"
            assert block.count == 1
        else:
            assert (local.hour, local.minute) == (9, 30)
            assert datetime.fromtimestamp(block.closes, zone).hour == 16
        assert local.weekday() == 0 or interval is not Interval.W1
        assert local.day == 1 or interval is not Interval.MO1


def test_a_day_on_which_the_clocks_change_keeps_its_session() -> None:
    """New York opens at 14:30 UTC until its clocks go forward and at 13:30 from then on; the day has 23 hours."""
    exchange = Exchange(zone=NEW_YORK, hours=(time(9, 30), time(16)))
    friday, monday = of_exchange(exchange, Interval.M1, at(2026, 3, 6), at(2026, 3, 9, 20))[2:4]
    assert (friday.opens, monday.opens) == (at(2026, 3, 6, 14, 30), at(2026, 3, 9, 13, 30))
    assert (friday.count, monday.count) == (390, 390)
    sunday = Exchange(zone=NEW_YORK, traded=frozenset({date(2026, 3, 8)}))
    (day,) = [
        block
        for block in of_exchange(sunday, Interval.D1, at(2026, 3, 8), at(2026, 3, 9))
        if block.closes == at(2026, 3, 9, 4)
    ]
    assert day.closes - day.opens == 23 * 3600


def test_a_half_day_is_as_short_as_the_source_says() -> None:
    """A session that is known counts as it is; its last hourly candle may be cut short."""
    half = (at(2026, 11, 27, 9, 30, zone=NEW_YORK), at(2026, 11, 27, 13, zone=NEW_YORK))
    exchange = Exchange(zone=NEW_YORK, sessions=[half], hours=(time(9, 30), time(16)))
    start, end = at(2026, 11, 27, zone=NEW_YORK), at(2026, 11, 28, zone=NEW_YORK)
    assert expected(of_exchange(exchange, Interval.M1, start, end), start, end, FAR).total == 210
    hours = expected(of_exchange(exchange, Interval.H1, start, end), start, end, FAR)
    assert (hours.total, hours.closes_at(3) - hours.opens_at(3)) == (4, 1800)
    assert expected(of_exchange(exchange, Interval.H1, start, end), start, end, half[1]).total == 4


def test_a_date_is_closed_when_it_was_asked_for_and_nothing_of_the_exchange_was_there() -> None:
    """A weekday without session or daily candle is a holiday once it was fetched, by days or by minutes."""
    holiday = date(2026, 7, 3)
    hours = (time(9, 30), time(16))
    midnight = at(2026, 7, 3, zone=NEW_YORK)
    assert Exchange(zone=NEW_YORK, hours=hours).open_on(holiday)
    assert not Exchange(zone=NEW_YORK, hours=hours, days=[(midnight, midnight + 1)]).open_on(holiday)
    assert Exchange(zone=NEW_YORK, hours=hours, days=[(midnight + 1, FAR)]).open_on(holiday)
    opening = at(2026, 7, 3, 9, 30, zone=NEW_YORK)
    assert not Exchange(zone=NEW_YORK, hours=hours, minutes=[(midnight, opening + 60)]).open_on(holiday)
    assert Exchange(zone=NEW_YORK, hours=hours, minutes=[(midnight, opening)]).open_on(holiday)


def test_a_date_with_a_daily_candle_was_open() -> None:
    """Anything that was traded on the exchange says so, also on a weekend; the hours are the usual ones."""
    sunday = date(2026, 7, 5)
    assert not Exchange(zone=NEW_YORK).open_on(sunday)
    (session,) = Exchange(zone=NEW_YORK, hours=(time(10), time(18)), traded=frozenset({sunday})).open_on(sunday)
    assert session == (at(2026, 7, 5, 10, zone=NEW_YORK), at(2026, 7, 5, 18, zone=NEW_YORK))


def test_a_session_over_midnight_ends_on_the_next_day() -> None:
    """Usual hours from 18:00 to 17:00 are 23 hours, and those of a market round the clock 24."""
    night = Exchange(zone=NEW_YORK, hours=(time(18), time(17)))
    ((start, end),) = night.open_on(date(2026, 7, 1))
    assert end - start == 23 * 3600
    ((start, end),) = Exchange(zone=NEW_YORK, hours=(time(0), time(0))).open_on(date(2026, 7, 1))
    assert end - start == 86_400


def test_weeks_and_months_without_a_trading_day_are_not_expected() -> None:
    """A week is there when the exchange was open on one of its days."""
    monday = at(2026, 7, 6, zone=NEW_YORK)
    shut = Exchange(zone=NEW_YORK, days=[(monday, at(2026, 7, 11, zone=NEW_YORK))])
    weeks = of_exchange(shut, Interval.W1, at(2026, 7, 1), at(2026, 7, 15))
    assert date(2026, 7, 6) not in dates(weeks, NEW_YORK)
    assert {date(2026, 6, 29), date(2026, 7, 13)} <= set(dates(weeks, NEW_YORK))


def test_closed_hours_are_what_no_block_holds() -> None:
    """Before, between and behind the sessions, cut at the range."""
    blocks = [Block(10, 20, 1), Block(20, 30, 1), Block(50, 60, 1)]
    assert closed(blocks, 5, 70) == [(5, 10), (30, 50), (60, 70)]
    assert closed(blocks, 15, 55) == [(30, 50)]
    assert closed(blocks, 35, 45) == [(35, 45)]
    assert closed([], 1, 2) == [(1, 2)]
    assert closed(blocks, 12, 18) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=6), st.data())
def test_a_run_is_cut_where_the_market_is_closed(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    """The pieces are the run again, and each is one stretch of time."""
    blocks, clock = [], 0
    for pause, length in parts:
        blocks.append(Block(clock + pause, clock + pause + length, 1))
        clock = blocks[-1].closes
    grid = Grid(blocks)
    first = data.draw(st.integers(0, grid.total - 1))
    end = data.draw(st.integers(first + 1, grid.total))
    pieces = list(grid.cut(first, end))
    assert [number for start, stop in pieces for number in range(start, stop)] == list(range(first, end))
    assert all(grid.closes_at(stop - 1) - grid.opens_at(start) == stop - start for start, stop in pieces)
    assert all(grid.closes_at(one[1] - 1) < grid.opens_at(two[0]) for one, two in itertools.pairwise(pieces))
