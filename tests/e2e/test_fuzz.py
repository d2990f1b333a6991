"""A short run of what `make fuzz` does for long: requests made up from the API's own description."""

from __future__ import annotations

import pytest

from local.client import ApiClient
from local.fuzz import Credentials, Outcome, fuzz, unlimited_key
from local.stack import LocalStack

pytestmark = pytest.mark.e2e

EXAMPLES = 3
SEED = 20261123


def told(outcome: Outcome) -> str:
    """What was found, each with a curl line."""
    return outcome.log.read_text(encoding="utf-8")


def test_made_up_reads_get_what_the_description_promises(stack: LocalStack, api: ApiClient) -> None:
    """No 5xx, no status, header or body that is not documented, no nonsense accepted.

    What changes things is left to `make fuzz`, which has a deployment of its own.
    """
    api.wait_for_prices(seconds=60, alive=stack.check)
    credentials = Credentials(api_key=unlimited_key(stack))
    outcome = fuzz(stack, "reads", credentials, examples=EXAMPLES, seed=SEED, options=["--include-method", "GET"])
    assert outcome.good, told(outcome)
    assert outcome.cases > 300


def test_made_up_requests_without_a_credential_learn_nothing(stack: LocalStack) -> None:
    """The gateway refuses each with a documented problem, whether what it asks for exists or not."""
    outcome = fuzz(stack, "strangers", Credentials(), examples=EXAMPLES, seed=SEED)
    assert outcome.good, told(outcome)
    assert outcome.cases > 300
