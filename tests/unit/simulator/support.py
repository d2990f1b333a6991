"""Asking a simulated world as a client would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from local.simulator.clock import SteppedClock
from local.simulator.wire import Answer
from local.simulator.world import World

# Monday: at 15:42 UTC New York, London and Frankfurt are open and Istanbul has closed.
MONDAY = datetime(2026, 1, 5, 15, 42, 7, 345_000, tzinfo=UTC)
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0"}

Row = list[Any]


def utc(text: str) -> datetime:
    """`2026-01-05T15:42` as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def world(at: datetime = MONDAY, *, seed: int = 7, faults: Mapping[str, str] | None = None) -> World:
    """A world whose clock stands at `at`."""
    return World(seed, SteppedClock(at), faults=faults)


def clock_of(asked: World) -> SteppedClock:
    """The clock of a world that `world` made."""
    assert isinstance(asked.clock, SteppedClock)
    return asked.clock


def ask(asked: World, path: str, headers: Mapping[str, str] = BROWSER, /, **params: object) -> Answer:
    """The answer to a GET."""
    return asked.answer("GET", quote(path), urlencode(params), headers)


def body(asked: World, path: str, headers: Mapping[str, str] = BROWSER, /, **params: object) -> Any:  # noqa: ANN401 - it is JSON
    """The JSON of a GET that is answered with 200."""
    answer = ask(asked, path, headers, **params)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def klines(asked: World, headers: Mapping[str, str] = BROWSER, /, **params: object) -> list[Row]:
    """The rows of a klines request; one-minute BTCUSDT unless `params` say otherwise."""
    rows: list[Row] = body(
        asked, "/binance/api/v3/klines", headers, **{"symbol": "BTCUSDT", "interval": "1m", **params}
    )
    return rows


def chart(asked: World, symbol: str = "AAPL", /, **params: object) -> dict[str, Any]:
    """The only result of a chart request."""
    document = body(asked, f"/yahoo/v8/finance/chart/{symbol}", **params)
    assert document["chart"]["error"] is None
    (result,) = document["chart"]["result"]
    assert isinstance(result, dict)
    return result


def quotes(result: dict[str, Any]) -> dict[str, list[Any]]:
    """The arrays of a chart result."""
    (arrays,) = result["indicators"]["quote"]
    assert isinstance(arrays, dict)
    return arrays
