"""The read path, warm: a proxy event in, the answer with its bytes out, against services that answer the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bench import handlers
from bench.database import connected, crypto_symbols
from bench.handlers import Handler
from bench.harness import BenchError, Samples, alternate, each, unheard
from bench.plan import Plan
from bench.report import Measured
from marketflow.persistence.connection import Database

COMPETITORS = {
    "marketflow": "functions.api.handler",
    "orm": "bench.peers.orm_service.handler",
    "asyncpg": "bench.peers.asyncpg_service.handler",
}
ROWS, SYMBOLS = 1000, 100
BYTES = "CREATE TABLE IF NOT EXISTS bench_bytes (name text PRIMARY KEY, body text STORAGE EXTERNAL NOT NULL)"
KEEP = "INSERT INTO bench_bytes VALUES (:name, :body) ON CONFLICT (name) DO UPDATE SET body = excluded.body"
BARE = "SELECT body FROM bench_bytes WHERE name = :name"


def measure(url: str, plan: Plan) -> Mapping[str, Measured]:
    """Pages of 1,000 candles and batches of 100 latest prices out of the database at `url`, which is filled."""
    with connected(url) as database:
        names = [name for _, name in crypto_symbols(database)]
        services = {name: handlers.load(module, url) for name, module in COMPETITORS.items()}
        page = handlers.candles(names[0], interval="1m", limit=str(ROWS))
        batch = handlers.prices(names[:SYMBOLS])
        pages = _compare(database, services, page, rows=ROWS, plan=plan, calls=plan.pages)
        batches = _compare(database, services, batch, rows=SYMBOLS, plan=plan, calls=plan.batches)
    return {
        "read_1000_vs_orm": _against(pages, "orm"),
        "read_1000_vs_asyncpg": _against(pages, "asyncpg"),
        "latest_100_vs_orm": _against(batches, "orm", "asyncpg"),
    }


def bare_select(database: Database, name: str, body: str) -> Callable[[], object]:
    """A call that selects the very bytes of an answer, stored as they are: what only the way to the database costs."""
    database.query(BYTES)
    database.query(KEEP, name=name, body=body)
    return lambda: database.query(BARE, name=name)


def answered(handler: Handler, event: dict[str, Any]) -> str:
    """The body of a good answer. Raises BenchError for any other, or one without an entity tag."""
    with unheard():
        answer = handler(event, None)
    headers = {name.lower() for name in answer["headers"]}
    if answer["statusCode"] != 200 or "etag" not in headers:
        raise BenchError(f"{event['path']} answered {answer['statusCode']}: {answer['body'][:300]}")
    return str(answer["body"])


def _compare(
    database: Database,
    services: Mapping[str, Handler],
    event: dict[str, Any],
    *,
    rows: int,
    plan: Plan,
    calls: int,
) -> dict[str, Samples]:
    """The services' times for one event, beside the bare SELECT of our bytes, once all of them answered the same."""
    bodies = {name: answered(handler, event) for name, handler in services.items()}
    expected = content(bodies["marketflow"])
    if len(expected) != rows:
        raise BenchError(f"{event['path']} answered {len(expected)} items instead of {rows}.")
    for name, body in bodies.items():
        if content(body) != expected:
            raise BenchError(f"{name} answers {event['path']} with something else: {body[:300]}")
    turns = {
        name: each([_call(handler, event)] * (calls if name == "marketflow" else max(3, calls // 4)))
        for name, handler in services.items()
    }
    turns["select"] = each([bare_select(database, event["path"], bodies["marketflow"])] * calls)
    with unheard():
        return alternate(turns, rounds=plan.rounds)


def _call(handler: Handler, event: dict[str, Any]) -> Callable[[], object]:
    return lambda: handler(event, None)


def content(body: str) -> list[dict[str, Any]]:
    """The items of an answer, comparable: exact decimals however they are written, without what changes each second."""
    items = json.loads(body, parse_float=Decimal)
    return [{name: _plain(name, value) for name, value in item.items() if name != "age_seconds"} for item in items]


_TIMES = frozenset({"open_time", "as_of"})


def _plain(name: str, value: object) -> object:
    if name in _TIMES or not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        return value
    text = str(value)
    return Decimal(text) if text.replace(".", "", 1).isdecimal() else text


def _against(samples: Mapping[str, Samples], peer: str, *others: str) -> Measured:
    ours, theirs, bare = samples["marketflow"], samples[peer], samples["select"]
    shown = {f"{name}_ms": samples[name].spread() for name in ("marketflow", peer, *others, "select")}
    return Measured(value=theirs.times_as_long_as(ours), floor=theirs.times_as_long_as(bare), detail=shown)
