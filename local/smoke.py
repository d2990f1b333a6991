"""Proves in a minute that prices flow, and leaves nothing behind: `make smoke`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from local.client import ASSET_TYPES, ApiClient
from local.processes import LocalError
from local.settings import load_settings
from local.smoke_admin import check_admin
from local.smoke_history import check_restore, check_week
from local.smoke_user import check_user
from local.stack import LocalStack
from local.steps import Steps
from local.trial import trial

PRICES_SECONDS = 60.0
BURST = 80
BURST_WIDTH = 6
UNKNOWN = "NOSUCHSYMBOL"
PLAUSIBLE = {
    "BTCUSDT": (Decimal(1_000), Decimal(1_000_000)),
    "AAPL": (Decimal(10), Decimal(5_000)),
    "USDTRY": (Decimal(5), Decimal(500)),
}
"""Bounds for a symbol of each class: a shifted decimal point or a swapped pair falls outside."""


def check_prices(client: ApiClient, alive: Callable[[], None]) -> str:
    """Every active symbol of every class has a price above zero, and the well-known ones a plausible one."""
    found = client.wait_for_prices(seconds=PRICES_SECONDS, alive=alive, each=True)
    prices = {symbol: Decimal(item["price"]) for items in found.values() for symbol, item in items.items()}
    if bad := [f"{symbol} {price}" for symbol, price in prices.items() if price <= 0]:
        raise LocalError(f"Prices that are none: {', '.join(bad)}.")
    for symbol, (low, high) in PLAUSIBLE.items():
        if symbol in prices and not low < prices[symbol] < high:
            raise LocalError(f"{symbol} at {prices[symbol]} is not plausible: it should be between {low} and {high}.")
    return ", ".join(f"{len(found[kind])} {kind}" for kind in ASSET_TYPES)


def check_candles(client: ApiClient) -> str:
    """There are candles of a minute, newest first, each with its high above its low."""
    seen = []
    for kind in ("crypto", "stock"):
        symbol = client.symbols(kind)[0]
        candles = client.json(f"/candles/{symbol}", interval="1m", order="desc", limit=10)
        if not candles:
            raise LocalError(f"There is no candle of {symbol}.")
        if any(candle["high"] < candle["low"] for candle in candles):
            raise LocalError(f"A candle of {symbol} has its high below its low.")
        seen.append(f"{symbol} to {candles[0]['open_time']}")
    return ", ".join(seen)


def check_refusals(client: ApiClient) -> str:
    """A wrong key, no key and an unknown symbol are refused, each with a problem that says why."""
    answers = {
        "a wrong key": (client.with_key("not-the-key-of-anybody", "/symbols"), 403),
        "no key": (client.with_key(None, "/symbols"), 403),
        "an unknown symbol": (client.get(f"/prices/{UNKNOWN}"), 404),
    }
    for what, (answer, status) in answers.items():
        kind = answer.headers.get("content-type", "")
        if answer.status_code != status or not kind.startswith("application/problem+json"):
            raise LocalError(f"{what} got {answer.status_code} ({kind}), not a problem with status {status}.")
    return ", ".join(f"{what} {status}" for what, (_, status) in answers.items())


def check_burst(client: ApiClient) -> str:
    """More requests than the usage plan allows get 429, and after a pause the key works again."""
    with ThreadPoolExecutor(BURST_WIDTH) as pool:
        answers = list(pool.map(lambda _: client.once("/symbols", limit=1), range(BURST)))
    statuses = Counter(answer.status_code for answer in answers)
    if set(statuses) != {200, 429}:
        raise LocalError(f"{BURST} requests at once should get 200 until the plan's limit, then 429: {dict(statuses)}.")
    refused = next(answer for answer in answers if answer.status_code == 429)
    if not refused.headers.get("content-type", "").startswith("application/problem+json"):
        raise LocalError(f"The 429 is not a problem: {refused.text[:200]}")
    if (later := client.get("/symbols", limit=1)).status_code != 200:
        raise LocalError(f"Seconds after a burst the key is still refused: {later.status_code}.")
    return f"{statuses[429]} of {BURST} requests got 429, then 200 again"


def smoke(home: Path) -> str:
    """Start, check, stop. Raises LocalError that says what failed."""
    steps = Steps()
    settings = replace(load_settings(os.environ), home=home, sources="simulator", port=0)
    with LocalStack(settings=settings, steps=steps, disposable=True) as stack, ApiClient(stack.facts) as client:
        stack.fetch_now()
        with steps.step("Prices") as note:
            note.text = check_prices(client, stack.check)
        with steps.step("Candles") as note:
            note.text = check_candles(client)
        with steps.step("Refusals") as note:
            note.text = check_refusals(client)
        with steps.step("Burst") as note:
            note.text = check_burst(client)
        with steps.step("An operator's life") as note:
            note.text = check_admin(client, stack)
        with steps.step("A week of the past") as note:
            note.text = check_week(client, stack)
        check_user(stack.facts, steps)
        with steps.step("Restore") as note:
            note.text = check_restore(stack)
        stack.check()
    return "Prices flow."


def main() -> int:
    """Run the smoke test. Returns the exit code: 0 when all went well."""
    return trial("smoke", smoke)


if __name__ == "__main__":
    sys.exit(main())
