"""The most memory that the shipped functions hold, each in a process of its own, while they do what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from bench import assets, handlers, processes
from bench.assets import Peers
from bench.cold import START, event
from bench.database import Server, connected, crypto_symbols, make_months
from bench.harness import BenchError
from bench.klines import answers
from bench.plan import Plan
from bench.report import Measured
from bench.scale import Filled, year_event

BATCH = 10
"""Messages in one SQS event, as cdk/stacks/ingestion.py has it; each of them with 1,000 rows."""


def measure(server: Server, large: Filled, plan: Plan, peers: Peers) -> Mapping[str, Measured]:
    """Peak resident memory of both functions, in millions of bytes."""
    bare = processes.bare(peers.interpreter).peak_mb
    if not bare:
        raise BenchError("This system does not tell the peak memory of a process: /proc/self/status is missing.")
    read, etl = _read(large, plan, peers), _etl(server, plan, peers)
    return {
        "memory_read_mb": Measured(value=read, floor=bare),
        "memory_etl_mb": Measured(value=etl, floor=bare),
        "memory_mb": Measured(value={"read": read, "etl": etl}, floor=bare),
    }


def _read(large: Filled, plan: Plan, peers: Peers) -> float:
    with connected(large.url) as database:
        names = [name for _, name in crypto_symbols(database)]
    largest = {"interval": "1m", "limit": "10000"}
    events = [
        *[handlers.candles(names[0], interval="1m", limit="1000")] * plan.pages,
        *[handlers.prices(names)] * plan.batches,
        *[handlers.candles(names[0], **largest), handlers.candles(names[0], **largest, format="csv")] * plan.rounds,
        *[year_event(names[0])] * plan.rounds,
    ]
    run = processes.run(assets.marketflow("api", peers.runtime), events, database_url=large.url)
    if set(run.statuses) != {200}:
        raise BenchError(f"The read function answered {sorted(set(run.statuses))}.")
    return run.peak_mb


def _etl(server: Server, plan: Plan, peers: Peers) -> float:
    url = server.database("memory_etl")
    with connected(url) as database:
        make_months(database, START, START)
        symbols = crypto_symbols(database)[:BATCH]
    windows = answers(symbols, start=START, seed=11)
    events = [event(list(islice(windows, BATCH))) for _ in range(plan.rounds)]
    run = processes.run(assets.marketflow("etl", peers.runtime), events, database_url=url)
    if set(run.statuses) != {0}:
        raise BenchError(f"The ETL function gave messages back: {run.first}")
    server.drop("memory_etl")
    return run.peak_mb
