"""Proves that a deployed stage works, with AWS credentials alone: `make verify STAGE=dev`, as cd.yml does it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.deployed import Deployed, read_stage, reason, session
from local.client import ASSET_TYPES, ApiClient
from local.processes import LocalError
from local.smoke import check_refusals
from local.steps import Steps
from marketflow.sources.catalog import CATALOG

READY_SECONDS = 300.0
SOURCES_SECONDS = 900.0
"""A first deployment waits for the first tick of each source: the slowest ticks every ten minutes."""

PRICES_SECONDS = 60.0
POLL_SECONDS = 5.0
LOOKED_AT = 10
"""Symbols of a class of which one has to have a price: some may be gone at their source."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a deployment answers, and the operator's key for it."""

    api_url: str
    api_key: str


def address(deployed: Deployed) -> Address:
    """From the outputs of the stage's api stack."""
    told = deployed.outputs("api")
    key = deployed.client("apigateway").get_api_key(apiKey=told["ApiKeyId"], includeValue=True)
    return Address(api_url=f"{told['ApiUrl'].rstrip('/')}/v1", api_key=key["value"])


def patiently(check: Callable[[], str], *, seconds: float) -> str:
    """What `check` says once it is content. Raises LocalError with its last complaint after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except (LocalError, httpx.TransportError) as error:
            if time.monotonic() > deadline:
                raise LocalError(f"After {seconds:.0f} s: {error}") from error
        time.sleep(POLL_SECONDS)


def check_ready(client: ApiClient) -> str:
    """The database answers, at the revision that this code needs."""
    return f"revision {client.json('/ready')['migrations']['revision']}"


def check_sources(client: ApiClient) -> str:
    """Every source that has a schedule answered lately. How old its data is does not count: markets close."""
    scheduled = {source.name for source in CATALOG.values() if source.schedules}
    late = {
        source["source"]: source["last_error"] or "nothing yet"
        for source in client.json("/sources")
        if source["source"] in scheduled and not _answered(source)
    }
    if late:
        raise LocalError("; ".join(f"{name} delivers nothing: {why}" for name, why in late.items()))
    return ", ".join(sorted(scheduled))


def _answered(source: Mapping[str, Any]) -> bool:
    if source["last_success_at"] is None:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(source["last_success_at"])
    return age.total_seconds() <= int(source["freshness_target_seconds"])


def check_prices(client: ApiClient) -> str:
    """Every class that has active symbols has a price above zero, which also shows that the key works."""
    seen = []
    for kind in ASSET_TYPES:
        symbols = client.json("/symbols", asset_type=kind, active="true", limit=LOOKED_AT)
        if not symbols:
            continue
        names = ",".join(symbol["symbol"] for symbol in symbols)
        priced = [item for item in client.json("/prices", symbols=names) if item.get("price", 0) > 0]
        if not priced:
            raise LocalError(f"There is no price of {names}.")
        seen.append(f"{priced[0]['symbol']} {priced[0]['price']}")
    if not seen:
        raise LocalError("No symbol is active.")
    return ", ".join(seen)


def walk(client: ApiClient, steps: Steps) -> None:
    """Go through it as a consumer would. Raises LocalError that says what failed."""
    checks: dict[str, tuple[Callable[[ApiClient], str], float]] = {
        "Ready": (check_ready, READY_SECONDS),
        "Sources": (check_sources, SOURCES_SECONDS),
        "Prices": (check_prices, PRICES_SECONDS),
        "Refusals": (check_refusals, 0),
    }
    for name, (check, seconds) in checks.items():
        with steps.step(name) as note:
            note.text = patiently(partial(check, client), seconds=seconds)


def verify(deployed: Deployed, steps: Steps) -> str:
    """Prove that the stage works; the API's address. Raises LocalError that says what failed."""
    try:
        found = address(deployed)
    except (BotoCoreError, ClientError) as error:
        raise LocalError(f"AWS refused to answer: {reason(error)}") from error
    with ApiClient(found, trust_env=True) as client:
        walk(client, steps)
    return found.api_url


def main(arguments: Sequence[str]) -> int:
    """`arguments` name the stage. Returns the exit code: 0 when all went well."""
    try:
        stage = read_stage(arguments[0])
        print(f"{stage.name} works: {verify(Deployed(stage=stage, session=session()), Steps())}")
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
