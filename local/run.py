"""Starts the whole pipeline on this machine and shows how it does until Ctrl-C: `make run`."""

from __future__ import annotations

import os
import sys

from local import interrupts
from local.client import ASSET_TYPES, ApiClient
from local.interrupts import Stopped
from local.processes import LocalError
from local.settings import load_settings
from local.stack import LocalStack, shown
from local.steps import Steps
from local.watch import watch

FIRST_PRICES_SECONDS = 60.0
DRAIN_SECONDS = 10.0
FAMOUS = ("BTCUSDT", "AAPL", "USDTRY")
"""What the examples ask for, unless it was deactivated."""


def introduction(stack: LocalStack, examples: dict[str, str]) -> str:
    """What a person needs to use the stack: the URL, the page to try it, the key, the logs, three requests to paste."""
    url, key = stack.facts.api_url, stack.facts.api_key
    crypto, stock, forex = (examples[kind] for kind in ASSET_TYPES)
    paths = (
        f"prices/{crypto}",
        f"candles/{stock}?interval=1m&order=desc&limit=5",
        f"prices?symbols={crypto},{stock},{forex}",
    )
    curls = "\n".join(f"  curl -H 'x-api-key: {key}' '{url}/{path}'" for path in paths)
    facts = f"API   {url}\nDocs  {url}/docs\nKey   {key}\nLogs  {shown(stack.home / 'logs')}"
    hint = "make token prints an access token, to make API keys with (README)."
    return f"\n{facts}\n\n{curls}\n\n{hint} Ctrl-C stops everything.\n"


def first_prices(stack: LocalStack) -> dict[str, str]:
    """A symbol of each class, once each has a price; a source that is in trouble is said, not waited for."""
    stack.fetch_now()
    with ApiClient(stack.facts) as client, stack.steps.step("First prices") as note:
        try:
            prices = client.wait_for_prices(seconds=FIRST_PRICES_SECONDS, alive=stack.check)
        except LocalError as error:
            stack.check()
            note.text = f"{error} The status below says why."
            return {kind: client.symbols(kind)[0] for kind in ASSET_TYPES}
        note.text = ", ".join(f"{len(found)} {kind}" for kind, found in prices.items())
    return {kind: next((name for name in FAMOUS if name in found), next(iter(found))) for kind, found in prices.items()}


def main() -> int:
    """Run until somebody stops it (exit code 0) or a part dies (1)."""
    interrupts.listen()
    stack: LocalStack | None = None
    try:
        settings = load_settings(os.environ)
        print("Starting MarketFlow on this machine", flush=True)
        with LocalStack(settings=settings, steps=Steps()) as stack:
            try:
                print(introduction(stack, first_prices(stack)), flush=True)
                watch(stack)
            except Stopped:
                print("\nStopping: the last messages go into the database …", flush=True)
                stack.drain(seconds=DRAIN_SECONDS)
                raise
            finally:
                interrupts.ignore()
    except Stopped:
        print("Stopped. What was gathered stays for the next run.", flush=True)
        return 0
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        if stack is not None:
            print("Everything else was stopped.", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
