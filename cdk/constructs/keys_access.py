"""What the function `keys` may do on API Gateway's control plane."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam


def grant_keys(role: iam.IRole, *, stack: Stack, plan_ids: Mapping[str, str]) -> None:
    """Let `role` make, list, read, rename and revoke API keys, put them on these plans and read their usage.

    API Gateway authorises by HTTP method and path. It chooses a key's id, so that a key cannot be named beforehand.
    """

    def at(path: str) -> str:
        return stack.format_arn(
            service="apigateway", account="", resource=f"/{path}", arn_format=ArnFormat.NO_RESOURCE_NAME
        )

    def allow(methods: tuple[str, ...], *paths: str) -> None:
        actions = [f"apigateway:{method}" for method in methods]
        role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[at(path) for path in paths]))

    allow(("GET", "POST"), "apikeys")
    allow(("DELETE", "GET", "PATCH"), "apikeys/*")
    allow(("POST",), *(f"usageplans/{plan}/keys" for plan in plan_ids.values()))
    allow(("GET",), *(f"usageplans/{plan}/usage" for plan in plan_ids.values()))
