"""The read path: one hand-written statement a request, whose JSON Postgres builds and Python passes through as text.

Measured (design, section 3): the database writes a page of 1,000 candles as JSON in a twentieth of the time that rows
need on their way through Python. NUMERIC keeps its exact text, which Postgres never writes with an exponent. Statements
hold no SET, no temporary table and no session state, so they do not pin an RDS Proxy connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pg8000.exceptions import DatabaseError  # type: ignore[import-untyped]  # pg8000 ships no types

from marketflow.domain.interval import Interval
from marketflow.domain.reading import (
    ActionPage,
    ActionQuery,
    Adjustment,
    CandleBatch,
    CandlePage,
    CandleQuery,
    DatabaseStatus,
    HistoryPage,
    HistoryQuery,
    LatestPrice,
    Layout,
    Pair,
    SourceFacts,
    SymbolPage,
    SymbolQuery,
)
from marketflow.persistence import actions_sql, read_functions, read_sql, revision, rolled_sql
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import sqlstate
from marketflow.persistence.past_sql import as_known

_UNDEFINED_TABLE, _UNDEFINED_FUNCTION = "42P01", "42883"

_SILENT = "?"
"""What the statement of latest prices says of a symbol without one."""

NEWEST = timedelta(days=8)
"""How old a latest price is looked for first: a week with its holidays."""

AHEAD = timedelta(days=1)
"""Further than a source's clock may be ahead of ours (`marketflow.domain.rules`): no price is newer."""

SHORTEST_REACH = timedelta(days=8)

