"""What each route answers when it succeeds: facts of the documentation that no code needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marketflow.api.schemas import Schema, array, ref


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A route's success. `operation` names it in generated clients and stays as it is within v1.

    `schema` is None for an answer without a body. `paged` answers have a Link header while more follows. `database`
    says whether the route needs it. `files` are examples of what else than JSON the parameter `format` gives, by media
    type. `headers` are components by name. `media_type` is that of the body where it is no JSON.
    """

    operation: str
    tag: str
    description: str
    schema: Schema | None
    status: int = 200
    paged: bool = False
    database: bool = True
    files: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"
    asks: tuple[str, ...] = ()
    """Components of the request headers that the route reads."""


DEPRECATION: Mapping[str, Schema] = {
    "Deprecation": {
        "description": "Since when the route is deprecated (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$"},
        "example": "@1767225600",
    },
    "Sunset": {
        "description": "When the route may be gone (RFC 8594).",
        "schema": {"type": "string"},
        "example": "Fri, 01 Jan 2027 00:00:00 GMT",
    },
    "Link": {
        "description": "What to use instead (deprecation, sunset), and the next page when there is one (RFC 8288).",
        "schema": {"type": "string"},
        "example": '<https://example.com/instead>; rel="deprecation"; type="text/html"',
    },
}
"""The headers of a route that goes."""

_CSV_CANDLE = (
    "open_time,open,high,low,close,volume,quote_volume,trades,final\n"
    "2026-11-23T12:00:00Z,68000.12,68010.00,67990.50,68005.00,1.25,85006.25,42,true\n"
)
_JSON_CANDLE = (
    '{"open_time":"2026-11-23T12:00:00Z","open":68000.12,"high":68010.00,"low":67990.50,"close":68005.00,'
    '"volume":1.25,"quote_volume":85006.25,"trades":42,"final":true}\n'
)
_CSV_PRICE = (
    "as_of,price,source,currency,observed_at\n2026-11-23T12:00:00Z,68000.12,binance,USDT,2026-11-23T12:00:01.250Z\n"
)
_JSON_PRICE = (
    '{"as_of":"2026-11-23T12:00:00Z","price":68000.12,"source":"binance","currency":"USDT",'
    '"observed_at":"2026-11-23T12:00:01.250Z"}\n'
)
_CSV_ACTION = (
    "effective_at,kind,ex_date,amount,currency,numerator,denominator,source,observed_at\n"
    "2020-08-31T04:00:00Z,split,2020-08-31,,,4,1,yahoo,2020-08-31T13:37:02.125Z\n"
)
_JSON_ACTION = (
    '{"effective_at":"2020-08-31T04:00:00Z","kind":"split","ex_date":"2020-08-31","amount":null,"currency":null,'
    '"numerator":4,"denominator":1,"source":"yahoo","observed_at":"2020-08-31T13:37:02.125Z"}\n'
)


def _files(csv: str, lines: str) -> tuple[tuple[str, str], ...]:
    return (("text/csv", csv), ("application/x-ndjson", lines))


