"""Every route of every function, for the documentation and the tests: each handler imports its own routes alone."""

from __future__ import annotations

from marketflow.api.admin_routes import AdminRoutes
from marketflow.api.backfill_routes import BackfillRoutes
from marketflow.api.coverage_routes import CoverageRoutes
from marketflow.api.key_routes import KeyRoutes
from marketflow.api.routes import ReadRoutes
from marketflow.api.routing import Route


def routes() -> tuple[Route, ...]:
    """The whole table. Its handlers cannot be called: what they rely on was left out."""
    read = ReadRoutes(market_data=None, converter=None, cursors=None)  # type: ignore[arg-type]
    coverage = CoverageRoutes(coverages=None)  # type: ignore[arg-type]
    keys = KeyRoutes(keys=None)  # type: ignore[arg-type]
    admin = AdminRoutes(administration=None, once=None)  # type: ignore[arg-type]
    backfills = BackfillRoutes(backfills=None, once=None, cursors=None)  # type: ignore[arg-type]
    return read.table() + coverage.table() + keys.table() + admin.table() + backfills.table()
