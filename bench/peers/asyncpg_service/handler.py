"""The read service written by hand for speed: asyncpg with its statement cache, rows to JSON by orjson.

Decimals come as their text and go out as it, so that they stay exact; that is also asyncpg's fastest way to read them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types
import orjson

STALE_SECONDS = {"binance": 180, "yahoo": 1200, "exchangerate": 93_600}
INTERVALS = frozenset({"1m", "1d"})
MAX_ROWS, MAX_SYMBOLS = 10_000, 100

_candles_path = re.compile(r"/v1/candles/([!-~]{1,40})").fullmatch
_number = re.compile(r"[0-9]{1,5}").fullmatch
_loop = asyncio.new_event_loop()


class BadRequestError(Exception):
    """A parameter is wrong; the message says which."""


@cache
def _connection() -> asyncpg.Connection:
    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(os.environ["DATABASE_URL"])
        await connection.set_type_codec(
            "numeric", schema="pg_catalog", encoder=str, decoder=orjson.Fragment, format="text"
        )
        return connection

    return _loop.run_until_complete(connect())


def _moment(name: str, text: str | None) -> datetime | None:
    try:
        moment = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise BadRequestError(f"{name} is not a time") from None
    if moment is not None and moment.tzinfo is None:
        raise BadRequestError(f"{name} has no offset")
    return moment


def _known(query: Mapping[str, str], names: frozenset[str]) -> None:
    if strangers := query.keys() - names:
        raise BadRequestError(f"unknown parameter {min(strangers)}")


_CANDLE_PARAMETERS = frozenset({"interval", "start", "end", "order", "limit", "cursor"})


def _candles(symbol: str, query: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
    _known(query, _CANDLE_PARAMETERS)
    interval, limit, order = query.get("interval"), query.get("limit", "1000"), query.get("order")
    if interval not in INTERVALS:
        raise BadRequestError("interval is wrong")
    if not _number(limit) or not 1 <= int(limit) <= MAX_ROWS:
        raise BadRequestError("limit is wrong")
    if order not in (None, "asc", "desc"):
        raise BadRequestError("order is wrong")
    start, end = _moment("start", query.get("start")), _moment("end", query.get("end"))
    cursor = _moment("cursor", query.get("cursor"))
    descending = order == "desc" or (order is None and start is None)
    given = {name: one for name, one in (("start", start), ("end", end), ("cursor", cursor)) if one is not None}
    sql = _page(tuple(given), descending=descending)
    rows = _loop.run_until_complete(_connection().fetch(sql, symbol, interval, int(limit) + 1, *given.values()))
    if not rows and not _loop.run_until_complete(_connection().fetch(_SYMBOL, symbol)):
        return 404, b'{"detail":"no such symbol"}', {}
    headers = {}
    if len(rows) > int(limit):
        rows = rows[: int(limit)]
        link = urlencode({**query, "cursor": rows[-1]["open_time"].isoformat()})
        headers["Link"] = f'</v1/candles/{symbol}?{link}>; rel="next"'
    # What asyncpg calls a record is read by position in half the time.
    page = [
        {
            "open_time": open_time,
            "open": open_,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "quote_volume": quote_volume,
            "trades": trades,
            "final": final,
        }
        for open_time, open_, high, low, close, volume, quote_volume, trades, final in rows
    ]
    return 200, orjson.dumps(page, option=orjson.OPT_UTC_Z), headers


def _prices(query: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
    _known(query, frozenset({"symbols"}))
    names = list(dict.fromkeys(query.get("symbols", "").split(",")))
    if "" in names or len(names) > MAX_SYMBOLS:
        raise BadRequestError("symbols is wrong")
    now = datetime.now(UTC)
    found = {}
    for name, price, currency, as_of, owner, source in _loop.run_until_complete(_connection().fetch(_LATEST, names)):
        age = max(int((now - as_of).total_seconds()), 0)
        found[name] = {
            "symbol": name,
            "price": price,
            "currency": currency,
            "as_of": as_of,
            "age_seconds": age,
            "stale": age > STALE_SECONDS[owner],
            "source": source,
        }
    items = [found.get(name) or {"symbol": name, "problem": "price_not_found"} for name in names]
    return 200, orjson.dumps(items, option=orjson.OPT_UTC_Z), {}


@cache
def _page(given: tuple[str, ...], *, descending: bool) -> str:
    """The statement for the parameters that are given: one for all cases would have a plan for none of them.

    The symbol is no join, for which the planner would read all of its candles and sort them.
    """
    behind, order = ("<", "desc") if descending else (">", "asc")
    operators = {"start": ">=", "end": "<", "cursor": behind}
    bounds = "".join(f" and open_time {operators[name]} ${at}" for at, name in enumerate(given, 4))
    # Constants are put in; every value is a parameter.
    return f"""select open_time, open, high, low, close, volume, quote_volume, trades, final from candles
where symbol_id = (select id from symbols where symbol = $1) and interval = $2 and not held{bounds}
order by open_time {order} limit $3"""  # noqa: S608 - the same


_SYMBOL = "select 1 from symbols where symbol = $1"

_LATEST = """select s.symbol, p.price, s.quote_currency, p.as_of, s.source, coalesce(r.source, s.source)
from symbols s
join lateral (select * from prices where symbol_id = s.id and not held order by as_of desc limit 1) p on true
left join raw_objects r on r.id = p.raw_id
where s.symbol = any($1)"""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """The answer to one API Gateway event, with a line in the log."""
    started = time.perf_counter()
    path, query = event["path"], event.get("queryStringParameters") or {}
    try:
        if match := _candles_path(path):
            status, body, headers = _candles(match[1], query)
        elif path == "/v1/prices":
            status, body, headers = _prices(query)
        else:
            status, body, headers = 404, b'{"detail":"nothing here"}', {}
    except BadRequestError as error:
        status, body, headers = 400, orjson.dumps({"detail": str(error)}), {}
    headers |= {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
    if status == 200:
        headers["ETag"] = tag = f'"{sha256(body).hexdigest()[:32]}"'
        if (event.get("headers") or {}).get("If-None-Match") == tag:
            status, body = 304, b""
    milliseconds = round((time.perf_counter() - started) * 1000, 2)
    print(json.dumps({"path": path, "status": status, "milliseconds": milliseconds}), flush=True)
    return {"statusCode": status, "headers": headers, "body": body.decode(), "isBase64Encoded": False}
