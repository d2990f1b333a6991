# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements that know of dividends and splits: the list of them, and candles on another basis than the stored one.

A stored price is adjusted for the splits up to its `observed_at`, as the source gave it. Between two splits lies an
era; `up` and `down` are the products of all numerators and denominators up to it. A price of era b is worth
`up_b * down_a / (down_b * up_a)` times as much in era a, and a volume the inverse.
"""

from __future__ import annotations

from functools import cache

from marketflow.domain.interval import Interval
from marketflow.domain.reading import Adjustment, Layout
from marketflow.persistence import kept_sql
from marketflow.persistence.read_sql import csv_row, json_object, json_row, moment, optional, quote

HEADER = "effective_at,kind,ex_date,amount,currency,numerator,denominator,source,observed_at"

SIGNIFICANT_DIGITS = 20
"""Of a quotient that does not end, and of every price from which dividends are taken out."""

_SCALE = 60  # decimal places of a quotient before it is rounded: twenty digits of the smallest price that is stored


def _in_era(era: str, moment: str, row: str) -> str:
    return f"join era {era} on {era}.symbol_id = {row}.symbol_id and {moment} >= {era}.since and {moment} < {era}.until"


_ERAS = """with recursive share as materialized (
  select id, symbol, quote_currency from symbols where symbol = any(string_to_array(:names, ','))
), split as materialized (
  select symbol_id, effective, numerator, denominator,
    row_number() over (partition by symbol_id order by effective) as n
  from actions where symbol_id in (select id from share) and kind = 'split'
), basis(symbol_id, n, since, up, down) as (
  select id, cast(0 as bigint), cast('-infinity' as timestamptz), cast(1 as numeric), cast(1 as numeric) from share
  union all
  select b.symbol_id, s.n, s.effective, b.up * s.numerator, b.down * s.denominator
  from basis b join split s on s.symbol_id = b.symbol_id and s.n = b.n + 1
), era as materialized (
  select symbol_id, n, since, lead(since, 1, 'infinity') over (partition by symbol_id order by n) as until, up, down
  from basis
)"""

_PAYOUTS = f""", payout as materialized (
  -- Amount and close are both brought to era 0, where they can be compared.
  select row_number() over (order by a.effective desc) as n, a.effective,
    1 - round(a.amount * e.up * f.down, {_SCALE}) / (p.close * f.up * e.down) as kept
  from actions a
  {_in_era("e", "a.observed_at", "a")}
  cross join lateral (
    select close, observed_at from candles
    where symbol_id = a.symbol_id and interval = '1d' and final and not held
      and open_time < a.effective and open_time >= a.effective - interval '14 days'
    order by open_time desc limit 1) p
  {_in_era("f", "p.observed_at", "a")}
  where a.symbol_id = (select id from share) and a.kind = 'dividend'
    and a.currency = (select quote_currency from share)
    and a.amount * e.up * f.down < p.close * f.up * e.down
), kept(n, until, factor) as (
  select cast(0 as bigint), cast('infinity' as timestamptz), cast(1 as numeric)
  union all
  select p.n, p.effective, round(k.factor * p.kept, {_SCALE}) from kept k join payout p on p.n = k.n + 1
), held as materialized (
  select n, lead(until, 1, '-infinity') over (order by n) as since, until, factor from kept
)"""
"""A close of more than two weeks before the ex-date is not the one that the dividend came off."""

# Of the eras `b` of the observation, `o` of the candle's own time and `z`, the present one.
_FACTORS = {
    Adjustment.RAW: ("b.n > o.n", "b.up * o.down", "b.down * o.up"),
    Adjustment.SPLIT: ("b.n < z.n", "b.up * z.down", "b.down * z.up"),
    Adjustment.ALL: ("b.n < z.n", "b.up * z.down", "b.down * z.up"),
}


@cache
def actions(layout: Layout, *, quoted: bool, descending: bool) -> str:
    """A symbol's dividends and splits as one row: text, and behind which time and kind the next page begins."""
    decimals = ("amount", "numerator", "denominator")
    if layout is Layout.CSV:
        values = [moment("a.effective"), "a.kind", _date()]
        values += [f"coalesce(a.{name}::text, '')" for name in ("amount", "currency", "numerator", "denominator")]
        row = " || ',' || ".join([*values, "s.source", moment("a.observed_at")])
    else:
        texts = {name: optional(quote(f"a.{name}") if quoted else f"a.{name}") for name in decimals}
        row = json_object(
            {
                "effective_at": quote(moment("a.effective")),
                "kind": "to_json(a.kind)",
                "ex_date": quote(_date()),
                "amount": texts["amount"],
                "currency": optional("to_json(a.currency)"),
                "numerator": texts["numerator"],
                "denominator": texts["denominator"],
                "source": "to_json(s.source)",
                "observed_at": quote(moment("a.observed_at")),
            }
        )
    glue = "','" if layout is Layout.JSON else "chr(10)"
    behind, order = ("<", "desc") if descending else (">", "asc")
    changed, up, down = _FACTORS[Adjustment.RAW]
    return f"""{_ERAS}
select string_agg(o.text, {glue} order by o.n) filter (where o.n <= :limit),
  case when count(o.n) > :limit then max(o.effective) filter (where o.n = :limit) end,
  case when count(o.n) > :limit then max(o.kind) filter (where o.n = :limit) end
from symbols s left join lateral (
  select {row} as text, a.effective, a.kind,
    row_number() over (order by a.effective {order}, a.kind {order}) as n
  from (
    select a.effective, a.kind, a.currency, a.numerator, a.denominator, a.observed_at,
      case when {changed} then {_quotient(f"a.amount * {up}", f"({down})")} else a.amount end as amount
    from (
      select * from actions a
      where a.symbol_id = s.id and a.kind = coalesce(cast(:kind as text), a.kind)
        and a.effective >= :start and a.effective < :end
        and (a.effective, a.kind) {behind} (cast(:after as timestamptz), cast(:after_kind as text))
      order by a.effective {order}, a.kind {order} limit :limit + 1) a
    {_in_era("o", "a.effective", "a")}
    {_in_era("b", "a.observed_at", "a")}) a) o on true
where s.symbol = :names
group by s.id"""


