"""The read path: one hand-written statement a request, whose JSON Postgres builds and Python passes through as text.

Measured (design, section 3): the database writes a page of 1,000 candles as JSON in a twentieth of the time that rows
need on their way through Python. NUMERIC keeps its exact text, which Postgres never writes with an exponent. Statements
hold no SET, no temporary table and no session state, so they do not pin an RDS Proxy connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from pg8000.exceptions import DatabaseError  # type: ignore[import-untyped]  # pg8000 ships no types

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
from marketflow.persistence import actions_sql, read_sql, revision, rolled_sql
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import sqlstate
from marketflow.persistence.past_sql import as_known

_UNDEFINED_TABLE = "42P01"


class Reader:
    """Reads what the API serves; it satisfies `MarketReader` and `PairReader` of marketflow.services.

    Every method raises DatabaseUnavailableError when there is no database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """The latest price of each name with its age at `now`, in any order."""
        rows = self._database.query(
            read_sql.prices(quoted=quoted),
            names=",".join(names),
            now=now,
            targets=json.dumps(dict(freshness_seconds)),
        )
        return [LatestPrice(symbol=name, known=known, body=body) for name, known, body in rows]

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
        if not query.interval.stored:
            plain, traded = (
                rolled_sql.candle_batch(
                    query.interval,
                    basis,
                    quoted=query.quoted,
                    descending=query.descending,
                    past=query.known_at is not None,
                )
                for basis in (None, Adjustment.RAW)
            )
        else:
            plain, traded = (
                module.candle_batch(quoted=query.quoted, descending=query.descending)
                for module in (read_sql, actions_sql)
            )
        row = self._candles(plain, names, query)[0]
        if row[4]:
            row = self._candles(traded, names, query)[0]
        text, known, last_symbol, last_time = row[:4]
        last = None if last_symbol is None else (last_symbol, last_time)
        return CandleBatch(rows=text or "", known=frozenset(known), last=last)

    def pairs(self, *, at: datetime | None) -> list[Pair]:
        """Every active pair of two currencies with its last price at or before `at`, None: its latest."""
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
            for symbol, source, asset_type, base, quote, price, as_of in self._database.query(
                read_sql.PAIRS, at=at or "infinity"
            )
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
        how, stored = {"quoted": query.quoted, "descending": query.descending}, query.interval.stored
        rolled = partial(rolled_sql.candles, query.interval, past=query.known_at is not None)
        if query.adjustment is Adjustment.RAW:
            plain = read_sql.candles(query.layout, **how) if stored else rolled(None, query.layout, **how)
            rows = self._candles(plain, (name,), query)
            if not rows or not rows[0][7]:
                return rows
        exact = actions_sql.candles if stored else rolled
        return self._candles(exact(query.adjustment, query.layout, **how), (name,), query)

    def _candles(self, sql: str, names: Sequence[str], query: CandleQuery) -> list[list[Any]]:
        past = {} if query.known_at is None else {"known": query.known_at}
        return self._database.query(
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


def _wrap(rows: str, layout: Layout, *, header: str) -> str:
    if layout is Layout.JSON:
        return f"[{rows}]"
    lines = f"{rows}\n" if rows else ""
    return f"{header}\n{lines}" if layout is Layout.CSV else lines
