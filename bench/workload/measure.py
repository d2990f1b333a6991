"""`python -m bench.workload.measure`: measure what the model takes for granted, and write bench/workload/measured.json.

CPU milliseconds, not wall time; on a busy machine they come out too high all the same, by up to a half. A Lambda
function with 1,769 MB has one vCPU; what is measured here on one core is taken for that, and a smaller function takes
longer in proportion.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median_low
from typing import Any

import boto3

from bench.workload import payloads
from bench.workload.payloads import SESSION, Answered, messages, records
from bench.workload.stand import BUCKET, Context, Stand, Used, event, stand
from local.load.answers import symbols_of

TARGET = Path(__file__).with_name("measured.json")
COMMAND = "PYTHONPATH=shared:. .venv/bin/python -m bench.workload.measure"
MINUTE = timedelta(minutes=1)
MINUTES = 60
"""Consecutive minutes of each live dataset: the first half warms up, the second half counts."""

BATCH = 10
Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything in so many rounds, each on a stand of its own; the median of each figure counts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.workload.measure", description="Measure what the model needs."
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (default 3)")
    options = parser.parse_args(arguments)
    rounds = [_round() for _ in range(max(1, options.rounds))]
    figures: Figures = {
        "command": COMMAND,
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}, embedded PostgreSQL, "
        f"median of {len(rounds)}, load {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores",
        **merged(rounds),
    }
    TARGET.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(TARGET)
    return 0


def _round() -> Figures:
    with stand() as ground, ground.captured():
        return {
            "messages": etl(ground),
            "etl_invocation": overhead(ground),
            "fetch": fetch(ground),
            "audit": audit(ground),
            "requests": api(ground),
        }


def merged(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure of all rounds, which have the same names."""
    return {
        name: merged([one[name] for one in rounds])
        if isinstance(value, dict)
        else median_low(one[name] for one in rounds)
        for name, value in rounds[0].items()
    }


def _now() -> datetime:
    return datetime.now(UTC).replace(second=20, microsecond=0)


def _minutes(end: datetime) -> list[datetime]:
    return [end - (MINUTES - number) * MINUTE for number in range(MINUTES)]


def etl(ground: Stand) -> Figures:
    """One message of each kind through the ETL: what it costs the function, the database and the log."""
    handler = ground.handler("etl")
    now = _now()
    found: Figures = {
        "binance.klines_1m": _load(
            ground, handler, messages("binance", "klines_1m", _minutes(now - 8 * MINUTE), since=MINUTE)
        ),
        "binance.ticker_price": _load(
            ground, handler, messages("binance", "ticker_price", _minutes(now - 8 * MINUTE), since=MINUTE)
        ),
        "yahoo.chart_1m": _load(ground, handler, messages("yahoo", "chart_1m", _minutes(SESSION), since=MINUTE)),
    }
    found["binance.ticker_price of 200"] = _load(ground, handler, _prices_of_200(ground, now))
    half_hours = [SESSION + number * 30 * MINUTE for number in range(6)]
    found["yahoo.chart_1d"] = _load(ground, handler, messages("yahoo", "chart_1d", half_hours, since=30 * MINUTE))
    days = [SESSION - timedelta(days=20 - number) for number in range(20)]
    found["exchangerate.latest"] = _load(ground, handler, messages("exchangerate", "latest", days, since=MINUTE))
    # What a dataset becomes that never has a complete run: every answer reaches back as far as one call can.
    late = [now - 4 * MINUTE, now - 3 * MINUTE]
    catching_up = messages("binance", "klines_1m", late, since=timedelta(days=2))
    found["binance.klines_1m catching up"] = _load(ground, handler, catching_up)
    report = event("sqs_fetch_report")["Records"][0]["body"]
    found["report"] = _load(ground, handler, [Answered(report, 0, 0)] * 100)
    return found


