# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements of the read path.

Candle rows are glued together with `||`: `json_build_object` takes two and a half times as long. Times are written by
`to_char`, because a timestamp's own text depends on the session's DateStyle. Rows that are held back
(`marketflow.domain.moves`) are in no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from marketflow.domain.interval import Interval
from marketflow.domain.reading import Layout
from marketflow.persistence import kept_sql

CSV_HEADER = "open_time,open,high,low,close,volume,quote_volume,trades,final"

HISTORY_HEADER = "as_of,price,source,currency,observed_at"

_DECIMALS = ("open", "high", "low", "close", "volume", "quote_volume")
_OPTIONAL = frozenset({"volume", "quote_volume", "trades"})

_SECOND = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
_MILLISECOND = _SECOND.replace("SS", "SS.MS")


def moment(column: str) -> str:
    """RFC 3339 in UTC, with milliseconds only where there are some."""
    return (
        f"to_char({column} at time zone 'UTC',"
        f" case when {column} = date_trunc('second', {column}) then '{_SECOND}' else '{_MILLISECOND}' end)"
    )


def _age(column: str) -> str:
    """Whole seconds from a time to `:now`, null when there is no time; a clock ahead of ours counts as none."""
    # greatest() would take a missing time for zero.
    return f"floor(case when {column} > :now then 0 else extract(epoch from cast(:now as timestamptz) - {column}) end)"


def _behind(target: str) -> str:
    """Whether the newest data of a source is older than so many seconds, or there is none."""
    return f"coalesce({_age('newest_data_at')} > {target}, true)"


def quote(text: str) -> str:
    """A SQL expression: `text` between the quotes of a JSON string."""
    return f"""'"' || {text} || '"'"""


def json_object(members: Mapping[str, str]) -> str:
    """A SQL expression: a JSON object as text, from a SQL expression for the JSON text of each member."""
    return "'{" + " || ',".join(f"""\"{name}":' || {value}""" for name, value in members.items()) + " || '}'"


def optional(value: str) -> str:
    """A SQL expression: `value` as JSON text, where it may be missing."""
    return f"coalesce(({value})::text, 'null')"


_SYMBOL = json_object(
    {
        "id": "id",
        "symbol": "to_json(symbol)",
        "name": optional("to_json(name)"),
        "asset_type": "to_json(asset_type)",
        "base_currency": optional("to_json(base_currency)"),
        "quote_currency": "to_json(quote_currency)",
        "exchange": optional("to_json(exchange)"),
        "timezone": "to_json(timezone)",
        "source": "to_json(source)",
        "source_symbol": "to_json(source_symbol)",
        "price_unit": "to_json(price_unit)",
        "active": "active",
        "created_at": quote(moment("created_at")),
        "updated_at": quote(moment("updated_at")),
    }
)

SYMBOL = f"select {_SYMBOL} from symbols where symbol = :name or id = :id order by symbol = :name desc limit 1"

SYMBOLS = f"""select string_agg(item, ',' order by n) filter (where n <= :limit),
  case when count(*) > :limit then max(symbol) filter (where n = :limit) end
from (select {_SYMBOL} as item, symbol, row_number() over (order by symbol) as n
  from symbols
  where symbol > :after
    and asset_type = coalesce(cast(:asset_type as text), asset_type)
    and source = coalesce(cast(:source as text), source)
    and active = coalesce(cast(:active as boolean), active)
    and strpos(lower(concat_ws(' ', symbol, name)), lower(coalesce(cast(:text as text), ''))) > 0
  order by symbol limit :limit + 1) page"""

_SAID_BY = """case when s.asset_type = 'forex'
  then coalesce((select r.source from raw_objects r where r.id = {}), s.source) else s.source end"""
"""The source of the answer with a number, which of currencies need not be that of the symbol."""

BETWEEN = "\x1e"
"""Stands between two pieces of text that Python takes apart: a record separator, which JSON has as an escape alone."""

_SOURCE = json_object(
    {
        **{name: f"to_json(k.{name})" for name in ("source", "title", "asset_type")},
        **{name: optional(quote(moment(name))) for name in ("last_success_at", "last_fetch_at", "next_due_at")},
        "last_error": optional("to_json(last_error)"),
        "last_error_at": optional(quote(moment("last_error_at"))),
        "budget_used": optional("budget_used"),
        "budget_limit": optional("budget_limit"),
        # greatest() would take a missing number for zero.
        "budget_left": optional("case when budget_used > budget_limit then 0 else budget_limit - budget_used end"),
        "newest_data_at": optional(quote(moment("newest_data_at"))),
        "age_seconds": optional(_age("newest_data_at")),
        # A target of zero is that of a source that is asked on request only.
        "stale": f"(k.freshness_target_seconds > 0 and {_behind('k.freshness_target_seconds')})",
        "freshness_target_seconds": "k.freshness_target_seconds",
        "attribution": "to_json(k.attribution)",
        "terms_url": "to_json(k.terms_url)",
    }
)

