"""Proves that a deployed stage works, with AWS credentials alone: `make verify STAGE=dev`, as cd.yml does it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.client import ApiClient
from local.deployed import Deployed, read_stage, reason, session
from local.processes import LocalError
from local.smoke import check_candles, check_prices, check_refusals
from local.steps import Steps
from marketflow.sources.catalog import CATALOG

READY_SECONDS = 300.0
SOURCES_SECONDS = 900.0
"""A first deployment waits for the first tick of each source: the slowest ticks every ten minutes."""

POLL_SECONDS = 5.0


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


def wait_until_ready(client: ApiClient, *, seconds: float = READY_SECONDS) -> str:
    """Until the database answers at the revision that this code needs. Raises LocalError with the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = client.get("/ready")
            if answer.status_code == 200:
                return f"revision {answer.json()['migrations']['revision']}"
            trouble = f"{answer.status_code} {answer.text[:300]}"
        except httpx.TransportError as error:
            trouble = str(error)
        if time.monotonic() > deadline:
            raise LocalError(f"The API is not ready after {seconds:.0f} s: {trouble}")
        time.sleep(POLL_SECONDS)


def wait_for_sources(client: ApiClient, *, seconds: float = SOURCES_SECONDS) -> str:
    """Until every source that has a schedule delivered lately. Raises LocalError that names those that did not."""
    scheduled = {source.name for source in CATALOG.values() if source.schedules}
    deadline = time.monotonic() + seconds
    while True:
        late = {
            source["source"]: source["last_error"] or "nothing yet"
            for source in client.json("/sources")
            if source["source"] in scheduled and (source["last_success_at"] is None or source["stale"])
        }
        if not late:
            return ", ".join(sorted(scheduled))
        if time.monotonic() > deadline:
            said = "; ".join(f"{name}: {why}" for name, why in late.items())
            raise LocalError(f"Sources deliver nothing after {seconds:.0f} s: {said}")
        time.sleep(POLL_SECONDS)


def walk(client: ApiClient, steps: Steps) -> None:
    """Go through it as a consumer would. Raises LocalError that says what failed."""
    checks: dict[str, Callable[[], str]] = {
        "Ready": lambda: wait_until_ready(client),
        "Sources": lambda: wait_for_sources(client),
        "Prices": lambda: check_prices(client, lambda: None),
        "Candles": lambda: check_candles(client),
        "Keys": lambda: check_refusals(client),
    }
    for name, check in checks.items():
        with steps.step(name) as note:
            note.text = check()


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
