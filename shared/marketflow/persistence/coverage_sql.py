# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements of the coverage: what the load path writes of it, and the one that a question about it runs."""

from __future__ import annotations

ASKED = """asked AS (
    -- A union: it comes to the same however often, and in whatever order, the answers come.
    INSERT INTO fetched_ranges AS known (symbol_id, interval, fetched, refused, closed)
    SELECT s.id, a.interval,
           CASE WHEN odd THEN '{}' ELSE a.fetched END, CASE WHEN odd THEN a.refused + a.fetched ELSE a.refused END,
           CASE WHEN odd THEN '{}' ELSE a.closed END
    FROM json_to_recordset(CAST(:asked AS json)) AS a (
        source_symbol text, interval candle_interval, fetched tstzmultirange, refused tstzmultirange,
        closed tstzmultirange
    )
    JOIN named AS s ON s.source_symbol = a.source_symbol
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM misfits AS m WHERE m.source_symbol = a.source_symbol AND m.position >= 0) AS odd
        OFFSET 0  -- else it is planned, and looked for, three times
    ) AS judged
    ORDER BY s.id, a.interval
    ON CONFLICT (symbol_id, interval) DO UPDATE SET
        fetched = known.fetched + excluded.fetched, refused = known.refused + excluded.refused,
        closed = known.closed + excluded.closed
    WHERE NOT (known.fetched @> excluded.fetched AND known.refused @> excluded.refused
               AND known.closed @> excluded.closed)
"""

SESSIONS = """seen_sessions AS (
    -- Every symbol of an exchange says the same in every answer: look before touching the rows that all of them share.
    INSERT INTO sessions AS known (exchange, opens_at, closes_at)
    SELECT coalesce(s.exchange, s.symbol), p.opens_at, min(p.closes_at)
    FROM json_to_recordset(CAST(:sessions AS json)) AS p (
        source_symbol text, opens_at timestamptz, closes_at timestamptz
    )
    JOIN named AS s ON s.source_symbol = p.source_symbol
    WHERE NOT EXISTS (
        SELECT FROM sessions AS k
        WHERE k.exchange = coalesce(s.exchange, s.symbol) AND k.opens_at = p.opens_at AND k.closes_at <= p.closes_at
    )
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (exchange, opens_at) DO UPDATE SET closes_at = excluded.closes_at
    WHERE excluded.closes_at < known.closes_at
"""


def _seconds(moment: str) -> str:
    """A SQL expression: whole unix seconds, rounded up, so that a range holds the same whole seconds as before."""
    return f"ceil(extract(epoch from {moment}))::bigint"


def _spans(ranges: str, until: str = "w.until") -> str:
    """A SQL expression: the multirange from the window's start `until` its end as a JSON array of pairs of seconds."""
    return f"""(select json_agg(json_build_array({_seconds("lower(r)")}, {_seconds("upper(r)")}) order by r)
    from unnest(({ranges}) * tstzmultirange(tstzrange(w.start - interval '32 days', {until}))) as r)"""


def _of_exchange(span: str) -> str:
    """A SQL expression: what was fetched at an interval of any symbol of the exchange."""
    return f"""(select range_agg(f.fetched) from fetched_ranges f join symbols o on o.id = f.symbol_id
    where coalesce(o.exchange, o.symbol) = s.venue and f.interval = '{span}')"""


def _runs(rows: str, latest: str) -> str:
    """A query: the longest runs one step apart among the open times in `rows`, as pairs of first and last.

    `latest` is a SQL expression for the last of all.
    """
    return f"""select moment as first, coalesce(lead(before) over (order by moment), latest) as last
    from (select moment, lag(moment) over (order by moment) as before, {latest} as latest
      from ({rows}) r) pairs
    where before is null or moment - before <> make_interval(secs => :step)"""


_OF_SYMBOL = "c.symbol_id = s.id and c.interval = cast(:interval as candle_interval)"
# The window is computed from what is stored, too late for the planner: it leaves months out by what the question says.
_NEAR = "{moment} >= :floor and {moment} < :until"
_CANDLES = f"""from candles c where {_OF_SYMBOL} and c.final and not c.held
      and c.open_time >= piece and c.open_time < piece_end and {_NEAR.format(moment="c.open_time")}"""
_RATES = f"""select distinct date_trunc('day', p.as_of, 'UTC') as moment from prices p
    where s.rates and p.symbol_id = s.id and not p.held and p.as_of >= w.start and p.as_of < w.until
      and {_NEAR.format(moment="p.as_of")}"""
_HELD = f"""select range_agg(tstzrange(moment, moment + interval '1 minute')) from (
    select c.open_time as moment from candles c where {_OF_SYMBOL} and c.held and c.open_time >= w.start
      and c.open_time < w.until and {_NEAR.format(moment="c.open_time")}
    union all
    select date_trunc('day', p.as_of, 'UTC') from prices p
    where s.rates and p.symbol_id = s.id and p.held and p.as_of >= w.start and p.as_of < w.until
      and {_NEAR.format(moment="p.as_of")}) held"""

