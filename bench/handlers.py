"""Loads handlers as Lambda does, each with its own database, and writes the events that API Gateway would."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from marketflow import bootstrap

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    "MARKETFLOW_STAGE": "bench",
    "DATA_BUCKET": "bench",
    "LOG_LEVEL": "INFO",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "MarketFlow",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
"""What the CDK app sets, for whoever reads it: MarketFlow's functions and the peers."""

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any], object], Answer]


def load(module: str, url: str) -> Handler:
    """The handler of `module`, wired anew for the database at `url`; those that were loaded before keep theirs."""
    os.environ.update(ENVIRONMENT | {"DATABASE_URL": url})
    # Loaded twice under one name, it is two handlers: the first one lives on in whoever holds it, and opens its
    # connection again when it is asked.
    sys.modules.pop(module, None)
    bootstrap.close()
    handler: Handler = importlib.import_module(module).handler
    return handler


def candles(symbol: str, **query: str) -> dict[str, Any]:
    """The event of GET /v1/candles/{symbol}."""
    return _with(_event("api_candles"), f"/v1/candles/{symbol}", query, {"symbol": symbol})


def prices(symbols: list[str]) -> dict[str, Any]:
    """The event of GET /v1/prices."""
    return _with(_event("api_prices"), "/v1/prices", {"symbols": ",".join(symbols)}, None)


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return event


def _with(
    event: dict[str, Any], path: str, query: Mapping[str, str], variables: Mapping[str, str] | None
) -> dict[str, Any]:
    return event | {
        "path": path,
        "queryStringParameters": dict(query),
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": variables,
        "requestContext": event["requestContext"] | {"path": f"/api{path}"},
    }