SOURCES = f"""select '[' || coalesce(string_agg({_SOURCE}, ',' order by k.source), '') || ']'
from json_to_recordset(:catalogue) as k(source text, title text, asset_type text, freshness_target_seconds int,
  attribution text, terms_url text)
left join source_status s on s.source = k.source"""

PAIRS = f"""select s.symbol, {_SAID_BY.format("o.raw_id")}, s.asset_type, s.base_currency, s.quote_currency,
  o.price, o.as_of
from symbols s left join lateral (
  select price, as_of, raw_id from (
    (select price, as_of, raw_id, 1 as choice from prices
      where symbol_id = s.id and as_of >= :since and as_of <= :at and not held order by as_of desc limit 1)
    union all
    (select close, open_time + interval '1 minute', raw_id, 2 from candles c
      where c.symbol_id = s.id and c.interval = '1m' and c.final and not c.held
        and c.open_time >= :since and c.open_time <= cast(:at as timestamptz) - interval '1 minute'
      order by c.open_time desc limit 1)) seen
  order by as_of desc, choice limit 1) o on true
where s.active and s.asset_type <> 'stock' and s.base_currency is not null
order by s.symbol"""
"""Both branches are one step in the primary key's index; an observation wins over a candle that closed with it.

Nothing of before `:since` is looked at: the planner leaves the months before it out.
"""

_LAG = """json_build_object('source', source, 'newest_data_at', {newest_data_at},
  'age_seconds', {age}, 'stale', coalesce(target, 1) > 0 and {behind}, 'freshness_target_seconds', target,
  'last_fetch_at', {last_fetch_at}, 'last_success_at', {last_success_at}, 'last_loaded_at', {last_loaded_at},
  'next_due_at', {next_due_at}, 'last_error_at', {last_error_at}, 'last_error', last_error,
  'budget_used', budget_used, 'budget_limit', budget_limit)""".format(
    age=_age("newest_data_at"),
    behind=_behind("target"),
    **{
        column: moment(column)
        for column in (
            "newest_data_at",
            "last_fetch_at",
            "last_success_at",
            "last_loaded_at",
            "next_due_at",
            "last_error_at",
        )
    },
)

STATUS = f"""select (select version_num from alembic_version limit 1), coalesce(json_agg({_LAG} order by source), '[]')
from (select key as source, cast(value as int) as target from json_each_text(:targets)) known
full join source_status using (source)"""


@cache
def prices(*, quoted: bool) -> str:
    """The latest price of each of `:names` (separated by commas) in one text, in their order and BETWEEN them.

    The JSON of each; `?` for one without a price from `:since` until `:until`, beyond which the planner leaves the
    months out; nothing for a name that is no symbol's. A row for each name would take longer to receive than to make.
    """
    age = _age("p.as_of")
    target = "cast(cast(:targets as json) ->> s.source as int)"
    item = json_object(
        {
            "symbol": "to_json(s.symbol)",
            "price": quote("p.price") if quoted else "p.price",
            "currency": "to_json(s.quote_currency)",
            "as_of": quote(moment("p.as_of")),
            "age_seconds": age,
            "stale": f"coalesce({age} > {target}, true)",
            "source": f"to_json({_SAID_BY.format('p.raw_id')})",
        }
    )
    return f"""select coalesce(string_agg(
    case when s.id is null then '' else coalesce({item}, '?') end, chr(30) order by w.n), '')
from unnest(string_to_array(:names, ',')) with ordinality as w(name, n)
left join symbols s on s.symbol = w.name
left join lateral (
  select price, as_of, raw_id from prices
  where symbol_id = s.id and as_of >= :since and as_of < :until and not held order by as_of desc limit 1) p on true"""


@cache
def history(layout: Layout, *, quoted: bool, descending: bool) -> str:
    """One symbol's observed prices as one row: text, and behind which `as_of` the next page begins."""
    said_by = _SAID_BY.format("p.raw_id")
    row = json_object(
        {
            "as_of": quote(moment("p.as_of")),
            "price": quote("p.price") if quoted else "p.price",
            "source": f"to_json({said_by})",
            "currency": "to_json(s.quote_currency)",
            "observed_at": quote(moment("p.observed_at")),
        }
    )
    if layout is Layout.CSV:
        # A source and a currency are words of ours, which never need quoting.
        row = " || ',' || ".join([moment("p.as_of"), "p.price", said_by, "s.quote_currency", moment("p.observed_at")])
    glue = "','" if layout is Layout.JSON else "chr(10)"
    inside = "p.symbol_id = s.id and not p.held and p.as_of >= :start and p.as_of < :end"
    inside += f" and (cast(:source as text) is null or {said_by} = cast(:source as text))"
    last, behind, order = ("min", "<", "desc") if descending else ("max", ">", "asc")
    return f"""select o.text,
  case when exists (select from prices p where {inside} and p.as_of {behind} o.last) then o.last end
from symbols s cross join lateral (
  select string_agg(text, {glue}) as text, {last}(as_of) as last
  from (select {row} as text, p.as_of from prices p
    where {inside} and p.as_of {behind} :after order by p.as_of {order} limit :limit) page) o
where s.symbol = :name"""


