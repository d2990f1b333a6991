# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements that roll candles up when they are read: what is not on the stored basis, or as it once was.

Everything else was rolled up when it was loaded (migration 0012, kept_sql.py), by the same rules. No source is asked
for hours or months: they are made from minutes and, for stocks, days.

A bucket opens on the clock of the exchange for stocks and of UTC for the others; a week on Monday. Its rows are brought
to the basis that was asked for before they are put together, because a split may lie within it. It is final when all of
its rows are, none is held back and the source was asked for every moment of it: a minute that nobody fetched may still
change the high.
"""

from __future__ import annotations

from functools import cache

from marketflow.domain.interval import Interval
from marketflow.domain.reading import Adjustment, Layout
from marketflow.persistence import actions_sql
from marketflow.persistence.kept_sql import LENGTHS, ZONE, base
from marketflow.persistence.read_sql import csv_row, json_row

ROWS = {
    Interval.M5: 5,
    Interval.M15: 15,
    Interval.M30: 30,
    Interval.H1: 60,
    Interval.H4: 240,
    Interval.D1: 1,
    Interval.W1: 7,
    Interval.MO1: 31,
}
"""How many minutes a bucket holds at most; from a day on, days."""

_MINUTES_OF_A_DAY = 1440


def _bucket(interval: Interval, local: str) -> str:
    """A SQL expression: where the bucket of the local time `local` opens, local too."""
    length = LENGTHS[interval]
    if interval.fixed is not None:
        return f"date_bin(interval '{length}', {local}, timestamp '2000-01-01')"
    return f"date_trunc('{length.removeprefix('1 ')}', {local})"


def _most_rows(interval: Interval) -> str:
    """A SQL expression: how many rows of the symbol `s` a bucket holds at most."""
    if interval.fixed is not None:
        return str(ROWS[interval])
    return f"{ROWS[interval]} * case when s.asset_type = 'crypto' then {_MINUTES_OF_A_DAY} else 1 end"


Basis = Adjustment | None
"""On which basis the rows are put together; None: as they are stored, which is right where no split came later."""

_PRICES = ["c.open", "c.high", "c.low", "c.close", "c.volume"]


@cache
def candles(
    interval: Interval, adjustment: Basis, layout: Layout, *, quoted: bool, descending: bool, past: bool = False
) -> str:
    """One symbol's candles as one row; of the `past` for `past_sql.as_known`.

    Text, count, oldest, newest, all final, whether more follow, asset type, whether a split came after the oldest.
    """
    row = csv_row() if layout is Layout.CSV else json_row(quoted=quoted)
    glue = "','" if layout is Layout.JSON else "chr(10)"
    order = "desc" if descending else "asc"
    page = "filter (where c.n <= :limit)"
    behind = f"c.open_time {_behind(descending)} :after"
    buckets = _buckets(interval, adjustment, descending=descending, behind=behind, past=past)
    return f"""{_beginning(adjustment)}
select string_agg({row}, {glue} order by c.n) {page}, count(c.n) {page}, min(c.open_time) {page},
  max(c.open_time) {page}, bool_and(c.final) {page}, count(c.n) > :limit, s.asset_type,
  s.asset_type = 'stock' and exists (
    select from actions a where a.symbol_id = s.id and a.kind = 'split' and a.effective > min(c.open_time))
from symbols s left join lateral (
  select c.*, row_number() over (order by c.open_time {order}) as n from ({buckets}) c) c on true
where s.symbol = :names
group by s.id""".lstrip()


@cache
def candle_batch(interval: Interval, adjustment: Basis, *, quoted: bool, descending: bool, past: bool = False) -> str:
    """Several symbols' candles as one row; of the `past` for `past_sql.as_known`.

    Text, the known symbols, behind what the next page begins, whether a split came after the oldest candle.
    """
    order = "desc" if descending else "asc"
    behind = f"(s.symbol > :after_symbol or c.open_time {_behind(descending)} :after)"
    buckets = _buckets(interval, adjustment, descending=descending, behind=behind, past=past)
    return f"""{_beginning(adjustment)}
