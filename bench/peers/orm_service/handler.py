"""The read service as this field usually builds it: FastAPI behind Mangum, SQLAlchemy's ORM over asyncpg, pydantic.

The engine, its one connection and the event loop live as long as the process: warm requests reuse all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from mangum import Mangum
from sqlalchemy import select, true
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import aliased

from bench.peers.models import Candle, Price, RawObject, Symbol
from bench.peers.orm_service.etag import ETagMiddleware
from bench.peers.orm_service.schemas import CandleOut, CandleQuery, PriceOut, PriceQuery, ProblemOut

STALE_SECONDS = {"binance": 180, "yahoo": 1200, "exchangerate": 93_600}

# Lambda runs one request at a time: one connection is enough, and one loop must stay for it.
asyncio.set_event_loop(asyncio.new_event_loop())
_url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+asyncpg")
_engine = create_async_engine(_url, pool_size=1, max_overflow=0)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)

app = FastAPI(openapi_url=None)
app.add_middleware(ETagMiddleware)


async def _session() -> AsyncIterator[AsyncSession]:
    async with _sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session)]
Name = Annotated[str, Path(max_length=40)]


@app.get("/v1/candles/{symbol}")
async def candles(
    symbol: Name, query: Annotated[CandleQuery, Query()], session: Session, request: Request, response: Response
) -> list[CandleOut]:
    """A page of candles; the next one is linked."""
    descending = query.order == "desc" or (query.order is None and query.start is None)
    # Not a join, for which the planner would read all candles of the symbol and sort them.
    number = select(Symbol.id).where(Symbol.symbol == symbol).scalar_subquery()
    statement = (
        select(Candle)
        .where(Candle.symbol_id == number, Candle.interval == query.interval.value, ~Candle.held)
        .order_by(Candle.open_time.desc() if descending else Candle.open_time)
        .limit(query.limit + 1)
    )
    if query.start is not None:
        statement = statement.where(Candle.open_time >= query.start)
    if query.end is not None:
        statement = statement.where(Candle.open_time < query.end)
    if query.cursor is not None:
        behind = Candle.open_time < query.cursor if descending else Candle.open_time > query.cursor
        statement = statement.where(behind)
    rows = (await session.scalars(statement)).all()
    if not rows and await session.scalar(select(Symbol.id).where(Symbol.symbol == symbol)) is None:
        raise HTTPException(404, f"There is no symbol {symbol!r}.")
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        link = request.url.include_query_params(cursor=rows[-1].open_time.isoformat())
        response.headers["Link"] = f'<{link}>; rel="next"'
    return rows  # type: ignore[return-value]  # FastAPI reads the attributes, once, into the response model


@app.get("/v1/prices")
async def prices(query: Annotated[PriceQuery, Query()], session: Session) -> list[PriceOut | ProblemOut]:
    """The latest price of each symbol."""
    names = list(dict.fromkeys(query.symbols.split(",")))
    newest = (
        select(Price)
        .where(Price.symbol_id == Symbol.id, ~Price.held)
        .order_by(Price.as_of.desc())
        .limit(1)
        .correlate(Symbol)
        .lateral()
    )
    latest = aliased(Price, newest)
    statement = (
        select(Symbol, latest, RawObject.source)
        .select_from(Symbol)
        .join(latest, true())
        .outerjoin(RawObject, RawObject.id == latest.raw_id)
        .where(Symbol.symbol.in_(names))
    )
    now = datetime.now(UTC)
    found: dict[str, PriceOut | ProblemOut] = {}
    for symbol, price, source in (await session.execute(statement)).all():
        age = max(int((now - price.as_of).total_seconds()), 0)
        found[symbol.symbol] = PriceOut(
            symbol=symbol.symbol,
            price=price.price,
            currency=symbol.quote_currency,
            as_of=price.as_of,
            age_seconds=age,
            stale=age > STALE_SECONDS[symbol.source],
            source=source or symbol.source,
        )
    return [found.get(name) or ProblemOut(symbol=name, problem="price_not_found") for name in names]


_mangum = Mangum(app, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - what Lambda hands over
    """The answer to one API Gateway event, with a line in the log."""
    started = time.perf_counter()
    answer: dict[str, Any] = _mangum(event, context)
    milliseconds = round((time.perf_counter() - started) * 1000, 2)
    print(json.dumps({"path": event["path"], "status": answer["statusCode"], "milliseconds": milliseconds}), flush=True)
    return answer
