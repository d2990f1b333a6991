"""The mix of requests: what users of the API ask for, and how often, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from urllib.parse import urlencode

PAIRS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")
"""Pairs of which there is a history; each request is about one of them, or about all."""

HISTORY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET below `/api/v1`. `status` is what it must get. `unchanged` sends the entity tag of the last answer."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    unchanged: bool = False

    @property
    def target(self) -> str:
        """The path with its query, below the API's URL."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def event(self, etag: str | None = None) -> dict[str, Any]:
        """The event with which API Gateway invokes the function."""
        headers = {"Accept": "application/json", "Host": "127.0.0.1"}
        if etag is not None:
            headers["If-None-Match"] = etag
        return {
            "httpMethod": "GET",
            "path": f"/v1{self.path}",
            "headers": headers,
            "queryStringParameters": dict(self.query) or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in self.query} or None,
            "requestContext": {"requestId": "load", "path": f"/api/v1{self.path}", "identity": {}},
            "body": None,
            "isBase64Encoded": False,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the mix: its share in percent, and the request; `{symbol}`, `{start}` and `{end}` are filled in."""

    name: str
    share: int
    path: str
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    unchanged: bool = False


def _page(interval: str, limit: int) -> tuple[tuple[str, str], ...]:
    return (("interval", interval), ("start", "{start}"), ("end", "{end}"), ("limit", str(limit)))


MIX = (
    Kind("latest prices of six pairs", 24, "/prices", (("symbols", ",".join(PAIRS)),)),
    Kind("latest price of one", 14, "/prices/{symbol}"),
    Kind("page of 100 minutes", 20, "/candles/{symbol}", _page("1m", 100)),
    Kind("page of 1,000 minutes", 8, "/candles/{symbol}", _page("1m", 1000)),
    Kind("page of 5,000 minutes", 1, "/candles/{symbol}", _page("1m", 5000)),
    Kind("page of 150 hours", 6, "/candles/{symbol}", _page("1h", 150)),
    Kind("conversion", 5, "/convert", (("from", "BTC"), ("to", "TRY"), ("amount", "1.5"))),
    Kind("coverage of a week", 3, "/coverage/{symbol}", (("interval", "1m"), ("start", "{start}"), ("end", "{end}"))),
    Kind("list of symbols", 4, "/symbols", (("limit", "100"),)),
    Kind("symbol", 3, "/symbols/{symbol}"),
    Kind("sources", 1, "/sources"),
    Kind("page that did not change", 6, "/candles/{symbol}", _page("1m", 1000), status=304, unchanged=True),
    Kind("unknown symbol", 3, "/prices/NOSUCHSYMBOL", status=404),
    Kind("unknown parameter", 2, "/candles/{symbol}", (("interval", "1m"), ("colour", "red")), status=400),
)


def asks(count: int, *, seed: int, end: datetime) -> list[Ask]:
    """`count` requests drawn from MIX by their shares; the same seed draws the same. History reaches up to `end`."""
    random = Random(seed)  # noqa: S311 - a draw that can be repeated is what a load needs
    weights = list(accumulate(kind.share for kind in MIX))
    times = {"start": (end - HISTORY).isoformat(), "end": end.isoformat()}
    each = {(kind, pair): _fill(kind, {"symbol": pair, **times}) for kind in MIX for pair in PAIRS}
    return [each[kind, random.choice(PAIRS)] for kind in random.choices(MIX, cum_weights=weights, k=count)]


def _fill(kind: Kind, values: dict[str, str]) -> Ask:
    query = tuple((name, value.format(**values)) for name, value in kind.query)
    return Ask(kind.path.format(**values), query, kind.status, kind.unchanged)


def arrivals(count: int, *, rate: float, seed: int) -> list[float]:
    """When `count` requests are due, in seconds: independent users, `rate` a second together (a Poisson process)."""
    random = Random(seed)  # noqa: S311 - the same
    return list(accumulate(random.expovariate(rate) for _ in range(count)))


def records(bodies: Sequence[str]) -> dict[str, Any]:
    """The event with which SQS invokes the ETL."""
    made = [
        {
            "messageId": f"load-{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": made}
