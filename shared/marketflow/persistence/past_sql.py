"""Statements that read candles as they were known at a moment: the same ones, over other tables of the same names.

A common table expression hides the table of its name, so that no statement has to know of the past. They are inlined:
an index is used as it would be on the table.
"""

from __future__ import annotations

from functools import cache

_VALUES = "open, high, low, close, volume, quote_volume, trades"
_SAME = "l.symbol_id = r.symbol_id and l.interval = r.interval and l.open_time = r.open_time"

_TABLES = f"""candles as not materialized (
  select symbol_id, interval, open_time, {_VALUES}, final, observed_at, raw_id
  from public.candles where final and observed_at <= :known
  union all
  select symbol_id, interval, open_time, {_VALUES}, true, observed_at, raw_id
  from public.revisions r
  where observed_at <= :known
    and not exists (select from public.candles l where {_SAME} and l.observed_at <= :known)
    and not exists (
      select from public.revisions l
      where {_SAME} and l.observed_at <= :known and (l.observed_at, l.raw_id) > (r.observed_at, r.raw_id))
), actions as not materialized (
  select * from public.actions where observed_at <= :known
)"""  # noqa: S608 - constants
"""Of each final candle the run that was in force at `:known`; of splits and dividends those that were known by then."""

_RECURSIVE = "with recursive "


@cache
def as_known(sql: str) -> str:
    """The statement `sql` about the past; it has the parameter `known`, a time, on top."""
    if sql.startswith(_RECURSIVE):
        return f"{_RECURSIVE}{_TABLES}, {sql.removeprefix(_RECURSIVE)}"
    return f"with {_TABLES} {sql}"
