"""What `make verify` does with a deployment, against the one that runs here."""

from __future__ import annotations

import pytest

from local.aws.verify import walk
from local.client import ApiClient
from local.steps import Steps

pytestmark = pytest.mark.e2e


def test_a_deployment_that_works_is_verified(api: ApiClient) -> None:
    """Ready, every source, prices, and keys that are checked."""
    steps = Steps(quiet=True)
    walk(api, steps)
    assert list(steps.taken) == ["Ready", "Sources", "Prices", "Refusals"]
