"""The oracle's view of Yahoo: charts of minutes and days, and the price beside them, from an instrument's sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from local.simulation.oracle import NO_DATA, Fact, Key, Reading, Served, Values, document, shortest, utc
from local.simulator.bars import Bar
from local.simulator.world import World
from local.simulator.yahoo_actions import effective
from local.simulator.yahoo_rows import View, look

MINUTE = 60
LONGEST_DELAY = 1800
"""Seconds after which what a delayed exchange shows has settled."""
_MINOR = {"GBp": 2, "ILA": 2, "ZAc": 2}


def view_of(world: World, symbol: str, served: Served) -> View:
    """What Yahoo saw of `symbol` when it answered."""
    view = look(world.yahoo.instruments[symbol], served.at)
    moment = served.split if served.split is not None and served.split <= served.at else None
    return replace(view, split_at=effective(view, moment))


def read(world: World, served: Served) -> Reading:
    """What a chart says."""
    found = document(served.body)
    if served.status == 400 and found and "Data doesn't exist" in (found["chart"]["error"]["description"]):
        return Reading()
    if served.status != 200 or found is None:
        return NO_DATA
    if not found["chart"]["result"]:
        return Reading()
    result = found["chart"]["result"][0]
    meta, stamps = result["meta"], result.get("timestamp") or []
    quote = result["indicators"]["quote"][0]
    lengths = {len(column) for column in quote.values()}
    asked = served.params["interval"]
    if meta["currency"] is None or meta["dataGranularity"] != asked or (lengths and lengths != {len(stamps)}):
        return NO_DATA
    view = view_of(world, served.symbols[0], served)
    rows = [(place, stamp) for place, stamp in enumerate(stamps) if quote["close"][place] is not None]
    facts = _minutes(view, rows, quote) if asked == "1m" else _days(view, rows)
    return Reading((*(fact for fact in facts if served.wanted(fact.key[3])), _price(view)))


def _minutes(view: View, rows: list[tuple[int, int]], quote: dict[str, list[Any]]) -> list[Fact]:
    facts = []
    for place, stamp in rows:
        span = next(iter(view.instrument.exchange.sessions(stamp, stamp + 1)), None)
        # Off the grid: the live snapshot. Outside of a session: the close that stays behind.
        if stamp % MINUTE or span is None:
            continue
        # The very first second of a minute without a trade cannot be told from a snapshot.
        if stamp == view.market_time and place == rows[-1][0] and not quote["volume"][place]:
            continue
        facts.append(
            Fact(_minute_key(view, stamp), _values(view, _minute(view, span, stamp)), _settled(view, stamp), place)
        )
    return facts


def _minute_key(view: View, stamp: int) -> Key:
    return ("candles", view.instrument.symbol, "1m", utc(stamp))


def _minute(view: View, span: tuple[int, int], stamp: int) -> Bar:
    series = view.instrument.series
    root = series.root(*span)
    if stamp + MINUTE <= view.seen + 1:
        return series.inside(root, MINUTE, start=stamp, end=stamp + MINUTE)[0]
    bar = series.part(root, stamp, view.seen + 1)
    if bar is None:
        raise AssertionError(f"{view.instrument.symbol} shows a minute at {stamp} that it has not seen.")
    return bar


def _settled(view: View, stamp: int) -> bool:
    """The source's clock is past the minute, and so is the exchange's own, which may be shown late."""
    end = stamp + MINUTE
    return end <= view.now and (end <= view.market_time or end + LONGEST_DELAY <= view.now)


def _days(view: View, rows: list[tuple[int, int]]) -> list[Fact]:
    exchange = view.instrument.exchange
    current = exchange.current(view.now)
    found: dict[datetime, Fact] = {}
    for place, stamp in rows:
        day = exchange.local_date(stamp)
        span = exchange.session(day)
        if span is None:
            raise AssertionError(f"{view.instrument.symbol} has a day on {day}, when its exchange is closed.")
        values = _values(view, view.day(span))
        moment = utc(exchange.epoch(day, time(0)))
        if moment in found:  # the vendor's double of the last day has a hundredth more volume
            values = (*values[:4], values[4] * 101 // 100 if values[4] else values[4], None, None)
        of_today = exchange.local_date(current[0]) == day
        end = current[1] + LONGEST_DELAY if of_today else exchange.epoch(day + timedelta(days=1), time(0))
        key: Key = ("candles", view.instrument.symbol, "1d", moment)
        found[moment] = Fact(key, values, end <= view.now, place)
    return list(found.values())


def _values(view: View, bar: Bar) -> Values:
    tick = view.instrument.series.shape.tick
    numbers = _numbers(bar, tick, split=view.split_at is not None)
    return (*(_major(view, price) for price in numbers), _volume(view, bar), None, None)


@lru_cache(maxsize=65_536)
def _numbers(bar: Bar, tick: Fraction, *, split: bool) -> tuple[Decimal, ...]:
    """Open, high, low and close in the vendor's unit, as its 32 bits keep them."""
    each = tick / 4 if split else tick
    return tuple(shortest(float(ticks * each)) for ticks in (bar.open, bar.high, bar.low, bar.close))


def _volume(view: View, bar: Bar) -> Decimal:
    shares = bar.volume * (4 if view.split_at is not None else 1)
    return Decimal(shares if view.instrument.has_volume else 0)


def _price(view: View) -> Fact:
    """The last trade, rounded as the vendor does."""
    number = round(view.price(view.day(view.session).close), max(3, view.instrument.price_hint))
    key: Key = ("prices", view.instrument.symbol, "", utc(view.market_time))
    return Fact(key, (_major(view, Decimal(repr(number))),), True, -1)


def _major(view: View, value: Decimal) -> Decimal:
    return value.scaleb(-_MINOR.get(view.instrument.currency, 0))


def minutes_between(world: World, symbol: str, start: int, end: int) -> list[int]:
    """The minutes of sessions that open within [start, end), epoch seconds."""
    exchange = world.yahoo.instruments[symbol].exchange
    return [
        stamp
        for opening, closing in exchange.sessions(start, end)
        for stamp in range(opening, closing, MINUTE)
        if start <= stamp < end
    ]


def midnight(world: World, symbol: str, at: int) -> int:
    """When the exchange's calendar day began that holds `at`, epoch seconds."""
    exchange = world.yahoo.instruments[symbol].exchange
    return exchange.epoch(exchange.local_date(at), time(0))
