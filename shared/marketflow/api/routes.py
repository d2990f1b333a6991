"""The routes of the read API that most requests are for: the table, and what each one does."""

from __future__ import annotations

import json
from datetime import datetime

from marketflow.api import problems
from marketflow.api.cursors import Cursors
from marketflow.api.json_text import compact
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import (
    CandleBatchParameters,
    CandlesParameters,
    HistoryParameters,
    NoParameters,
    PriceParameters,
    PricesParameters,
    SymbolParameters,
    SymbolsParameters,
)
from marketflow.api.problems import Problem
from marketflow.api.representations import CONTENT_TYPES, REVALIDATE, download, openapi
from marketflow.api.routing import Access, Route
from marketflow.domain.reading import Adjustment, CandleQuery, HistoryQuery, SymbolQuery
from marketflow.services.market_data import MarketData, unknown_symbol, why_no_price

FOREVER = "private, max-age=31536000, immutable"
"""For a page that can never change; private, because an API key was needed to get it."""


class ReadRoutes:
    """The read routes over `market_data`; `cursors` writes and reads the positions of pages."""

    def __init__(self, *, market_data: MarketData, cursors: Cursors) -> None:
        self._market_data = market_data
        self._cursors = cursors

    def table(self) -> tuple[Route, ...]:
        """The routes, in the order in which the documentation shows them."""
        return (
            Route(
                method="GET",
                path="/v1/health",
                handler=self.health,
                summary="Says that the API is alive; touches nothing else.",
                access=Access.OPEN,
            ),
            Route(
                method="GET",
                path="/v1/ready",
                handler=self.ready,
                summary="Says whether the database is reachable and migrated, and how far behind each source is.",
                access=Access.OPEN,
                problems=(Problem.MIGRATIONS_PENDING,),
            ),
            Route(
                method="GET",
                path="/v1/openapi.json",
                handler=self.openapi,
                summary="This description of the API, for programs.",
                access=Access.OPEN,
            ),
            Route(
                method="GET",
                path="/v1/symbols",
                handler=self.symbols,
                summary="Lists symbols.",
                parameters=SymbolsParameters,
                problems=(Problem.INVALID_CURSOR,),
            ),
            Route(
                method="GET",
                path="/v1/symbols/{symbol}",
                handler=self.symbol,
                summary="One symbol, by its name or numeric id.",
                parameters=SymbolParameters,
                problems=(Problem.SYMBOL_NOT_FOUND,),
            ),
            Route(
                method="GET",
                path="/v1/prices",
                handler=self.prices,
                summary="The latest price of several symbols; one that is unknown is an item with a problem.",
                parameters=PricesParameters,
            ),
            Route(
                method="GET",
                path="/v1/prices/{symbol}",
                handler=self.price,
                summary="The latest price of one symbol.",
                parameters=PriceParameters,
                problems=(Problem.SYMBOL_NOT_FOUND, Problem.PRICE_NOT_FOUND),
            ),
            Route(
                method="GET",
                path="/v1/prices/{symbol}/history",
                handler=self.history,
                summary="Observed prices of one symbol.",
                parameters=HistoryParameters,
                problems=(Problem.INVALID_CURSOR, Problem.SYMBOL_NOT_FOUND),
            ),
            Route(
                method="GET",
                path="/v1/sources",
                handler=self.sources,
                summary="Where the data comes from: how each source does, and on what terms its data may be used.",
            ),
            Route(
                method="GET",
                path="/v1/candles",
                handler=self.candle_batch,
                summary="Candles of several symbols, one symbol after the other.",
                parameters=CandleBatchParameters,
                problems=(Problem.INVALID_CURSOR,),
            ),
            Route(
                method="GET",
                path="/v1/candles/{symbol}",
                handler=self.candles,
                summary="Candles of one symbol.",
                parameters=CandlesParameters,
                problems=(Problem.INVALID_CURSOR, Problem.NOT_ADJUSTABLE, Problem.SYMBOL_NOT_FOUND),
            ),
        )

    def health(self, request: Request, parameters: NoParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """Alive."""
        return Response(body='{"status":"ok"}')

    def ready(self, request: Request, parameters: NoParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """Ready, or the problem that keeps it from being so. A source that is behind does not: its data is served."""
        status = self._market_data.status()
        current = status.revision == status.expected_revision
        facts = {
            "database": "ok",
            "migrations": {"current": current, "revision": status.revision, "expected": status.expected_revision},
            "sources": json.loads(status.sources),
        }
        if current:
            return Response(body=compact({"status": "ready", **facts}))
        detail = f"The database is at revision {status.revision}, this API needs {status.expected_revision}."
        return Problem.MIGRATIONS_PENDING.response(request, detail, extra=facts)

    def openapi(self, request: Request, parameters: NoParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """The OpenAPI document, which changes with a deployment only; nobody needs a key for it."""
        return Response(body=openapi(), cache_control="public, no-cache")

    def sources(self, request: Request, parameters: NoParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """Every source of the catalogue."""
        return Response(body=self._market_data.sources())

    def symbols(self, request: Request, parameters: SymbolsParameters) -> Response:
        """A page of symbols."""
        position = self._position(request, parameters.cursor, length=1)
        page = self._market_data.symbols(
            SymbolQuery(
                asset_type=parameters.asset_type,
                source=parameters.source,
                active=parameters.active,
                text=parameters.q,
                after=position[0] if position else None,
                limit=parameters.limit,
            )
        )
        link = self._cursors.link(request, None if page.last is None else (page.last,))
        return Response(body=page.body, cache_control=REVALIDATE, headers=link)

    def symbol(self, request: Request, parameters: SymbolParameters) -> Response:  # noqa: ARG002 - the same
        """One symbol."""
        return Response(body=self._market_data.symbol(parameters.symbol), cache_control=REVALIDATE)

    def prices(self, request: Request, parameters: PricesParameters) -> Response:  # noqa: ARG002 - the same
        """Latest prices, in the order in which they were asked for."""
        items = [
            price.body or problems.item(price.symbol, why_no_price(price))
            for price in self._market_data.prices(parameters.symbols, quoted=parameters.quoted)
        ]
        return Response(body=f"[{','.join(items)}]")

    def price(self, request: Request, parameters: PriceParameters) -> Response:  # noqa: ARG002 - the same
        """The latest price."""
        return Response(body=self._market_data.price(parameters.symbol, quoted=parameters.quoted))

    def history(self, request: Request, parameters: HistoryParameters) -> Response:
        """A page of observed prices. None is ever settled: a redrive or a replay may still add one in between."""
        position = self._position(request, parameters.cursor, length=1)
        query = HistoryQuery(
            source=parameters.source,
            start=parameters.start,
            end=parameters.end,
            descending=parameters.descending,
            limit=parameters.limit,
            after=datetime.fromisoformat(position[0]) if position else None,
            layout=parameters.format,
            quoted=parameters.quoted,
        )
        page = self._market_data.history(parameters.symbol, query)
        link = self._cursors.link(request, None if page.last is None else (page.last.isoformat(),))
        return Response(
            body=page.body,
            content_type=CONTENT_TYPES[query.layout],
            cache_control=REVALIDATE,
            headers=link | download(f"{parameters.symbol}-prices", query.layout),
        )

    def candles(self, request: Request, parameters: CandlesParameters) -> Response:
        """A page of candles."""
        position = self._position(request, parameters.cursor, length=1)
        query = CandleQuery(
            interval=parameters.interval,
            start=parameters.start,
            end=parameters.end,
            descending=parameters.descending,
            limit=parameters.limit,
            after=datetime.fromisoformat(position[0]) if position else None,
            layout=parameters.format,
            quoted=parameters.quoted,
            adjustment=parameters.adjustment,
            known_at=parameters.as_known_at,
        )
        answer = self._market_data.candles(parameters.symbol, query)
        name = f"{parameters.symbol}-{parameters.interval}"
        if query.adjustment is not Adjustment.RAW:
            name += f"-{query.adjustment}"
        last = answer.page.oldest if query.descending else answer.page.newest
        link = self._cursors.link(request, (last.isoformat(),) if answer.page.more and last is not None else None)
        return Response(
            body=answer.page.body,
            content_type=CONTENT_TYPES[query.layout],
            cache_control=FOREVER if answer.settled else REVALIDATE,
            headers=link | {"X-Adjustment": query.adjustment} | download(name, query.layout),
        )

    def candle_batch(self, request: Request, parameters: CandleBatchParameters) -> Response:
        """A page of several symbols' candles; the first page begins with the symbols that do not exist."""
        position = self._position(request, parameters.cursor, length=2)
        batch = self._market_data.candle_batch(
            parameters.symbols,
            CandleQuery(
                interval=parameters.interval,
                start=parameters.start,
                end=parameters.end,
                descending=parameters.descending,
                limit=parameters.limit,
                after_symbol=position[0] if position else None,
                after=datetime.fromisoformat(position[1]) if position else None,
                quoted=parameters.quoted,
                known_at=parameters.as_known_at,
            ),
        )
        items = [] if position else [name for name in parameters.symbols if name not in batch.known]
        texts = [problems.item(name, unknown_symbol(name)) for name in items]
        link = self._cursors.link(request, None if batch.last is None else (batch.last[0], batch.last[1].isoformat()))
        body = ",".join([*texts, batch.rows] if batch.rows else texts)
        return Response(body=f"[{body}]", cache_control=REVALIDATE, headers=link)

    def _position(self, request: Request, cursor: str | None, *, length: int) -> list[str]:
        return [] if cursor is None else self._cursors.read(request, cursor, length=length)
