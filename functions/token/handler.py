"""Puts the scopes of a person's groups into the access token that Cognito is about to sign, and takes away any other.

Trigger: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html (V2_0).
It runs for people only: what a machine gets is set at its app client.
"""

from __future__ import annotations

from typing import Any

from marketflow.domain.access import SCOPES, granted


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """The event with what is to change in its `response`."""
    scopes = granted(event["request"]["groupConfiguration"].get("groupsToOverride") or ())
    event["response"] = {
        "claimsAndScopeOverrideDetails": {
            "accessTokenGeneration": {
                "scopesToAdd": sorted(scopes),
                "scopesToSuppress": sorted(SCOPES - scopes),
            }
        }
    }
    return event
