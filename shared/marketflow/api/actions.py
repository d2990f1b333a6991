"""The route of dividends and splits."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from marketflow.api.cursors import Cursors
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import HistoryParameters
from marketflow.api.problems import Problem
from marketflow.api.representations import CONTENT_TYPES, REVALIDATE, download
from marketflow.api.routing import Route
from marketflow.domain.reading import ActionQuery
from marketflow.domain.records import ActionKind
from marketflow.services.market_data import MarketData


class ActionsParameters(HistoryParameters):
    """GET /v1/symbols/{symbol}/actions: times are those from which the price has it, midnight of the ex-date."""

    kind: ActionKind | None = Field(default=None, description="Only dividends, or only splits.")


class ActionRoutes:
    """What companies did to their shares."""

    def __init__(self, *, market_data: MarketData, cursors: Cursors) -> None:
        self._market_data = market_data
        self._cursors = cursors

    def table(self) -> tuple[Route, ...]:
        """The routes, in the order in which the documentation shows them."""
        return (
            Route(
                method="GET",
                path="/v1/symbols/{symbol}/actions",
                handler=self.actions,
                summary="Dividends and splits of one stock; other symbols have none.",
                parameters=ActionsParameters,
                problems=(Problem.INVALID_CURSOR, Problem.SYMBOL_NOT_FOUND),
            ),
        )

    def actions(self, request: Request, parameters: ActionsParameters) -> Response:
        """A page of dividends and splits. None is ever settled: sources correct them, and backfills add older ones."""
        after = None
        if parameters.cursor is not None:
            effective, kind = self._cursors.read(request, parameters.cursor, length=2)
            after = (datetime.fromisoformat(effective), ActionKind(kind))
        query = ActionQuery(
            kind=parameters.kind,
            start=parameters.start,
            end=parameters.end,
            descending=parameters.descending,
            limit=parameters.limit,
            after=after,
            layout=parameters.format,
            quoted=parameters.quoted,
        )
        page = self._market_data.actions(parameters.symbol, query)
        last = None if page.last is None else (page.last[0].isoformat(), page.last[1])
        return Response(
            body=page.body,
            content_type=CONTENT_TYPES[query.layout],
            cache_control=REVALIDATE,
            headers=self._cursors.link(request, last) | download(f"{parameters.symbol}-actions", query.layout),
        )
