"""Every route of every function, for the documentation and the tests: each handler imports its own routes alone."""

from __future__ import annotations

from marketflow.api.actions import ActionRoutes
from marketflow.api.admin_routes import AdminRoutes
from marketflow.api.backfill_routes import BackfillRoutes
from marketflow.api.convert_routes import ConvertRoutes
from marketflow.api.coverage_routes import CoverageRoutes
from marketflow.api.docs import page as docs
from marketflow.api.key_routes import KeyRoutes
from marketflow.api.metrics_routes import MetricsRoutes
from marketflow.api.routes import ReadRoutes
from marketflow.api.routing import Route

ORDER = (
    *(
        "health",
        "ready",
        "openapi.json",
        "docs",
        "metrics",
        "symbols",
        "prices",
        "convert",
        "sources",
        "candles",
        "coverage",
    ),
    *("keys", "backfills", "replays", "redrives"),
)
"""The order in which the documentation shows what there is: by the first segment of the path."""


def routes() -> tuple[Route, ...]:
    """The whole table. Its handlers cannot be called: what they rely on was left out."""
    read = ReadRoutes(market_data=None, cursors=None)  # type: ignore[arg-type]
    actions = ActionRoutes(market_data=None, cursors=None)  # type: ignore[arg-type]
    convert = ConvertRoutes(converter=None)  # type: ignore[arg-type]
    coverage = CoverageRoutes(coverages=None)  # type: ignore[arg-type]
    metrics = MetricsRoutes(gauges=None)  # type: ignore[arg-type]
    keys = KeyRoutes(keys=None)  # type: ignore[arg-type]
    admin = AdminRoutes(administration=None, once=None)  # type: ignore[arg-type]
    backfills = BackfillRoutes(backfills=None, once=None, cursors=None)  # type: ignore[arg-type]
    parts = (read, actions, convert, coverage, metrics, keys, admin, backfills)
    every = (*docs.ROUTES, *(route for part in parts for route in part.table()))
    return tuple(sorted(every, key=lambda route: ORDER.index(route.path.split("/")[2])))
