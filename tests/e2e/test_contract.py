"""Every route that is there, through the gateway: one test a row of the contract's table, named after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.client import ApiClient
from local.stack import LocalStack
from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def prices(stack: LocalStack, api: ApiClient) -> None:
    """Every class has prices."""
    api.wait_for_prices(seconds=60, alive=stack.check)


def test_get_health_and_ready(api: ApiClient) -> None:
    """The API is alive, its database reachable and its schema current."""
    assert api.get("/health").status_code == 200
    ready = api.json("/ready")
    assert (ready["status"], ready["migrations"]["current"]) == ("ready", True)


def test_get_openapi(api: ApiClient) -> None:
    """The document that is served is the one in the repository."""
    committed = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert api.get("/openapi.json").json() == json.loads(committed.read_text(encoding="utf-8"))


def test_get_symbols(api: ApiClient) -> None:
    """The seeds are listed page by page, each once; the next page is in the Link header."""
    answer = api.get("/symbols", limit=20)
    seen = [one["symbol"] for one in answer.json()]
    while "next" in answer.links:
        answer = api.get(answer.links["next"]["url"])
        seen += [one["symbol"] for one in answer.json()]
    assert len(seen) == len(set(seen)) >= 36


def test_get_symbol(api: ApiClient) -> None:
    """One symbol is found by its name and by its number."""
    by_name = api.json("/symbols/THYAO.IS")
    assert by_name["quote_currency"] == "TRY"
    assert api.json(f"/symbols/{by_name['id']}") == by_name


def test_get_actions_of_a_symbol(stack: LocalStack, api: ApiClient) -> None:
    """A stock's dividends are listed with their ex-dates, page by page; a pair has none, an unknown name is a 404."""
    found = wait_for(lambda: api.json("/symbols/AAPL/actions", kind="dividend"), seconds=60, alive=stack.check)
    assert all(one["amount"] > 0 and one["currency"] == "USD" and one["source"] == "yahoo" for one in found)
    dates = [one["ex_date"] for one in found]
    assert dates == sorted(set(dates), reverse=True)
    first = api.get("/symbols/AAPL/actions", kind="dividend", limit=1)
    (second,) = api.get(first.links["next"]["url"]).json()
    assert [first.json()[0]["ex_date"], second["ex_date"]] == dates[:2]
    assert api.json("/symbols/BTCUSDT/actions") == []
    assert api.get("/symbols/NOPE/actions").json()["code"] == "symbol_not_found"


def test_get_candles_with_an_adjustment(stack: LocalStack, api: ApiClient) -> None:
    """Less the dividends since, old prices are lower and the newest as they were; the answer says what it is."""
    wait_for(lambda: api.json("/symbols/AAPL/actions"), seconds=60, alive=stack.check)
    query = {"interval": "1d", "order": "asc", "limit": 1000}
    raw, adjusted = (api.get("/candles/AAPL", adjustment=kind, **query) for kind in ("raw", "all"))
    assert (raw.headers["X-Adjustment"], adjusted.headers["X-Adjustment"]) == ("raw", "all")
    assert adjusted.json()[0]["close"] < raw.json()[0]["close"]
    assert adjusted.json()[-1]["open_time"] == raw.json()[-1]["open_time"]
    file = api.get("/candles/AAPL", interval="1d", adjustment="split", format="csv")
    assert 'filename="AAPL-1d-split.csv"' in file.headers["Content-Disposition"]
    refused = api.get("/candles/BTCUSDT", interval="1m", adjustment="all")
    assert (refused.status_code, refused.json()["parameter"]) == (400, "adjustment")


def test_get_candles_as_known_at(api: ApiClient) -> None:
    """The past has no forming candle and nothing that was first seen later; a time to come is refused."""
    (oldest,) = api.json("/candles/BTCUSDT", interval="1m", order="asc", limit=1)
    then = datetime.now(UTC) - timedelta(seconds=1)
    known = api.json("/candles/BTCUSDT", interval="1m", limit=50, as_known_at=then.isoformat())
    assert known
    assert all(candle["final"] for candle in known)
    assert api.json("/candles/BTCUSDT", interval="1m", as_known_at=oldest["open_time"]) == []
    later = (then + timedelta(hours=1)).isoformat()
    refused = api.get("/candles/BTCUSDT", interval="1m", as_known_at=later)
    assert (refused.status_code, refused.json()["parameter"]) == (400, "as_known_at")


