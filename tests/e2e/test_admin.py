"""POST /symbols, PATCH/DELETE /symbols/{symbol}, through the gateway: who may, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from local.admin_api import machine_token
from local.client import ApiClient
from local.processes import LocalError
from local.smoke_admin import AdminClient, add, archived, deactivate, fetch, wait_for_price
from local.stack import LocalStack
from marketflow.domain.access import ADMIN_SCOPE, KEYS_SCOPE, METRICS_SCOPE
from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e

CHANGES = (
    ("POST", "/symbols", {"symbol": "TRXUSDT", "source": "binance", "base_currency": "TRX", "quote_currency": "USDT"}),
    ("PATCH", "/symbols/BTCUSDT", {"name": "Mine now"}),
    ("PATCH", "/symbols/NOSUCHSYMBOL", {"name": "Mine now"}),
    ("DELETE", "/symbols/BTCUSDT", None),
    ("DELETE", "/symbols/NOSUCHSYMBOL", None),
)


@pytest.fixture
def admin(stack: LocalStack) -> Iterator[AdminClient]:
    """A client with a token for the admin scope."""
    with AdminClient(stack, token=machine_token(stack.facts.aws_endpoint_url)) as client:
        yield client


def pair(base: str, quote: str = "USDT") -> dict[str, str]:
    """A pair of Binance to be added."""
    return {"symbol": base + quote, "source": "binance", "base_currency": base, "quote_currency": quote}


def test_post_patch_and_delete_symbols(stack: LocalStack, api: ApiClient, admin: AdminClient) -> None:
    """A new symbol is fetched with the next tick of the schedule, can be changed, and stays served when it ends."""
    tag = add(admin, api, pair("LTC"))
    price = wait_for_price(api, "LTCUSDT", alive=stack.check, seconds=100)
    assert (price["source"], price["currency"]) == ("binance", "USDT")
    # Not the few minutes since the last tick: a symbol that joins brings its past with it.
    assert wait_for(lambda: len(api.json("/candles/LTCUSDT", interval="1m", limit=1000)) > 500, seconds=60)

    changed = admin.must(200, "PATCH", "/symbols/LTCUSDT", {"name": "Litecoin / Tether"}, {"If-Match": tag})
    assert changed.json()["name"] == "Litecoin / Tether"
    shown = api.get("/symbols/LTCUSDT")
    assert (shown.text, shown.headers["etag"]) == (changed.text, changed.headers["etag"])
    assert admin.send("PATCH", "/symbols/LTCUSDT", {"name": "x"}, {"If-Match": tag}).json()["status"] == 412
    assert admin.send("PATCH", "/symbols/LTCUSDT", {"name": "x"}).json()["code"] == "precondition_required"

    deactivate(admin, stack, "LTCUSDT")
    assert api.json("/symbols/LTCUSDT")["active"] is False
    assert api.get("/prices/LTCUSDT").status_code == 200
    assert api.json("/candles/LTCUSDT", interval="1m", limit=5)
    admin.must(204, "DELETE", "/symbols/LTCUSDT")


def test_post_symbols_says_what_is_there_already(admin: AdminClient) -> None:
    """409 for the name, and for the source's spelling under another name."""
    for wanted, parameter in (
        (pair("BTC"), "symbol"),
        ({**pair("BTC"), "symbol": "XBT"}, "source_symbol"),
    ):
        problem = admin.must(409, "POST", "/symbols", wanted).json()
        assert (problem["code"], problem["parameter"]) == ("symbol_exists", parameter)


def test_post_symbols_of_a_source_that_publishes_once_a_day(
    stack: LocalStack, api: ApiClient, admin: AdminClient
) -> None:
    """A new pair of currencies does not wait for tomorrow's publication."""
    api.wait_for_prices(seconds=60, alive=stack.check)
    new = {"symbol": "EURJPY", "source": "exchangerate", "base_currency": "EUR", "quote_currency": "JPY"}
    admin.must(201, "POST", "/symbols", new)
    fetch(stack, "exchangerate")
    assert wait_for_price(api, "EURJPY", alive=stack.check)["currency"] == "JPY"


