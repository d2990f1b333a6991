"""The life of an operator, as `make smoke` walks it: a token, a new symbol, its prices, a change, an end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

from local.admin_api import machine_token
from local.client import ApiClient
from local.processes import LocalError
from local.stack import PREFIX, LocalStack
from marketflow.sources.catalog import CATALOG

NEW = {"symbol": "LTCUSDT", "source": "binance", "base_currency": "LTC", "quote_currency": "USDT"}
"""A pair that the simulator has and that no fresh installation fetches."""

FETCHED_SECONDS = 60.0


class AdminClient:
    """Requests below the API's URL with an access token; a context manager."""

    def __init__(self, stack: LocalStack, *, token: str | None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=stack.facts.api_url, headers=headers, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, whatever its status."""
        content = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        return self._http.request(method, path, content=content, headers={**kind, **(headers or {})})

    def must(
        self, status: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer. Raises LocalError when it has another status."""
        answer = self.send(method, path, body, headers)
        if answer.status_code != status:
            said = f"{answer.status_code} instead of {status}: {answer.text[:500]}"
            raise LocalError(f"{method} {path} answered {said}")
        return answer


def add(admin: AdminClient, api: ApiClient, symbol: Mapping[str, str]) -> str:
    """Add `symbol` and find it where the answer says; its entity tag."""
    made = admin.must(201, "POST", "/symbols", symbol)
    shown = api.get(made.headers["location"])
    if (shown.text, shown.headers["etag"]) != (made.text, made.headers["etag"]):
        raise LocalError(f"The new symbol is not what GET shows: {made.text} and {shown.text}")
    return made.headers["etag"]


def fetch(stack: LocalStack, source: str) -> None:
    """Run one tick of every schedule of `source`, to its end."""
    datasets = [dataset for schedule in CATALOG[source].schedules for dataset in schedule.datasets]
    answer = stack.client("lambda").invoke(
        FunctionName=f"{PREFIX}fetch-{source}", Payload=json.dumps({"version": 1, "datasets": datasets})
    )
    if "FunctionError" in answer:
        raise LocalError(f"The fetcher of {source} failed: {answer['Payload'].read().decode()[:500]}")


def wait_for_price(
    api: ApiClient, symbol: str, *, alive: Callable[[], None], seconds: float = FETCHED_SECONDS
) -> dict[str, Any]:
    """The latest price of `symbol`, once there is one. Raises LocalError when there is none in time."""
    deadline = time.monotonic() + seconds
    while (answer := api.get(f"/prices/{symbol}")).status_code != 200:
        alive()
        if time.monotonic() > deadline:
            raise LocalError(f"{symbol} has no price after {seconds:.0f} s: {answer.text[:300]}")
        time.sleep(0.5)
    price: dict[str, Any] = answer.json()
    return price


def archived(stack: LocalStack, source: str, symbol: str) -> set[str]:
    """The archived answers about one symbol."""
    pages = stack.client("s3").get_paginator("list_objects_v2")
    keys = pages.paginate(Bucket=stack.data_bucket(), Prefix=f"raw/source={source}/")
    return {item["Key"] for page in keys for item in page.get("Contents", []) if f"/symbol={symbol}/" in item["Key"]}


def change(admin: AdminClient, path: str, tag: str) -> None:
    """Change a symbol's name once; who does it again with what was known before is refused."""
    admin.must(428, "PATCH", path, {"name": "Litecoin / Tether"})
    admin.must(200, "PATCH", path, {"name": "Litecoin / Tether"}, {"If-Match": tag})
    admin.must(412, "PATCH", path, {"name": "Something else"}, {"If-Match": tag})


def deactivate(admin: AdminClient, stack: LocalStack, symbol: str) -> None:
    """Deactivate a symbol of Binance and see that the next tick leaves it out, but not the others."""
    admin.must(204, "DELETE", f"/symbols/{symbol}")
    # A tick that began before the change may still end after it.
    fetch(stack, "binance")
    before, others = archived(stack, "binance", symbol), archived(stack, "binance", "BTCUSDT")
    fetch(stack, "binance")
    if archived(stack, "binance", symbol) != before:
        raise LocalError(f"{symbol} was fetched after it was deactivated.")
    if archived(stack, "binance", "BTCUSDT") == others:
        raise LocalError("The tick after a deactivation fetched nothing.")


def check_admin(api: ApiClient, stack: LocalStack) -> str:
    """A token, a new symbol that is fetched and served, a change, a deactivation, and it is still served."""
    symbol = NEW["symbol"]
    with AdminClient(stack, token=machine_token(stack.facts.aws_endpoint_url)) as admin:
        tag = add(admin, api, NEW)
        fetch(stack, "binance")
        price = wait_for_price(api, symbol, alive=stack.check)
        change(admin, f"/symbols/{symbol}", tag)
        deactivate(admin, stack, symbol)
    if api.json(f"/symbols/{symbol}")["active"] or api.get(f"/prices/{symbol}").status_code != 200:
        raise LocalError(f"{symbol} should be inactive, and its price still be served.")
    return f"{symbol} added, fetched at {price['price']}, changed, deactivated, still served"