def test_get_prices(api: ApiClient) -> None:
    """A list of symbols gives an item for each; an unknown one is an item with a problem."""
    known, unknown = api.json("/prices", symbols="BTCUSDT,NOSUCHSYMBOL")
    assert known["source"] == "binance"
    assert unknown["problem"]["status"] == 404


def test_get_price_and_its_history(api: ApiClient) -> None:
    """The latest price is the newest of the observations."""
    history = api.json("/prices/USDTRY/history", order="desc", limit=1)
    assert history[0]["price"] == api.json("/prices/USDTRY")["price"]


def test_get_candles_of_one_symbol(api: ApiClient) -> None:
    """Candles come in the order that was asked for, and the newest of a running market is not final."""
    candles = api.json("/candles/BTCUSDT", interval="1m", order="desc", limit=50)
    times = [candle["open_time"] for candle in candles]
    assert times == sorted(times, reverse=True)
    assert all(candle["final"] for candle in candles[2:])


def test_get_candles_of_an_interval_that_no_source_gives(api: ApiClient) -> None:
    """Hours are rolled up from minutes: the highest minute of an hour is the hour's high."""
    hours = api.json("/candles/BTCUSDT", interval="1h", order="desc", limit=3)
    start, end = hours[1]["open_time"], hours[0]["open_time"]
    minutes = api.json("/candles/BTCUSDT", interval="1m", order="asc", start=start, end=end)
    assert (len(minutes), hours[1]["final"]) == (60, True)
    assert hours[1]["high"] == max(minute["high"] for minute in minutes)
    assert (hours[1]["open"], hours[1]["close"]) == (minutes[0]["open"], minutes[-1]["close"])
    assert hours[1]["volume"] == sum(minute["volume"] for minute in minutes)


def test_get_candles_of_several_symbols(api: ApiClient) -> None:
    """Several symbols share one answer, and each candle says whose it is."""
    start = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    candles = api.json("/candles", symbols="BTCUSDT,ETHUSDT", interval="1m", start=start, limit=2000)
    assert {candle["symbol"] for candle in candles} == {"BTCUSDT", "ETHUSDT"}


def test_get_coverage(stack: LocalStack, api: ApiClient) -> None:
    """What was fetched is complete; what was never asked for is a gap that says so; the newest come by themselves."""
    final = [one for one in api.json("/candles/SOLUSDT", interval="1m", order="desc", limit=5) if one["final"]]
    fetched = api.json("/coverage/SOLUSDT", interval="1m", end=final[0]["open_time"])
    assert fetched["expected"] == fetched["present"] > 900
    assert (fetched["complete"], fetched["gaps"]) == (True, [])
    first = datetime.fromisoformat(fetched["start"])
    earlier = api.json("/coverage/SOLUSDT", interval="1m", start=(first - timedelta(hours=1)).isoformat())
    assert earlier["gaps"][0] == {
        "start": (first - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": fetched["start"],
        "missing": 60,
        "reason": "not_fetched",
        "repair": {"state": "on_request", "tries": 0},
    }
    assert all(gap["repair"]["state"] == "automatic" for gap in earlier["gaps"][1:])
    wait_for(lambda: api.json("/coverage/THYAO.IS", interval="1d")["present"] > 200, seconds=60, alive=stack.check)
    days = api.json("/coverage/THYAO.IS", interval="1d")
    assert days["missing"] <= 1  # the day that ended while nobody fetched
    assert api.json("/coverage/USDCAD", interval="1d")["missing"] == 0


def test_get_convert(api: ApiClient) -> None:
    """Bitcoin becomes lira over known pairs, and every leg says its rate, its time and its source."""
    answer = api.json("/convert", **{"from": "BTC", "to": "TRY", "amount": "2"})
    assert answer["legs"][0]["from"] == "BTC"
    assert answer["legs"][-1]["to"] == "TRY"
    assert all(leg["source"] for leg in answer["legs"])
    assert answer["result"] > answer["rate"] > 0


def test_get_sources(api: ApiClient) -> None:
    """Each source says how fresh it is and on what terms its data may be used."""
    sources = {one["source"]: one for one in api.json("/sources")}
    assert set(sources) == {"binance", "yahoo", "exchangerate", "ecb"}
    assert all(one["terms_url"].startswith("https://") and one["attribution"] for one in sources.values())
    assert datetime.fromisoformat(sources["binance"]["last_success_at"]) < datetime.now(UTC)