@cache
def candles(adjustment: Adjustment, layout: Layout, *, quoted: bool, descending: bool) -> str:
    """A stock's candles on another basis, as one row like that of `read_sql.candles`; of any other symbol none."""
    row = csv_row() if layout is Layout.CSV else json_row(quoted=quoted)
    glue = "','" if layout is Layout.JSON else "chr(10)"
    of_symbol = "c.symbol_id = s.id and c.interval = cast(:interval as candle_interval) and not c.held"
    inside = "c.open_time >= :start and c.open_time < :end"
    last, behind, order = ("oldest", "<", "desc") if descending else ("newest", ">", "asc")
    return f"""{eras(with_dividends=adjustment is Adjustment.ALL)}
select p.text, p.count, p.oldest, p.newest, p.final,
  exists (select from candles c where {of_symbol} and {inside} and c.open_time {behind} p.{last}), s.asset_type
from symbols s cross join lateral (
  select string_agg({row}, {glue} order by c.open_time {order}) as text, count(*) as count,
    min(c.open_time) as oldest, max(c.open_time) as newest, bool_and(c.final) as final
  from (
    select c.open_time, {", ".join(columns(adjustment))}, c.quote_volume, c.trades, c.final
    from (
      select * from candles c
      where s.asset_type = 'stock' and {of_symbol} and {inside} and c.open_time {behind} :after
      order by c.open_time {order} limit :limit) c
    {joins(adjustment)}) c) p
where s.symbol = :names"""


@cache
def candle_batch(interval: Interval, *, quoted: bool, descending: bool) -> str:
    """Several symbols' candles as they were traded, as one row like that of `read_sql.candle_batch`."""
    behind, order = ("<", "desc") if descending else (">", "asc")
    return f"""{_ERAS}
select string_agg({json_row(quoted=quoted, symbol=True)}, ',' order by c.n) filter (where c.n <= :limit),
  array(select symbol from share),
  case when count(*) > :limit then max(s.symbol) filter (where c.n = :limit) end,
  case when count(*) > :limit then max(c.open_time) filter (where c.n = :limit) end
from (
  select c.n, c.symbol_id, c.open_time, {", ".join(columns(Adjustment.RAW))}, c.quote_volume, c.trades, c.final
  from (
    select c.*, row_number() over (order by s.symbol, c.open_time {order}) as n
    from (select k.* from symbols k join share using (id)) s {kept_sql.ranges(interval)} cross join lateral (
      select * from {kept_sql.candles(interval)}
      where c.open_time >= :start and c.open_time < :end
        and (s.symbol > :after_symbol or c.open_time {behind} :after)
      order by c.open_time {order} limit :limit + 1) c
    where s.symbol >= :after_symbol
    order by s.symbol, c.open_time {order} limit :limit + 1) c
  {_in_era("o", "c.open_time", "c")}
  {_in_era("b", "c.observed_at", "c")}) c
join share s on s.id = c.symbol_id"""


def eras(*, with_dividends: bool) -> str:
    """The beginning of a statement in which `joins` and `columns` are used."""
    return f"{_ERAS}{_PAYOUTS if with_dividends else ''}"


def joins(adjustment: Adjustment) -> str:
    """SQL joins: what the candles `c` need so that `columns` can be computed."""
    with_dividends = adjustment is Adjustment.ALL
    return f"""{_in_era("o", "c.open_time", "c")}
    {_in_era("b", "c.observed_at", "c")}
    join era z on z.symbol_id = c.symbol_id and z.until = 'infinity'
    {"join held h on c.open_time >= h.since and c.open_time < h.until" if with_dividends else ""}"""


def _date() -> str:
    return "to_char(a.effective at time zone s.timezone, 'YYYY-MM-DD')"


def columns(adjustment: Adjustment) -> list[str]:
    """SQL expressions: the candle's numbers on the other basis, their very digits where nothing applies."""
    changed, up, down = _FACTORS[adjustment]
    columns = []
    for name in ("open", "high", "low", "close"):
        value = f"case when {changed} then {_quotient(f'c.{name} * {up}', f'({down})')} else c.{name} end"
        if adjustment is Adjustment.ALL:
            value = f"case when h.n > 0 then {_rounded(f'(c.{name} * {up} * h.factor) / ({down})')} else {value} end"
        columns.append(f"{value} as {name}")
    volume = _quotient(f"c.volume * {down}", f"({up})")
    return [*columns, f"case when {changed} then {volume} else c.volume end as volume"]


def _quotient(dividend: str, divisor: str) -> str:
    """A SQL expression: the exact quotient, to SIGNIFICANT_DIGITS where it does not end."""
    # A division has at least as many decimal places as its dividend.
    quotient = f"round({dividend}, {_SCALE}) / {divisor}"
    return (
        f"(select case when q * {divisor} = {dividend} then trim_scale(q) else {_rounded('q')} end"
        f" from (select {quotient} as q offset 0) x)"
    )


def _rounded(value: str) -> str:
    """A SQL expression: `value`, above zero, to SIGNIFICANT_DIGITS."""
    digits = f"{SIGNIFICANT_DIGITS - 1} - cast(floor(log(cast(q as float8))) as int)"
    return f"(select trim_scale(round(q, {digits})) from (select {value} as q offset 0) y)"