def test_post_symbols_of_a_stock_in_pence(stack: LocalStack, api: ApiClient, admin: AdminClient) -> None:
    """Yahoo quotes in pence; what is served is pounds."""
    new = {
        "symbol": "VOD.L",
        "source": "yahoo",
        "quote_currency": "GBP",
        "price_unit": "GBp",
        "exchange": "XLON",
        "timezone": "Europe/London",
        "name": "Vodafone",
    }
    admin.must(201, "POST", "/symbols", new)
    fetch(stack, "yahoo")
    price = wait_for_price(api, "VOD.L", alive=stack.check)
    assert price["currency"] == "GBP"
    assert 0.1 < price["price"] < 10


def test_post_symbols_that_the_source_does_not_know(stack: LocalStack, api: ApiClient, admin: AdminClient) -> None:
    """Its first call fails for all; each is then asked for alone, so that no other symbol misses the tick."""
    new = pair("NOSUCHCOIN")
    admin.must(201, "POST", "/symbols", new)
    before = datetime.fromisoformat(api.json("/prices/ETHUSDT")["as_of"])
    others = archived(stack, "binance", "ETHUSDT")
    fetch(stack, "binance")
    assert archived(stack, "binance", "ETHUSDT") > others
    wait_for(lambda: datetime.fromisoformat(api.json("/prices/ETHUSDT")["as_of"]) > before, seconds=60)
    assert api.get(f"/prices/{new['symbol']}").json()["code"] == "price_not_found"
    admin.must(204, "DELETE", f"/symbols/{new['symbol']}")


@pytest.mark.parametrize("credential", ["none", "key", "broken", "scope"])
def test_post_patch_and_delete_symbols_are_for_admins(stack: LocalStack, credential: str) -> None:
    """Whoever may not is told so in the same words, whether there is such a symbol or not."""
    headers = {
        "none": {},
        "key": {"x-api-key": stack.facts.api_key},
        "broken": {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
        "scope": {"Authorization": f"Bearer {machine_token(stack.facts.aws_endpoint_url, scope='marketflow/keys')}"},
    }[credential]
    told = set()
    for method, path, body in CHANGES:
        answer = httpx.request(
            method,
            f"{stack.facts.api_url}{path}",
            json=body,
            headers={"If-Match": "*", **headers},
            timeout=20,
            trust_env=False,
        )
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        told.add((answer.status_code, problem["code"], problem["detail"]))
    assert len(told) == 1
    assert told.pop()[0] in ((401,) if credential != "scope" else (401, 403))


def test_a_scraper_reads_numbers_and_nothing_else(stack: LocalStack) -> None:
    """Its token opens /metrics; no other token but an admin's does, and this one opens no other path."""
    url, endpoint = f"{stack.facts.api_url}/metrics", stack.facts.aws_endpoint_url
    token = machine_token(endpoint, scope=METRICS_SCOPE, client="ScraperClientId")
    with AdminClient(stack, token=token) as scraper:
        assert "marketflow_schema_current 1.0" in scraper.must(200, "GET", "/metrics").text
        scraper.must(401, "DELETE", "/symbols/BTCUSDT")
        scraper.must(401, "GET", "/keys")
    for scope, status in ((KEYS_SCOPE, 401), (ADMIN_SCOPE, 401), (METRICS_SCOPE, 200)):
        with AdminClient(stack, token=machine_token(endpoint, scope=scope)) as machine:
            machine.must(status, "GET", "/metrics")
    with pytest.raises(LocalError):
        machine_token(endpoint, scope=ADMIN_SCOPE, client="ScraperClientId")
    assert httpx.get(url, headers={"x-api-key": stack.facts.api_key}, trust_env=False).status_code == 401
