"""The simulated Binance besides klines: exchangeInfo, tickers, limits, and every documented refusal."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.simulator.support import MONDAY, ask, body, clock_of, klines, world

pytestmark = pytest.mark.unit

API = "/binance/api/v3"
NOW = int(MONDAY.timestamp() * 1000)
SYMBOL_RANGE = "legal range is '^[A-Z0-9-_.]{1,20}$'."


def test_ping_and_time() -> None:
    """Ping is an empty object, time the exchange's clock in ms."""
    assert body(world(), f"{API}/ping") == {}
    assert body(world(), f"{API}/time") == {"serverTime": NOW}
    assert body(world(), "/api/v3/time", {"X-MBX-TIME-UNIT": "MICROSECOND"}) == {"serverTime": NOW * 1000}


def test_exchange_info() -> None:
    """Every pair is listed with steps as zero-padded strings; permissions are empty, permissionSets can be left out."""
    asked = world()
    info = body(asked, f"{API}/exchangeInfo")
    assert info["timezone"] == "UTC"
    assert info["serverTime"] == NOW
    assert {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000} in info[
        "rateLimits"
    ]
    by_symbol = {item["symbol"]: item for item in info["symbols"]}
    assert len(by_symbol) >= 15
    assert by_symbol["BTCUSDT"]["status"] == "TRADING"
    assert by_symbol["BTCUSDT"]["permissions"] == []
    assert by_symbol["BTCUSDT"]["permissionSets"] == [["SPOT", "MARGIN", "TRD_GRP_004"]]
    slim = body(asked, f"{API}/exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]', showPermissionSets="false")
    assert [item["symbol"] for item in slim["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert "permissionSets" not in slim["symbols"][0]


def test_a_symbol_may_hold_any_letters() -> None:
    """Non-ASCII names are listed and can be asked for."""
    assert klines(world(), symbol="这是测试币456USDT", limit=1)


def test_a_delisted_pair_stays_listed_and_its_ticker_stands_still() -> None:
    """VENBTC is BREAK yet isSpotTradingAllowed; its ticker has an old closeTime, an empty book and a volume."""
    asked = world()
    (listed,) = body(asked, f"{API}/exchangeInfo", symbolStatus="BREAK")["symbols"]
    assert (listed["symbol"], listed["isSpotTradingAllowed"]) == ("VENBTC", True)
    ticker = body(asked, f"{API}/ticker/24hr", symbol="VENBTC")
    assert ticker["closeTime"] < NOW - 10**10
    assert ticker["bidPrice"] == ticker["askPrice"] == "0.00000000"
    assert Decimal(ticker["volume"]) > 0
    clock_of(asked).advance(days=3)
    assert body(asked, f"{API}/ticker/24hr", symbol="VENBTC") == ticker


def test_shapes() -> None:
    """One symbol gives an object; several, one in a list, or none give an array."""
    asked = world()
    assert body(asked, f"{API}/ticker/price", symbol="BTCUSDT").keys() == {"symbol", "price"}
    assert len(body(asked, f"{API}/ticker/price", symbols='["BTCUSDT"]')) == 1
    everything = {item["symbol"] for item in body(asked, f"{API}/ticker/price")}
    assert {"BTCUSDT", "VENBTC"} <= everything
    trading = {item["symbol"] for item in body(asked, f"{API}/ticker/24hr", symbolStatus="TRADING", type="MINI")}
    assert everything - trading == {"VENBTC"}


def test_the_ticker_and_the_klines_agree() -> None:
    """The last price is the close of the forming minute, the 24 hours are those of the minutes in them."""
    asked = world()
    price = body(asked, f"{API}/ticker/price", symbol="ETHUSDT")["price"]
    day = body(asked, f"{API}/ticker/24hr", symbol="ETHUSDT")
    assert price == day["lastPrice"] == klines(asked, symbol="ETHUSDT", limit=1)[0][4]
    assert day["closeTime"] - day["openTime"] == 86_400_000
    assert day["lastId"] - day["firstId"] + 1 == day["count"]
    assert Decimal(day["priceChange"]) == Decimal(day["lastPrice"]) - Decimal(day["openPrice"])
    assert Decimal(day["lowPrice"]) <= Decimal(day["weightedAvgPrice"]) <= Decimal(day["highPrice"])
    mini = body(asked, f"{API}/ticker/24hr", symbol="ETHUSDT", type="MINI")
    assert mini == {name: day[name] for name in mini}
    assert "bidPrice" not in mini


REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("klines", {"interval": "1m"}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    (
        "klines",
        {"symbol": "BTCUSDT"},
        -1102,
        "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.",
    ),
    ("klines", {"symbol": "NOPE", "interval": "1m"}, -1121, "Invalid symbol."),
    (
        "klines",
        {"symbol": "btcusdt", "interval": "1m"},
        -1100,
        f"Illegal characters found in parameter 'symbol'; {SYMBOL_RANGE}",
    ),
    (
        "klines",
        {"symbol": "BTC/USDT", "interval": "1m"},
        -1100,
        f"Illegal characters found in parameter 'symbol'; {SYMBOL_RANGE}",
    ),
    ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
    ("klines", {"symbol": "BTCUSDT", "interval": "1W"}, -1120, "Invalid interval."),
    (
        "klines",
        {"symbol": "BTCUSDT", "interval": "1 m"},
        -1100,
        "Illegal characters found in parameter 'interval'; legal range is '^[a-zA-Z0-9]{1,36}$'.",
    ),
    (
        "klines",
        {"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"},
        -1100,
        "Illegal characters found in parameter 'startTime'; legal range is '^[0-9]{1,20}$'.",
    ),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "endTime": ""}, -1105, "Parameter 'endTime' was empty."),
    (
        "klines",
        {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"},
        -1130,
        "Data sent for parameter 'limit' is not valid.",
    ),
    (
        "klines",
        {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "15"},
        -1130,
        "Data sent for parameter 'timeZone' is not valid.",
    ),
    (
        "klines",
        {"symbol": "BTCUSDT", "interval": "1m", "size": "3"},
        -1104,
        "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
    ),
    (
        "ticker/price",
        {"symbol": "BTCUSDT", "symbols": '["ETHUSDT"]'},
        -1128,
        "Combination of optional parameters invalid.",
    ),
    ("ticker/price", {"symbols": '["BTCUSDT","NOPE"]'}, -1121, "Invalid symbol."),
    ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151, "Symbol is present multiple times in the list."),
    (
        "ticker/price",
        {"symbol": "VENBTC", "symbolStatus": "TRADING"},
        -1220,
        "The symbol's status does not match the requested symbolStatus.",
    ),
    ("ticker/24hr", {"symbol": "BTCUSDT", "type": "HUGE"}, -1139, "Invalid ticker type."),
    ("exchangeInfo", {"symbolStatus": "SLEEPING"}, -1122, "Invalid symbolStatus."),
    (
        "exchangeInfo",
        {"symbol": "BTCUSDT", "permissions": "SPOT"},
        -1128,
        "Combination of optional parameters invalid.",
    ),
]


@pytest.mark.parametrize(("path", "params", "code", "msg"), REFUSALS)
def test_refusals(path: str, params: dict[str, str], code: int, msg: str) -> None:
    """A bad parameter is 400 with the documented code and text, and costs weight like any request."""
    answer = ask(world(), f"{API}/{path}", **params)
    assert answer.status == 400
    assert json.loads(answer.body) == {"code": code, "msg": msg}
    assert int(answer.headers["x-mbx-used-weight-1m"]) > 0


def test_a_parameter_sent_twice_and_a_list_that_is_none() -> None:
    """A repeated parameter is -1101; symbols that are not a JSON list are -1100."""
    asked = world()
    twice = asked.answer("GET", f"{API}/ticker/price", "symbol=BTCUSDT&symbol=ETHUSDT", {})
    assert json.loads(twice.body)["code"] == -1101
    assert json.loads(ask(asked, f"{API}/ticker/price", symbols="BTCUSDT,ETHUSDT").body)["code"] == -1100


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("ping", {}, 1),
        ("exchangeInfo", {}, 20),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m"}, 2),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {}, 4),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
        ("ticker/24hr", {"symbols": json.dumps([f"X{n}" for n in range(21)])}, 40),
        ("ticker/24hr", {}, 80),
    ],
)
def test_used_weight_rises_and_resets(path: str, params: dict[str, Any], weight: int) -> None:
    """The header counts the weight of this minute and begins again with the next."""
    asked = world()
    ask(asked, f"{API}/ping")
    assert ask(asked, f"{API}/{path}", **params).headers["x-mbx-used-weight-1m"] == str(1 + weight)
    clock_of(asked).advance(minutes=1)
    assert ask(asked, f"{API}/{path}", **params).headers["x-mbx-used-weight-1m"] == str(weight)