select string_agg(page.text, ',' order by page.n) filter (where page.n <= :limit),
  array(select symbol from symbols where symbol = any(string_to_array(:names, ','))),
  case when count(*) > :limit then max(page.symbol) filter (where page.n = :limit) end,
  case when count(*) > :limit then max(page.open_time) filter (where page.n = :limit) end,
  exists (
    select from symbols s join actions a on a.symbol_id = s.id
    where s.symbol = any(string_to_array(:names, ',')) and s.asset_type = 'stock'
      and a.kind = 'split' and a.effective > min(page.open_time))
from (
  select {json_row(quoted=quoted, symbol=True)} as text, s.symbol, c.open_time,
    row_number() over (order by s.symbol, c.open_time {order}) as n
  from symbols s
  cross join lateral ({buckets}) c
  where s.symbol = any(string_to_array(:names, ',')) and s.symbol >= :after_symbol
  order by s.symbol, c.open_time {order} limit :limit + 1) page""".lstrip()


_WHOLE_THEN = """ and {ends} <= :known and c.rows = (
        select count(*) from public.candles l
        where l.symbol_id = s.id and l.interval = {base}
          and l.open_time >= {starts} and l.open_time < {ends})"""
"""Of the past (past_sql.py): `fetched_ranges` does not say since when, but a row that was not known then shows it."""


def _beginning(adjustment: Basis) -> str:
    return "" if adjustment is None else actions_sql.eras(with_dividends=adjustment is Adjustment.ALL)


def _behind(descending: bool) -> str:
    return "<" if descending else ">"


def _buckets(interval: Interval, adjustment: Basis, *, descending: bool, behind: str, past: bool) -> str:
    """A SQL query: the candles of the symbol `s` that a page may hold, and one more.

    So many rows below them that the buckets which are counted are whole: the bucket behind which the page begins, those
    of the page, and the beginning of the next.
    """
    length, of_base = LENGTHS[interval], f"c.symbol_id = s.id and c.interval = {base(interval)}"
    prices = _PRICES if adjustment is None else actions_sql.columns(adjustment)
    order, reached = ("desc", "c.open_time < :after") if descending else ("asc", "c.open_time >= :after")
    # With several symbols `after` is a place within the first of them only.
    reached = reached if behind.startswith("c.") else f"(s.symbol > :after_symbol or {reached})"
    zone = ZONE
    ends = f"((c.local + interval '{length}') at time zone {zone})"
    then = _WHOLE_THEN.format(base=base(interval), starts=f"c.local at time zone {zone}", ends=ends) if past else ""
    return f"""select c.* from (
    select c.local at time zone {zone} as open_time, c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades,
      c.final and exists (
        select from fetched_ranges f
        where f.symbol_id = s.id and f.interval = {base(interval)}
          and f.fetched @> tstzrange(c.local at time zone {zone}, {ends}))
      and not exists (
        select from candles h
        where h.symbol_id = s.id and h.interval = {base(interval)} and h.held
          and h.open_time >= c.local at time zone {zone} and h.open_time < {ends}){then} as final
    from (
      select r.local, (array_agg(r.open order by r.open_time))[1] as open, max(r.high) as high, min(r.low) as low,
        (array_agg(r.close order by r.open_time))[count(*)] as close, {_sum("volume")}, {_sum("quote_volume")},
        {_sum("trades")}, bool_and(r.final) as final, count(*) as rows
      from (
        select c.open_time, {_bucket(interval, f"(c.open_time at time zone {zone})")} as local,
          {", ".join(prices)}, c.quote_volume, c.trades, c.final
        from (
          select * from candles c
          where {of_base} and not c.held
            and c.open_time >= :start and c.open_time < cast(:end as timestamptz) + interval '{length}'
            and {reached}
          order by c.open_time {order} limit (:limit + 2) * {_most_rows(interval)}) c
        {"" if adjustment is None else actions_sql.joins(adjustment)}) r
      group by r.local) c) c
  where c.open_time >= :start and c.open_time < :end and {behind}
  order by c.open_time {order} limit :limit + 1"""


def _sum(column: str) -> str:
    """A SQL expression: the sum, missing when one of the parts is."""
    return f"case when count(r.{column}) = count(*) then sum(r.{column}) end as {column}"