ANSWERS: Mapping[tuple[str, str], Answer] = {
    ("GET", "/v1/health"): Answer(
        operation="getHealth", tag="Status", description="Alive.", schema=ref("Health"), database=False
    ),
    ("GET", "/v1/ready"): Answer(operation="getReady", tag="Status", description="Ready.", schema=ref("Ready")),
    ("GET", "/v1/openapi.json"): Answer(
        operation="getOpenApi",
        tag="Status",
        description="An OpenAPI 3.1 document.",
        schema={"type": "object", "required": ["openapi", "info", "paths"]},
        database=False,
    ),
    ("GET", "/v1/metrics"): Answer(
        operation="getMetrics",
        tag="Status",
        description="The Prometheus text format.",
        schema={"type": "string"},
        media_type="text/plain",
    ),
    ("GET", "/v1/symbols"): Answer(
        operation="listSymbols",
        tag="Symbols",
        description="Symbols in the order of their names.",
        schema=array("Symbol"),
        paged=True,
    ),
    ("GET", "/v1/symbols/{symbol}"): Answer(
        operation="getSymbol", tag="Symbols", description="The symbol.", schema=ref("Symbol")
    ),
    ("POST", "/v1/symbols"): Answer(
        operation="addSymbol",
        tag="Symbols",
        description="The new symbol, as GET shows it.",
        schema=ref("Symbol"),
        status=201,
        asks=("IdempotencyKey",),
        headers=(("ETag", "ETag"), ("Location", "Location")),
    ),
    ("PATCH", "/v1/symbols/{symbol}"): Answer(
        operation="changeSymbol",
        tag="Symbols",
        description="The symbol as it is now, as GET shows it.",
        schema=ref("Symbol"),
        asks=("IfMatch",),
        headers=(("ETag", "ETag"),),
    ),
    ("DELETE", "/v1/symbols/{symbol}"): Answer(
        operation="deactivateSymbol",
        tag="Symbols",
        description="The symbol is not fetched any more.",
        schema=None,
        status=204,
        asks=("IfMatchOptional",),
    ),
    ("GET", "/v1/symbols/{symbol}/actions"): Answer(
        operation="listActions",
        tag="Symbols",
        description="Dividends and splits in the order of their time, as far as candles have been fetched.",
        schema=array("Action"),
        paged=True,
        files=_files(_CSV_ACTION, _JSON_ACTION),
    ),
    ("GET", "/v1/prices"): Answer(
        operation="listPrices",
        tag="Prices",
        description="An item for each symbol, in the order in which they were asked for.",
        schema=array("Price", "SymbolProblem"),
    ),
    ("GET", "/v1/prices/{symbol}"): Answer(
        operation="getPrice", tag="Prices", description="The price.", schema=ref("Price")
    ),
    ("GET", "/v1/prices/{symbol}/history"): Answer(
        operation="listPriceHistory",
        tag="Prices",
        description="Observed prices in the order of their time.",
        schema=array("ObservedPrice"),
        paged=True,
        files=_files(_CSV_PRICE, _JSON_PRICE),
    ),
    ("GET", "/v1/convert"): Answer(
        operation="convert", tag="Conversion", description="The conversion and its legs.", schema=ref("Conversion")
    ),
    ("GET", "/v1/sources"): Answer(
        operation="listSources",
        tag="Status",
        description="Every source in the order of their names.",
        schema=array("Source"),
    ),
    ("GET", "/v1/candles"): Answer(
        operation="listCandlesOfSymbols",
        tag="Candles",
        description="Candles in the order of the symbols' names; the first page begins with the symbols that do not "
        "exist. Prices of stocks are as they were traded.",
        schema=array("SymbolCandle", "SymbolProblem"),
        paged=True,
    ),
    ("GET", "/v1/candles/{symbol}"): Answer(
        operation="listCandles",
        tag="Candles",
        description="Candles in the order of their time. An adjusted price that does not end has 20 significant "
        "digits; volumes are adjusted for splits only. A dividend takes off what it was of the close before its "
        "ex-date; one in another currency than the symbol's takes off nothing, nor does one without such a close.",
        schema=array("Candle"),
        paged=True,
        files=_files(_CSV_CANDLE, _JSON_CANDLE),
        headers=(("X-Adjustment", "Adjustment"),),
    ),
    ("POST", "/v1/keys"): Answer(
        operation="createKey",
        asks=("IdempotencyKey",),
        tag="Keys",
        description="The key with its value, which is not shown again.",
        schema=ref("NewApiKey"),
        status=201,
        database=False,
    ),
    ("GET", "/v1/keys"): Answer(
        operation="listKeys",
        tag="Keys",
        description="Your keys, the oldest first.",
        schema=array("ApiKey"),
        database=False,
    ),
    ("PATCH", "/v1/keys/{id}"): Answer(
        operation="renameKey", tag="Keys", description="The key as it is now.", schema=ref("ApiKey"), database=False
    ),
    ("DELETE", "/v1/keys/{id}"): Answer(
        operation="revokeKey",
        tag="Keys",
        description="The key opens nothing any more.",
        schema=None,
        status=204,
        database=False,
    ),
    ("POST", "/v1/keys/{id}/rotate"): Answer(
        operation="rotateKey",
        asks=("IdempotencyKey",),
        tag="Keys",
        description="The new key with its value, which is not shown again. The old one is revoked.",
        schema=ref("NewApiKey"),
        status=201,
        database=False,
    ),
    ("GET", "/v1/keys/{id}/usage"): Answer(
        operation="getKeyUsage",
        tag="Keys",
        description="An item for each day, in order; today's is still growing.",
        schema=array("KeyUsage"),
        database=False,
    ),
    ("GET", "/v1/coverage/{symbol}"): Answer(
        operation="getCoverage",
        tag="Candles",
        description="What is expected, what is stored, and every gap with its reason and what becomes of it, the "
        "oldest first. For currencies, of which one rate a day is published, a day is present when its rate was seen.",
        schema=ref("Coverage"),
    ),
    ("POST", "/v1/backfills"): Answer(
        operation="createBackfill",
        tag="History",
        description="Begun.",
        schema=ref("Backfill"),
        status=202,
        asks=("IdempotencyKey",),
        headers=(("Location", "Location"),),
    ),
    ("GET", "/v1/backfills"): Answer(
        operation="listBackfills",
        tag="History",
        description="Backfills, the newest first.",
        schema=array("Backfill"),
        paged=True,
    ),
    ("GET", "/v1/backfills/{backfill}"): Answer(
        operation="getBackfill", tag="History", description="The backfill.", schema=ref("Backfill")
    ),
    ("POST", "/v1/replays"): Answer(
        operation="createReplay",
        tag="History",
        description="Begun.",
        schema=ref("Replay"),
        status=202,
        asks=("IdempotencyKey",),
        headers=(("Location", "Location"),),
    ),
    ("GET", "/v1/replays/{replay}"): Answer(
        operation="getReplay", tag="History", description="The replay.", schema=ref("Replay")
    ),
    ("POST", "/v1/redrives"): Answer(
        operation="createRedrive",
        tag="History",
        description="Begun.",
        schema=ref("Redrive"),
        status=202,
        asks=("IdempotencyKey",),
    ),
}
"""By method and path; the generator refuses a route that is missing here."""
