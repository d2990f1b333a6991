"""Cold starts: the CPU seconds of a process from the interpreter's start to its first answer, and what is shipped."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bench import assets, handlers, processes
from bench.assets import Peers, Shipped
from bench.database import Server, connected, crypto_symbols, make_months
from bench.fill import END
from bench.harness import BenchError, Samples, Turn, alternate
from bench.klines import Answer, answers
from bench.plan import Plan
from bench.processes import Run
from bench.reads import content
from bench.report import Measured
from marketflow.messaging.envelope import Codec

READ_PEER, ETL_PEER = "bench.peers.orm_service.handler", "bench.peers.orm_load.handler"
PAGE = 100
"""Candles of the first answer: few, since it is the start that is measured."""

TICK = 5
"""Minutes in the first message: what a scheduled run brings."""

START = END + timedelta(days=1)


def read(url: str, plan: Plan, peers: Peers) -> Mapping[str, Measured]:
    """The read function's first page against the ORM service's, as usually shipped and with bytecode."""
    ours = assets.marketflow("api", peers.runtime)
    starts = {
        "marketflow": ours,
        "peer": peers.shipped(READ_PEER),
        "peer_compiled": peers.shipped(READ_PEER, compiled=True),
    }
    with connected(url) as database:
        event = handlers.candles(crypto_symbols(database)[0][1], interval="1m", limit=str(PAGE))
    first = {name: content(_answered(processes.run(one, [event], database_url=url))) for name, one in starts.items()}
    for name, items in first.items():
        if items != first["marketflow"] or len(items) != PAGE:
            raise BenchError(f"{name} starts with another answer than ours: {items[:1]} of {len(items)}.")
    turns = {name: _starts(plan, one, [event], url) for name, one in starts.items()}
    samples = alternate(turns | {"bare": _bare(plan, ours)}, rounds=plan.cold_rounds, warm=True)
    return {
        "cold_start_vs_peer": _against(samples, "peer"),
        "cold_start_vs_peer_compiled": _against(samples, "peer_compiled"),
    }


def etl(server: Server, plan: Plan, peers: Peers) -> Mapping[str, Measured]:
    """The ETL function's first message against the ORM loader's; every start gets minutes that are new."""
    ours = assets.marketflow("etl", peers.runtime)
    url = server.database("cold_etl")
    with connected(url) as database:
        make_months(database, START, START)
        symbols = crypto_symbols(database)[:2]
        starts = {"marketflow": ours, "peer": peers.shipped(ETL_PEER)}
        turns = {
            name: _loads(plan, one, messages([symbol]), url)
            for (name, one), symbol in zip(starts.items(), symbols, strict=True)
        }
        samples = alternate(turns | {"bare": _bare(plan, ours)}, rounds=plan.cold_rounds, warm=True)
        counts = "SELECT symbol_id, count(*) FROM candles GROUP BY symbol_id ORDER BY symbol_id"
        loaded, expected = database.query(counts), plan.cold_rounds * plan.starts * TICK
    if loaded != [[number, expected] for number, _ in symbols]:
        raise BenchError(f"{expected} candles of each of {symbols} were to be loaded, and there are {loaded}.")
    server.drop("cold_etl")
    return {"cold_start_etl_vs_peer": _against(samples, "peer")}


def asset() -> Mapping[str, Measured]:
    """What the read function ships, zipped."""
    platform, parts, own = assets.read_function_parts()
    sizes = {part.parent.name if part.name == "python" else part.name: assets.zipped_mb([part]) for part in parts}
    detail = {"built_for": platform, "parts_mb": {name: round(size, 3) for name, size in sizes.items()}}
    return {"read_asset_mb": Measured(value=sum(sizes.values()), floor=assets.zipped_mb(own), detail=detail)}


def messages(symbols: Sequence[tuple[int, str]], *, rows: int = TICK) -> Iterator[dict[str, Any]]:
    """SQS events without end, each with one message of one symbol's next `rows` minutes."""
    return (event([answer]) for answer in answers(symbols, start=START, seed=7, rows=rows))


def event(batch: Sequence[Answer]) -> dict[str, Any]:
    """The SQS event of these answers, in the form that fetchers send."""
    codec, records = Codec(), []
    for at, answer in enumerate(batch):
        request, response = answer.delivery.request, answer.delivery.response
        if response is None:
            raise BenchError("An answer without a body cannot be sent.")
        body = codec.payload(request, response, raw_key=answer.delivery.raw_key, correlation_id="bench")
        records.append(
            {
                "messageId": f"00000000-0000-4000-8000-{at:012d}",
                "receiptHandle": "bench",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1772445802000"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:bench",
                "awsRegion": "eu-central-1",
            }
        )
    return {"Records": records}


def _answered(run: Run) -> str:
    if run.statuses[0] != 200:
        raise BenchError(f"A cold start answered {run.statuses[0]}: {run.first}")
    return str(run.first["body"])


def _starts(plan: Plan, shipped: Shipped, events: list[dict[str, Any]], url: str) -> Turn:
    return lambda: statistics.median(
        processes.run(shipped, events, database_url=url).cpu_seconds for _ in range(plan.starts)
    )


def _loads(plan: Plan, shipped: Shipped, events: Iterator[dict[str, Any]], url: str) -> Turn:
    def turn() -> float:
        runs = [processes.run(shipped, [next(events)], database_url=url) for _ in range(plan.starts)]
        if any(run.statuses != (0,) for run in runs):
            raise BenchError(f"{shipped.module} gave its first message back: {runs[0].first}")
        return statistics.median(run.cpu_seconds for run in runs)

    return turn


def _bare(plan: Plan, shipped: Shipped) -> Turn:
    return lambda: statistics.median(processes.bare(shipped.interpreter).cpu_seconds for _ in range(plan.starts))


def _against(samples: Mapping[str, Samples], peer: str) -> Measured:
    ours, theirs, bare = samples["marketflow"], samples[peer], samples["bare"]
    detail = {f"{name}_cpu_ms": samples[name].spread() for name in ("marketflow", peer, "bare")}
    return Measured(value=theirs.times_as_long_as(ours), floor=theirs.times_as_long_as(bare), detail=detail)