BEGINNING, END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class Reader:
    """Reads what the API serves; it satisfies `MarketReader` and `PairReader` of marketflow.services.

    Every method raises DatabaseUnavailableError when there is no database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._missing: set[str] = set()

    def symbols(self, query: SymbolQuery) -> SymbolPage:
        """A page of symbols in the order of their names."""
        rows, last = self._database.query(
            read_sql.SYMBOLS,
            asset_type=query.asset_type,
            source=query.source,
            active=query.active,
            text=query.text,
            after=query.after or "",
            limit=query.limit,
        )[0]
        return SymbolPage(body=f"[{rows or ''}]", last=last)

    def symbol(self, name: str) -> str | None:
        """One symbol by name or numeric id; a name that looks like an id wins over the id."""
        number = int(name) if name.isdecimal() and len(name) <= 9 else None
        rows = self._database.query(read_sql.SYMBOL, name=name, id=number)
        return str(rows[0][0]) if rows else None

    def prices(
        self, names: Sequence[str], *, now: datetime, freshness_seconds: Mapping[str, int], quoted: bool
    ) -> list[LatestPrice]:
        """The latest price of each name with its age at `now`, in any order.

        Nearly every price is of the last days. Only who has none since is asked for again, in all months.
        """
        if not names:
            return []
        ask = partial(self._prices, now=now, targets=json.dumps(dict(freshness_seconds)), quoted=quoted)
        bodies = ask(names, since=_shifted(now, -NEWEST), until=_shifted(now, AHEAD))
        if silent := [name for name in names if bodies[name] == _SILENT]:
            bodies |= ask(silent, since="-infinity", until="infinity")
        return [
            LatestPrice(symbol=name, known=bool(body), body=None if body in ("", _SILENT) else body)
            for name, body in bodies.items()
        ]

    def _query(self, sql: str, **params: object) -> list[list[Any]]:
        """Ask by the function that is made of the statement, where there is one."""
        call = None if sql in self._missing else read_functions.calls().get(sql)
        if call is not None:
            try:
                return self._database.query(call, **params)
            except DatabaseError as error:
                if sqlstate(error) != _UNDEFINED_FUNCTION:
                    raise
            self._missing.add(sql)
        return self._database.query(sql, **params)

    def _prices(self, names: Sequence[str], *, quoted: bool, **params: object) -> dict[str, str]:
        rows = self._query(read_sql.prices(quoted=quoted), names=",".join(names), **params)
        return dict(zip(names, str(rows[0][0]).split(read_sql.BETWEEN), strict=True))

    def history(self, name: str, query: HistoryQuery) -> HistoryPage | None:
        """A page of one symbol's observed prices; None when there is no such symbol."""
        rows = self._database.query(
            read_sql.history(query.layout, quoted=query.quoted, descending=query.descending),
            name=name,
            source=query.source,
            start=query.start or "-infinity",
            end=query.end or "infinity",
            after=query.after or ("infinity" if query.descending else "-infinity"),
            limit=query.limit,
        )
        if not rows:
            return None
        text, last = rows[0]
        return HistoryPage(body=_wrap(text or "", query.layout, header=read_sql.HISTORY_HEADER), last=last)

    def actions(self, name: str, query: ActionQuery) -> ActionPage | None:
        """A page of one symbol's dividends and splits; None when there is no such symbol."""
        default_after = "infinity" if query.descending else "-infinity"
        after, after_kind = query.after or (default_after, "")
        rows = self._database.query(
            actions_sql.actions(query.layout, quoted=query.quoted, descending=query.descending),
            names=name,
            kind=query.kind,
            start=query.start or "-infinity",
            end=query.end or "infinity",
            after=after,
            after_kind=after_kind,
            limit=query.limit,
        )
        if not rows:
            return None
        # Only this route needs a word of the ETL's, whose module no other request shall wait for at a cold start.
        from marketflow.domain.records import ActionKind  # noqa: PLC0415

        text, effective, kind = rows[0]
        return ActionPage(
            body=_wrap(text or "", query.layout, header=actions_sql.HEADER),
            last=None if effective is None else (effective, ActionKind(kind)),
        )

    def candles(self, name: str, query: CandleQuery) -> CandlePage | None:
        """A page of one symbol's candles; None when there is no such symbol."""
        rows = self._page(name, query)
        if not rows:
            return None
        text, count, oldest, newest, all_final, more, asset_type = rows[0][:7]
        return CandlePage(
            body=_wrap(text or "", query.layout, header=read_sql.CSV_HEADER),
            count=count,
            oldest=oldest,
            newest=newest,
            all_final=bool(all_final),
            more=more,
            asset_type=asset_type,
        )

    def candle_batch(self, names: Sequence[str], query: CandleQuery) -> CandleBatch:
        """A page of several symbols' candles as they were traded, in the order of the names.

        `query.limit` goes across all. As for one symbol, the plain statement is enough unless a split came later.
        """
        how = {"quoted": query.quoted, "descending": query.descending}
        interval, past = query.interval, query.known_at is not None
        rolled = partial(rolled_sql.candle_batch, interval, past=past, **how)
        if past and interval is not Interval.M1:
            plain, traded = rolled(None), rolled(Adjustment.RAW)
        else:
            plain = read_sql.candle_batch(interval, **how)
            traded = actions_sql.candle_batch(interval, **how) if interval.stored else rolled(Adjustment.RAW)
        row = self._candles(plain, names, query)[0]
        if row[4]:
            row = self._candles(traded, names, query)[0]
        text, known, last_symbol, last_time = row[:4]
        last = None if last_symbol is None else (last_symbol, last_time)
        return CandleBatch(rows=text or "", known=frozenset(known), last=last)

    def pairs(self, *, at: datetime | None) -> list[Pair]:
        """Every active pair of two currencies with its last price at or before `at`, None: its latest."""
        ask = partial(self._database.query, read_sql.PAIRS, at=at or "infinity")
        rows = ask(since=_shifted(at or datetime.now(UTC), -NEWEST))
        if any(price is None for *_, price, _ in rows):
            rows = ask(since="-infinity")
        return [
            Pair(
                symbol=symbol,
                source=source,
                asset_type=asset_type,
                base=base,
                quote=quote,
                price=price,
                as_of=as_of,
            )
            for symbol, source, asset_type, base, quote, price, as_of in rows
        ]

    def sources(self, catalogue: Sequence[SourceFacts], *, now: datetime) -> str:
        """A JSON array with an object for each source of the catalogue: its facts, and how it does at `now`."""
        facts = json.dumps([asdict(source) for source in catalogue])
        return str(self._database.query(read_sql.SOURCES, now=now, catalogue=facts)[0][0])

    def status(self, *, now: datetime, freshness_seconds: Mapping[str, int]) -> DatabaseStatus:
        """The schema revision and every source's lag at `now`; a database without our tables has no revision."""
        try:
            current, sources = self._database.query(
                read_sql.STATUS, now=now, targets=json.dumps(dict(freshness_seconds))
            )[0]
        except DatabaseError as error:
            if sqlstate(error) != _UNDEFINED_TABLE:
                raise
            current, sources = None, "[]"
        return DatabaseStatus(revision=current, expected_revision=revision.HEAD, sources=sources)

    def _page(self, name: str, query: CandleQuery) -> list[list[Any]]:
        """The row of a page, if there is such a symbol.

        Most pages are on the basis that was asked for as they are stored, and are answered by the plain statement:
        those of other markets, and raw prices without a later split. The others take a second one.
        """
        how = {"quoted": query.quoted, "descending": query.descending}
        interval, past = query.interval, query.known_at is not None
        rolled = partial(rolled_sql.candles, interval, past=past)
        if query.adjustment is Adjustment.RAW:
            anew = past and interval is not Interval.M1
            plain = rolled(None, query.layout, **how) if anew else read_sql.candles(interval, query.layout, **how)
            rows = self._newest(plain, name, query)
            if not rows or not rows[0][7]:
                return rows
        exact = actions_sql.candles if interval.stored and not (past and interval is Interval.D1) else rolled
        return self._candles(exact(query.adjustment, query.layout, **how), (name,), query)

    def _newest(self, sql: str, name: str, query: CandleQuery) -> list[list[Any]]:
        """The row of a page of which one end is open, out of as few months as will do.

        The planner leaves out the months that the range does not touch. Where the page is full and more follow, what
        is further away cannot be on it; otherwise the whole range is asked.
        """
        nearer = None if query.interval.fixed is None else _nearer(query, now=datetime.now(UTC))
        if nearer is not None:
            rows = self._candles(sql, (name,), nearer)
            if not rows or (rows[0][1] == query.limit and rows[0][5]):
                return rows
        return self._candles(sql, (name,), query)

    def _candles(self, sql: str, names: Sequence[str], query: CandleQuery) -> list[list[Any]]:
        past = {} if query.known_at is None else {"known": query.known_at}
        return self._query(
            as_known(sql) if past else sql,
            **past,
            names=",".join(names),
            interval=query.interval.value,
            start=query.start or "-infinity",
            end=query.end or "infinity",
            after_symbol=query.after_symbol or "",
            after=query.after or ("infinity" if query.descending else "-infinity"),
            limit=query.limit,
        )


def _nearer(query: CandleQuery, *, now: datetime) -> CandleQuery | None:
    """`query` for the times around its given end alone, where a full page can be expected; None where both are given.

    Shares are traded in a quarter of a week's hours.
    """
    length = query.interval.fixed
    if length is None:
        return None
    reach = max(query.limit * length * 8, SHORTEST_REACH)
    if query.descending and query.start is None:
        newest = min(moment for moment in (query.after, query.end, now) if moment is not None)
        return query._replace(start=_shifted(newest, -reach))
    if not query.descending and query.end is None and (oldest := query.after or query.start) is not None:
        return query._replace(end=_shifted(oldest, reach))
    return None


def _shifted(moment: datetime, by: timedelta) -> datetime:
    """The time as far from `moment`, or the end of the calendar before it."""
    try:
        return moment + by
    except OverflowError:
        return BEGINNING if by < timedelta(0) else END


def _wrap(rows: str, layout: Layout, *, header: str) -> str:
    if layout is Layout.JSON:
        return f"[{rows}]"
    lines = f"{rows}\n" if rows else ""
    return f"{header}\n{lines}" if layout is Layout.CSV else lines
