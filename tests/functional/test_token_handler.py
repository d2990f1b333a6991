"""What the token function puts into access tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.token.handler import handler
from marketflow.domain.access import ADMIN_GROUP, ADMIN_SCOPE, KEYS_SCOPE, METRICS_SCOPE

pytestmark = pytest.mark.functional

EVENT = Path(__file__).parent.parent.parent / "events" / "cognito_pre_token.json"


def token(groups: list[str] | None) -> dict[str, Any]:
    """What the function says of a member of `groups`."""
    event = json.loads(EVENT.read_text())
    event["request"]["groupConfiguration"]["groupsToOverride"] = groups
    answer: dict[str, Any] = handler(event, None)["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"]
    return answer


def test_an_admin_gets_the_admin_scope() -> None:
    """By the group, not by asking for it."""
    assert token([ADMIN_GROUP, "others"]) == {
        "scopesToAdd": [ADMIN_SCOPE, KEYS_SCOPE, METRICS_SCOPE],
        "scopesToSuppress": [],
    }


@pytest.mark.parametrize("groups", [[], None, ["others"], ["Admins"]])
def test_everybody_else_loses_it(groups: list[str] | None) -> None:
    """Also a client that was allowed to ask for it; own keys are open to all who signed in."""
    assert token(groups) == {"scopesToAdd": [KEYS_SCOPE], "scopesToSuppress": [ADMIN_SCOPE, METRICS_SCOPE]}
