# ruff: noqa: S608 - put together from this module's constants; every value is a parameter
"""Where the candles of each interval are kept, for the statements that read them as they are.

Minutes, and the days of stocks, are what sources gave; everything else was rolled up when those were loaded. What is
kept of a rolled-up candle follows from its rows; it is final when the source was asked for every moment of it as well,
because a minute that nobody fetched may still change the high.
"""

from __future__ import annotations

from functools import cache

from marketflow.domain.interval import Interval

LENGTHS = {
    Interval.M5: "5 minutes",
    Interval.M15: "15 minutes",
    Interval.M30: "30 minutes",
    Interval.H1: "1 hour",
    Interval.H4: "4 hours",
    Interval.D1: "1 day",
    Interval.W1: "1 week",
    Interval.MO1: "1 month",
}
"""Of a bucket on the local clock, for Postgres."""

ZONE = "case when s.asset_type = 'stock' then s.timezone else 'UTC' end"
"""A SQL expression: on whose clock the buckets of the symbol `s` open."""

_VALUES = "symbol_id, open_time, open, high, low, close, volume, quote_volume, trades"
_GIVEN = f"""select {_VALUES}, final, observed_at from candles
    where symbol_id = s.id and interval = cast(:interval as candle_interval) and not held"""


def base(interval: Interval) -> str:
    """A SQL expression: of what the candles of the symbol `s` are rolled up in the end."""
    if interval in (Interval.D1, Interval.W1, Interval.MO1):
        return "cast(case when s.asset_type = 'crypto' then '1m' else '1d' end as candle_interval)"
    return "cast('1m' as candle_interval)"


@cache
def candles(interval: Interval) -> str:
    """A SQL from-item `c`: the candles of the symbol `s`, which `ranges` follows, that are not held back."""
    if interval is Interval.M1:
        return f"({_GIVEN}) c"
    closes = f"open_time + interval '{LENGTHS[interval]}'"
    if interval.fixed is None:
        closes = f"((open_time at time zone {ZONE}) + interval '{LENGTHS[interval]}') at time zone {ZONE}"
    rolled = f"""select {_VALUES}, rows_final and coalesce(f.fetched @> tstzrange(open_time, {closes}), false) as final,
      open_time as observed_at
    from rollups where symbol_id = s.id and interval = cast(:interval as candle_interval)"""
    if interval is not Interval.D1:
        return f"({rolled}) c"
    return f"({_GIVEN} and s.asset_type <> 'crypto' union all {rolled} and s.asset_type = 'crypto') c"


def ranges(interval: Interval) -> str:
    """A SQL join behind `symbols s`: the ranges `f` that were fetched of what its candles are rolled up of."""
    if interval is Interval.M1:
        return ""
    return f"left join fetched_ranges f on f.symbol_id = s.id and f.interval = {base(interval)}"
