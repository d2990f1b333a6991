"""The loader as this field usually writes it: one upsert with a recency guard, executed for a list of rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from bench.peers.models import Candle, RawObject, Symbol
from bench.peers.orm_load.rows import Kline, moment, parse

_VALUES = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "final", "observed_at", "raw_id")


def engine(url: str) -> Engine:
    """SQLAlchemy over pg8000, with one connection that is kept."""
    made = make_url(url)
    host = made.query.get("host")
    arguments = {"unix_sock": f"{host}/.s.PGSQL.5432"} if host else {}
    bare = made.set(drivername="postgresql+pg8000", query={})
    return create_engine(bare, pool_size=1, max_overflow=0, connect_args=arguments)


def load(
    engine: Engine,
    body: bytes,
    *,
    source_symbol: str,
    raw: Mapping[str, Any],
    clock: datetime,
    several_rows_a_statement: bool = False,
) -> int:
    """Store the candles of one answer; how many there were.

    `raw` are the columns of its raw object, `clock` is the source's time. A newer answer is never overwritten by an
    older one, a final candle never by a forming one. `several_rows_a_statement` sends one long VALUES list instead.
    """
    with Session(engine) as session, session.begin():
        symbol_id = session.scalars(
            select(Symbol.id).where(Symbol.source == raw["source"], Symbol.source_symbol == source_symbol)
        ).one()
        session.execute(insert(RawObject).values(**raw).on_conflict_do_nothing())
        rows = [_row(kline, symbol_id, raw, clock) for kline in parse(body)]
        if several_rows_a_statement:
            session.execute(_upsert(insert(Candle).values(rows)))
        else:
            session.execute(_upsert(insert(Candle)), rows)
        return len(rows)


def _row(kline: Kline, symbol_id: int, raw: Mapping[str, Any], clock: datetime) -> dict[str, Any]:
    return {
        "symbol_id": symbol_id,
        "interval": "1m",
        "open_time": moment(kline.open_time),
        "open": kline.open,
        "high": kline.high,
        "low": kline.low,
        "close": kline.close,
        "volume": kline.volume,
        "quote_volume": kline.quote_volume,
        "trades": kline.trades,
        "final": moment(kline.close_time) < clock,
        "observed_at": raw["received_at"],
        "raw_id": raw["id"],
        "held": False,
    }


def _upsert(statement: Insert) -> Insert:
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["symbol_id", "interval", "open_time"],
        set_={name: new[name] for name in _VALUES},
        where=(Candle.observed_at <= new.observed_at) & (~Candle.final | new.final),
    )