def test_more_than_the_limit_is_429_and_going_on_is_418() -> None:
    """Above 6000 a minute the answer is 429 until the minute ends; who goes on is banned, longer each time."""
    asked = world()
    for _ in range(75):
        assert ask(asked, f"{API}/ticker/24hr", symbols=json.dumps([f"X{n}" for n in range(101)])).status == 400
    limited = ask(asked, f"{API}/ping")
    assert limited.status == 429
    assert json.loads(limited.body)["code"] == -1003
    assert limited.headers["retry-after"] == "53"
    statuses = [ask(asked, f"{API}/ping").status for _ in range(21)]
    assert statuses == [429] * 19 + [418] * 2
    banned = ask(asked, f"{API}/ping")
    assert banned.headers["retry-after"] == "120"
    assert json.loads(banned.body)["msg"].startswith(
        f"Way too much request weight used; IP banned until {NOW + 120_000}."
    )
    clock_of(asked).advance(seconds=121)
    assert ask(asked, f"{API}/ping").status == 200


def test_unknown_paths_and_methods() -> None:
    """What the vendor does not have is 404, what it does not do is 405, both as HTML."""
    asked = world()
    assert ask(asked, f"{API}/ticker/tradingDay").status == 404
    assert ask(asked, "/nowhere").status == 404
    assert asked.answer("POST", f"{API}/ping", "", {}).status == 405