def _prices_of_200(ground: Stand, now: datetime) -> list[Answered]:
    """A full call of last prices: of symbols that are made for it, and fetched by nobody."""
    names = [f"B{number:03d}USDT" for number in range(200)]
    ground.query(
        "INSERT INTO symbols (symbol, source, source_symbol, asset_type, base_currency, quote_currency, price_unit, "  # noqa: S608 - names of ours
        f"active) SELECT n, 'binance', n, 'crypto', 'BTC', 'USDT', 'USDT', false FROM unnest(ARRAY{names}) AS n"
    )
    return payloads.many_prices(names, _minutes(now - 8 * MINUTE))


def _load(ground: Stand, handler: Callable[..., Any], given: list[Answered]) -> Figures:
    half = len(given) // 2
    _invoke(handler, given[:half])
    ground.query("VACUUM")
    before, counted = _size(ground), given[half:]
    with ground.used() as used:
        _invoke(handler, counted)
    ground.query("VACUUM")
    number = len(counted)
    return {
        **_each(used, number),
        "wal_bytes": round(used.wal_bytes / number),
        "stored_bytes": round((_size(ground) - before) / number),
        "message_bytes": round(sum(one.message_bytes for one in counted) / number),
        "body_bytes": round(sum(one.body_bytes for one in counted) / number),
        "archived_bytes": round(sum(one.archived_bytes for one in counted) / number),
        "counted": number,
    }


def _invoke(handler: Callable[..., Any], given: list[Answered], *, batch: int = BATCH) -> None:
    for start in range(0, len(given), batch):
        answer = handler(records([one.text for one in given[start : start + batch]]), Context())
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"The ETL refused messages of the measurement: {answer}")


def _each(used: Used, number: int) -> Figures:
    return {
        "function_ms": round(1000 * used.function / number, 3),
        "database_ms": round(1000 * used.database / number, 3),
        "log_bytes": round(used.log_bytes / number),
    }


def _size(ground: Stand) -> int:
    return int(ground.query("SELECT pg_database_size(current_database())")[0][0])