@cache
def candles(interval: Interval, layout: Layout, *, quoted: bool, descending: bool) -> str:
    """One symbol's candles as they are kept, as one row.

    Text, count, oldest, newest, all final, whether more follow, asset type, whether a split came after the oldest.
    """
    row = csv_row() if layout is Layout.CSV else json_row(quoted=quoted)
    glue = "','" if layout is Layout.JSON else "chr(10)"
    kept = kept_sql.candles(interval)
    inside = "c.open_time >= :start and c.open_time < :end"
    last, behind, order = ("oldest", "<", "desc") if descending else ("newest", ">", "asc")
    return f"""select p.text, p.count, p.oldest, p.newest, p.final,
  exists (select from {kept} where {inside} and c.open_time {behind} p.{last}), s.asset_type,
  s.asset_type = 'stock' and exists (
    select from actions a where a.symbol_id = s.id and a.kind = 'split' and a.effective > p.oldest)
from symbols s {kept_sql.ranges(interval)} cross join lateral (
  select string_agg(text, {glue}) as text, count(*) as count,
    min(open_time) as oldest, max(open_time) as newest, bool_and(final) as final
  from (select {row} as text, c.open_time, c.final from {kept}
    where {inside} and c.open_time {behind} :after order by c.open_time {order} limit :limit) page) p
where s.symbol = :names"""


@cache
def candle_batch(interval: Interval, *, quoted: bool, descending: bool) -> str:
    """Several symbols' candles as they are kept, as one row.

    Text, the known symbols, behind what the next page begins, whether a split came after the oldest.
    """
    behind, order = ("<", "desc") if descending else (">", "asc")
    row = json_row(quoted=quoted, symbol=True)
    return f"""select string_agg(text, ',' order by n) filter (where n <= :limit),
  array(select symbol from symbols where symbol = any(string_to_array(:names, ','))),
  case when count(*) > :limit then max(symbol) filter (where n = :limit) end,
  case when count(*) > :limit then max(open_time) filter (where n = :limit) end,
  exists (
    select from symbols s join actions a on a.symbol_id = s.id
    where s.symbol = any(string_to_array(:names, ',')) and s.asset_type = 'stock'
      and a.kind = 'split' and a.effective > min(page.open_time))
from (select {row} as text, s.symbol, c.open_time, row_number() over (order by s.symbol, c.open_time {order}) as n
  from symbols s {kept_sql.ranges(interval)} cross join lateral (
    select * from {kept_sql.candles(interval)}
    where c.open_time >= :start and c.open_time < :end
      and (s.symbol > :after_symbol or c.open_time {behind} :after)
    order by c.open_time {order} limit :limit + 1) c
  where s.symbol = any(string_to_array(:names, ',')) and s.symbol >= :after_symbol
  order by s.symbol, c.open_time {order} limit :limit + 1) page"""


def json_row(*, quoted: bool, symbol: bool = False) -> str:
    """A SQL expression: the candle `c` (of the symbol `s`) as a JSON object."""
    # A backslash makes to_char write the quote instead of reading it.
    members = {"symbol": "to_json(s.symbol)"} if symbol else {}
    members["open_time"] = f"""to_char(c.open_time at time zone 'UTC', '\\"{_SECOND}\\"')"""
    for name in _DECIMALS:
        text = quote(f"c.{name}") if quoted else f"c.{name}::text"
        members[name] = f"coalesce({text}, 'null')" if name in _OPTIONAL else text
    return json_object(members | {"trades": optional("c.trades"), "final": "c.final"})


def csv_row() -> str:
    """A SQL expression: the candle `c` as a line of CSV_HEADER's columns; none of them ever needs quoting."""
    values = [f"to_char(c.open_time at time zone 'UTC', '{_SECOND}')"]
    values += [
        f"coalesce(c.{name}::text, '')" if name in _OPTIONAL else f"c.{name}"
        for name in (*_DECIMALS, "trades", "final")
    ]
    return " || ',' || ".join(values)
