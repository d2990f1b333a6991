"""API keys in API Gateway itself: nothing of them is kept anywhere else.

https://docs.aws.amazon.com/apigateway/latest/api/API_ApiKey.html. `customerId` is the owner. What API Gateway has no
field for (plan, last characters) stands as JSON in the description, so that a list needs neither values nor a request
for each key. A key without it was made by somebody else and is none of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Plan
from marketflow.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigateway.type_defs import ApiKeyTypeDef

PAGE = 500
LAST_CHARACTERS = 4
MISSING = "NotFoundException"
BUSY = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException"})


class GatewayKeys:
    """The keys of the usage plans `plan_ids`. Every method raises ServiceUnavailableError when AWS cannot answer."""

    def __init__(self, *, client: APIGatewayClient, plan_ids: Mapping[Plan, str]) -> None:
        self._client = client
        self._plan_ids = plan_ids

    def create(self, *, owner: str, name: str, plan: Plan, value: str) -> ApiKey:
        """Make the key and put it on its plan. One that got no further than the first step opens nothing."""
        description = json.dumps({"plan": plan, "last4": value[-LAST_CHARACTERS:]})
        with _explained("make an API key"):
            made = self._client.create_api_key(
                name=name, description=description, enabled=True, value=value, customerId=owner
            )
            self._client.create_usage_plan_key(usagePlanId=self._plan_ids[plan], keyId=made["id"], keyType="API_KEY")
        key = _key(made)
        if key is None:
            raise ServiceUnavailableError("API Gateway did not keep what the key was made with.")
        return key

    def of(self, owner: str) -> list[ApiKey]:
        """The owner's keys. AWS is asked for them alone, and what it answers is looked through all the same."""
        with _explained("list API keys"):
            pages = self._client.get_paginator("get_api_keys").paginate(
                customerId=owner, includeValues=False, PaginationConfig={"PageSize": PAGE}
            )
            keys = [_key(item, with_value=False) for page in pages for item in page.get("items", [])]
        return [key for key in keys if key is not None and key.owner == owner]

    def get(self, key_id: str) -> ApiKey | None:
        """One key with its value, whoever owns it; None for the operator's, which has no owner."""
        with _explained("read an API key"):
            try:
                return _key(self._client.get_api_key(apiKey=key_id, includeValue=True))
            except ClientError as error:
                if _code(error) == MISSING:
                    return None
                raise

    def rename(self, key_id: str, name: str) -> None:
        """Give the key another name."""
        with _explained("rename an API key"):
            self._client.update_api_key(
                apiKey=key_id, patchOperations=[{"op": "replace", "path": "/name", "value": name}]
            )

    def delete(self, key_id: str) -> None:
        """Revoke the key; its place on the plan goes with it."""
        with _explained("revoke an API key"):
            try:
                self._client.delete_api_key(apiKey=key_id)
            except ClientError as error:
                if _code(error) != MISSING:
                    raise

    def usage(self, key: ApiKey, *, first: date, last: date) -> dict[date, tuple[int, int]]:
        """Requests used and remaining by day, as GetUsage counts them: pairs in the order of the days from `first`."""
        days: list[tuple[int, int]] = []
        with _explained("read the usage of an API key"):
            pages = self._client.get_paginator("get_usage").paginate(
                usagePlanId=self._plan_ids[key.plan],
                keyId=key.id,
                startDate=first.isoformat(),
                endDate=last.isoformat(),
            )
            for page in pages:
                days += [(pair[0], pair[1]) for pair in page.get("items", {}).get(key.id, [])]
        return {first + timedelta(days=number): pair for number, pair in enumerate(days)}


def _key(item: ApiKeyTypeDef | Mapping[str, Any], *, with_value: bool = True) -> ApiKey | None:
    """The key that AWS tells of; None for one that this service did not make."""
    try:
        facts = json.loads(item.get("description") or "")
        plan, last4 = Plan(facts["plan"]), str(facts["last4"])
    except (ValueError, KeyError, TypeError):
        return None
    if not (owner := item.get("customerId")):
        return None
    return ApiKey(
        id=item["id"],
        owner=owner,
        name=item["name"],
        plan=plan,
        created_at=item["createdDate"].astimezone(UTC),
        last4=last4,
        value=item.get("value") if with_value else None,
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say in our words that AWS is busy or out of reach; any other refusal is a fault of ours and goes on as it is."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if _code(error) in BUSY or status == 429 or status >= 500:
            raise ServiceUnavailableError(f"API Gateway did not {what}: {_code(error)}.") from error
        raise
    except BotoCoreError as error:
        raise ServiceUnavailableError(f"API Gateway did not {what}: {type(error).__name__}.") from error
