"""Dividends and splits: the events of a chart, and the factor between close and adjusted close."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from local.simulator.assets import DAY
from local.simulator.instruments import Instrument
from local.simulator.yahoo_rows import View

_FIRST_YEAR = 2012
_LONGEST_PAUSE = 30 * DAY
_EX_DAY = 9  # the ex-date is the first session on or after this day of the month


def dividend_dates(instrument: Instrument, session: tuple[int, int]) -> tuple[tuple[int, float], ...]:
    """Every ex-date up to `session` (the open of its session, epoch seconds) and the factor for closes before it."""
    return instrument.once_a_session("dividends", session, lambda: _dividend_dates(instrument, session))


def _dividend_dates(instrument: Instrument, session: tuple[int, int]) -> tuple[tuple[int, float], ...]:
    exchange, series = instrument.exchange, instrument.series
    tick = series.shape.tick
    found = []
    last = exchange.local_date(session[0])
    for year in range(_FIRST_YEAR, last.year + 1):
        for month in instrument.dividend_months:
            day = date(year, month, _EX_DAY)
            while (span := exchange.session(day)) is None:
                day += timedelta(days=1)
            if span[0] <= session[0] and span[0] >= instrument.first_trade:
                close = series.root(*exchange.before(span[0])).close * tick.numerator / tick.denominator
                found.append((span[0], 1.0 - instrument.dividend / close))
    return tuple(found)


def adjustment(view: View, ts: int) -> float:
    """What to multiply a close stamped `ts` with, so that dividends paid later are out of it."""
    factor = 1.0
    for ex_date, shrink in dividend_dates(view.instrument, view.session):
        if ex_date > ts:
            factor *= shrink
    return factor


def events(view: View, start: int, end: int, kinds: set[str]) -> dict[str, Any]:
    """The `events` object of bars between `start` and `end`; empty when there are none of the asked `kinds`."""
    found: dict[str, Any] = {}
    if "div" in kinds and view.instrument.dividend:
        amount = view.price(1) * view.instrument.dividend / _tick(view.instrument)
        found["dividends"] = {
            str(ts): {"amount": round(amount, 6), "date": ts}
            for ts, _ in dividend_dates(view.instrument, view.session)
            if start <= ts <= end
        }
    if kinds & {"split", "splits"}:
        found["splits"] = {
            str(ts): {"date": ts, "numerator": numerator, "denominator": denominator, "splitRatio": f"{numerator}:1"}
            for ts, numerator, denominator in _splits(view)
            if start <= ts <= end
        }
    return {name: items for name, items in found.items() if items}


def effective(view: View, moment: int | None) -> int | None:
    """The open of the first session from `moment` on, with which a split of then begins; None while it is to come."""
    if moment is None:
        return None
    sessions = view.instrument.exchange.sessions(moment, moment + _LONGEST_PAUSE)
    opening = next(start for start, _ in sessions if start >= moment)
    return opening if opening <= view.seen else None


def _splits(view: View) -> list[tuple[int, int, int]]:
    exchange = view.instrument.exchange
    found = []
    for day, numerator, denominator in view.instrument.splits:
        span = exchange.session(day)
        if span:
            found.append((span[0], numerator, denominator))
    if view.split_at is not None:
        found.append((view.split_at, 4, 1))
    return found


def _tick(instrument: Instrument) -> float:
    tick = instrument.series.shape.tick
    return tick.numerator / tick.denominator