def overhead(ground: Stand) -> Figures:
    """What an invocation of the ETL costs beside its messages: batches of one against batches of ten."""
    handler = ground.handler("etl")
    end = _now() - 5 * MINUTE
    given = messages("binance", "ticker_price", _minutes(end), since=MINUTE)
    _invoke(handler, given)
    with ground.used() as alone:
        _invoke(handler, given, batch=1)
    with ground.used() as together:
        _invoke(handler, given, batch=BATCH)
    more = len(given) - -(-len(given) // BATCH)
    return {
        "function_ms": round(1000 * (alone.function - together.function) / more, 3),
        "log_bytes": round((alone.log_bytes - together.log_bytes) / more),
    }


def fetch(ground: Stand) -> Figures:
    """A tick of the fetcher of Binance: what each request costs, and what the tick costs beside."""
    few, many = 2, 12
    ticks = {}
    for number in (few, many):
        _publish(symbols_of("binance")[:number])
        handler = ground.handler("fetch", SOURCE="binance", SOURCE_BASE_URLS=ground.vendor)
        order = event("schedule_binance")
        handler(order, Context())
        rounds = 5
        with ground.used() as used:
            for _ in range(rounds):
                handler(order, Context())
        ticks[number] = _each(used, rounds)
    slope = (ticks[many]["function_ms"] - ticks[few]["function_ms"]) / (many - few)
    return {
        "request_ms": round(slope, 3),
        "tick_ms": round(ticks[few]["function_ms"] - (few + 1) * slope, 3),
        "log_bytes": ticks[many]["log_bytes"],
        **_catalogue(ground),
    }


def _publish(names: list[str]) -> int:
    """Publish these symbols of Binance; the bytes of the object."""
    listed = [
        {
            "symbol": name,
            "source": "binance",
            "source_symbol": name,
            "asset_type": "crypto",
            "base_currency": name.removesuffix("USDT")[:12] or name[:3],
            "quote_currency": "USDT",
            "price_unit": "USDT",
            "exchange": None,
            "timezone": "UTC",
            "name": f"{name} in full",
            "active": True,
        }
        for name in names
    ]
    body = json.dumps(listed, separators=(",", ":")).encode()
    boto3.client("s3").put_object(Bucket=BUCKET, Key="catalog/binance.json", Body=body)
    return len(body)


def _catalogue(ground: Stand) -> Figures:
    """What a symbol in the catalogue and in the fetcher's state costs at each tick."""
    from marketflow.domain.state import DatasetState, SourceState  # noqa: PLC0415 - after the environment is set
    from marketflow.messaging.state import SourceStates, SymbolCatalog  # noqa: PLC0415

    number = 10_000
    names = [f"C{one:05d}USDT" for one in range(number)]
    size = _publish(names)
    client = boto3.client("s3")
    state = SourceState(datasets={"klines_1m": DatasetState(symbols=frozenset(names))})
    states = SourceStates(bucket=BUCKET, client=client)
    states.update("bench", lambda _: state)
    with ground.used() as used:
        SymbolCatalog(bucket=BUCKET, client=client).read("binance")
        states.read("bench")
        states.update("bench", lambda newest: newest)
    return {"symbol_ms": round(1000 * used.function / number, 4), "symbol_bytes": round(size / number)}


def audit(ground: Stand) -> Figures:
    """A look of the auditor at the newest six hours: what each series costs, and what the look costs beside."""
    looks = {}
    for active in (2, 12):
        ground.query(
            "UPDATE symbols SET active = source_symbol IN (SELECT source_symbol FROM symbols WHERE source = 'binance'"  # noqa: S608 - a number of ours
            f" ORDER BY id LIMIT {active})"
        )
        handler = ground.handler("audit")
        handler(event("schedule_audit_recent"), Context())
        rounds, looked = 5, 0
        with ground.used() as used:
            for _ in range(rounds):
                ground.query("UPDATE audits SET recent_at = NULL")
                looked += handler(event("schedule_audit_recent"), Context())["looked_at"]
        if looked != rounds * active:
            raise SystemExit(f"The auditor looked at {looked} series and not at {rounds * active}.")
        looks[active] = _each(used, rounds)
    ground.query("UPDATE symbols SET active = true")
    return {
        "series_ms": round((looks[12]["function_ms"] - looks[2]["function_ms"]) / 10, 3),
        "series_database_ms": round((looks[12]["database_ms"] - looks[2]["database_ms"]) / 10, 3),
        "look_ms": round(looks[2]["function_ms"] * 1.2 - looks[12]["function_ms"] * 0.2, 3),
        "log_bytes": looks[12]["log_bytes"],
    }


def api(ground: Stand) -> Figures:
    """Requests to the read API, from the gateway's event to its answer."""
    handler = ground.handler("api")
    ten = ",".join(symbols_of("binance")[:10])
    return {
        "prices of 10": _ask(ground, handler, "api_prices", {"symbols": ten}),
        "100 candles": _ask(ground, handler, "api_candles", {"interval": "1m", "limit": "100"}),
        "1000 candles": _ask(ground, handler, "api_candles", {"interval": "1m", "limit": "1000"}),
    }


def _ask(ground: Stand, handler: Callable[..., Any], name: str, query: Mapping[str, str]) -> Figures:
    asked = event(name)
    asked["queryStringParameters"] = dict(query)
    asked["multiValueQueryStringParameters"] = {key: [value] for key, value in query.items()}
    handler(asked, Context())
    rounds = 50
    size = 0
    with ground.used() as used:
        for _ in range(rounds):
            answer = handler(asked, Context())
            if answer["statusCode"] != 200:
                raise SystemExit(f"The API answered {answer['statusCode']}: {answer['body'][:200]}")
            size += len(answer["body"].encode())
    return {**_each(used, rounds), "body_bytes": round(size / rounds)}


if __name__ == "__main__":
    sys.exit(main())
