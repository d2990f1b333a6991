"""Statements that read candles as they were known at a moment: the same ones, over other tables of the same names.

A common table expression hides the table of its name, so that no statement has to know of the past. They are inlined:
an index is used as it would be on the table.
"""

from __future__ import annotations

from functools import cache

_COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "observed_at", "raw_id")


def _of(row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in _COLUMNS)


_TABLES = f"""candles as not materialized (
  select c.symbol_id, c.interval, c.open_time, {_of("v")}, c.final, v.held
  from public.candles c cross join lateral (
    select {_of("c")}, c.held where c.observed_at <= :known
    union all (
      select {_of("r")}, false from public.revisions r
      where r.symbol_id = c.symbol_id and r.interval = c.interval and r.open_time = c.open_time
        and r.observed_at <= :known and c.observed_at > :known
      order by r.observed_at desc, r.raw_id desc limit 1)) v
  where c.final and c.open_time < :known
), actions as not materialized (
  select * from public.actions where observed_at <= :known
)"""  # noqa: S608 - constants
"""Of each final candle the run that was in force at `:known`; of splits and dividends those that were known by then.

What was final by then had opened before: later rows are not looked at. What is held back now is in no past either;
revisions are not judged.
"""

_RECURSIVE = "with recursive "


@cache
def as_known(sql: str) -> str:
    """The statement `sql` about the past; it has the parameter `known`, a time, on top."""
    if sql.startswith(_RECURSIVE):
        return f"{_RECURSIVE}{_TABLES}, {sql.removeprefix(_RECURSIVE)}"
    return f"with {_TABLES} {sql}"