_WATCHED = "case when s.rates then date_trunc('day', first_price(s.id, s.source), 'UTC') end"

_STORED = f"""select json_agg(json_build_array({_seconds("first")}, {_seconds("last")}) order by first) from (
    select r.first, r.last
    from generate_series(w.start, w.until, make_interval(secs => :piece)) as g(piece)
    cross join lateral (select least(w.until, piece + make_interval(secs => :piece)) as piece_end) e
    cross join lateral (
      select count(*) as count, min(c.open_time) as first, max(c.open_time) as last {_CANDLES}) f
    cross join lateral (
      select f.first, f.last where f.last - f.first = (f.count - 1) * make_interval(secs => :step)
      union all
      select * from ({_runs(f"select c.open_time as moment {_CANDLES}", "f.last")}) broken
      where f.last - f.first <> (f.count - 1) * make_interval(secs => :step)) r
    union all
    select * from ({_runs(_RATES, "max(moment) over ()")}) published) stored"""
"""A candle counts when it is final: forming values of an interval that is over are no candle yet.

Counting is four times as fast as comparing neighbours: a piece is looked into where its count does not add up.
"""

QUIET_HOURS = 6
"""For so long a job may say nothing while its source sends us away (services/standing.py: LONGEST_PAUSE)."""


def running(job: str) -> str:
    """A SQL expression: whether a job is not over. One of which nothing was heard for hours lost its command or tasks.

    `job` is a SQL expression for its id.
    """
    return f"""exists (
    select from jobs asked cross join lateral (
      select count(*) as known, max(known_at) as latest from job_parts p where p.job_id = asked.id) told
    where asked.id = {job} and (asked.parts is null or told.known < asked.parts)
      and greatest(asked.created_at, told.latest) > now() - interval '{QUIET_HOURS} hours')"""


COVERAGE = f"""with s as materialized (
  select *, coalesce(exchange, symbol) as venue,
    :interval = '1d' and source = any(string_to_array(:rate_sources, ',')) as rates
  from symbols where symbol = :name
), w as materialized (
  -- A range that ends before the first candle is empty, and has no negative length.
  -- What was retired is in the export, and missing nowhere.
  select least(cast(:until as timestamptz), greatest(kept, coalesce(cast(:start as timestamptz),
    greatest(first, cast(:earliest as timestamptz)), cast(:until as timestamptz) - interval '1 day'))) as start,
    cast(:until as timestamptz) as until, first
  from (select least(
    first_open(s.id, cast(:interval as candle_interval)),
    case when s.rates then date_trunc('day', first_price(s.id, null), 'UTC') end) as first,
    case when :interval = '1m' or s.rates then kept_since() end as kept
    from s) known
)
select s.symbol, s.source, s.timezone, s.active, w.start, {_seconds("w.first")},
  ({_STORED}),
  {_spans("k.fetched")}, {_spans("k.refused")},
  -- What opened in the window was over, and would have been fetched, behind its end.
  {_spans("(select outages from source_status o where o.source = s.source)", "w.until + interval '32 days'")},
  {_seconds("upper(k.fetched)")},
  (select json_agg(json_build_array({_seconds("opens_at")}, {_seconds("closes_at")}) order by opens_at) from sessions
   where exchange = s.venue and opens_at >= w.start - interval '32 days' and opens_at < w.until + interval '32 days'),
  (select mode() within group (order by hours) from (
     select min(to_char(opens_at at time zone s.timezone, 'HH24:MI')) || ' '
       || max(to_char(closes_at at time zone s.timezone, 'HH24:MI')) as hours
     from (select * from sessions where exchange = s.venue order by opens_at desc limit 60) latest
     group by cast(opens_at at time zone s.timezone as date)) days),
  (select json_agg(distinct cast(c.open_time at time zone s.timezone as date))
   from candles c where c.interval = '1d' and c.open_time >= w.start - interval '32 days' and c.open_time < w.until
     and c.symbol_id in (select id from symbols o where coalesce(o.exchange, o.symbol) = s.venue)),
  {_spans(_of_exchange("1d"))}, {_spans(_of_exchange("1m"))}, {_spans(f"({_HELD})")},
  concat_ws(' ', s.base_currency, s.quote_currency), {_spans("k.closed")}, {_seconds(_WATCHED)},
  (select json_agg(json_build_array({_seconds("starts_at")}, {_seconds("ends_at")}, tries, {running("g.job")})
     order by starts_at)
   from gaps g where g.symbol_id = s.id and g.interval = cast(:interval as candle_interval) and g.closed_at is null
     and (g.state = 'queued' or g.tries > 0) and g.starts_at < w.until and g.ends_at >= w.start)
from s cross join w
left join fetched_ranges k on k.symbol_id = s.id and k.interval = cast(:interval as candle_interval)"""
"""One row about a symbol; none when there is none. Of a year of minutes only the runs leave the database."""
