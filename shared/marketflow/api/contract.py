"""Every route of every function, for the documentation and the tests: each handler imports its own routes alone."""

from __future__ import annotations

from marketflow.api.backfill_routes import BackfillRoutes
from marketflow.api.routes import ReadRoutes
from marketflow.api.routing import Route


def routes() -> tuple[Route, ...]:
    """The whole table. Its handlers cannot be called: what they rely on was left out."""
    return (
        *ReadRoutes(market_data=None, converter=None, cursors=None).table(),  # type: ignore[arg-type]
        *BackfillRoutes(backfills=None, once=None, cursors=None).table(),  # type: ignore[arg-type]
    )
