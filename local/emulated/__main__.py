"""MiniStack with what it lacks: started in its place, by the interpreter of its own environment.

MiniStack counts each key's requests for its quota and has no way to ask for the count: it answers GetUsage
(`GET /usageplans/{id}/usage`) with the plan. Here it answers from its own counter. It keeps one count a key, from the
first request of a period of 24 hours on, and no history: all of it is today's, and every earlier day has none. A quota
of AWS is for the day in UTC.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html

Nor does it tell a function the API key that it found good, as API Gateway does in `requestContext.identity`, for a
method that needs one:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html

And it evaluates what is done to a log stream by the name of its group, where AWS takes the stream's, which is what the
`:*` at the end of a granted group stands for:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

# The folder of the package in place of this file's own, whose names are no packages of anybody's.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from ministack.app import main  # type: ignore[import-not-found]  # noqa: E402 - it lives in an environment of its own, and is found only now
from ministack.core import iam_actions  # type: ignore[import-not-found]  # noqa: E402 - the same
from ministack.services import apigateway_v1 as gateway  # type: ignore[import-not-found]  # noqa: E402 - the same

from local.emulated import resource_types  # noqa: E402 - found only now

_handle_request = gateway.handle_request
_build_event = gateway._build_lambda_event_v1
_resource_arn = iam_actions.extract_resource_arn


async def handle_request(method: str, path: str, headers: Any, body: Any, query: dict[str, Any]) -> Any:  # noqa: ANN401 - MiniStack has no types
    """GetUsage, and everything else as MiniStack answers it."""
    match [part for part in path.split("/") if part]:
        case ["usageplans", plan_id, "usage"] if method == "GET":
            return usage(plan_id, query)
    return await _handle_request(method, path, headers, body, query)


def usage(plan_id: str, query: dict[str, Any]) -> Any:  # noqa: ANN401 - the same
    """Pairs of used and remaining requests for each day, by key."""
    plan = gateway._usage_plans.get(plan_id)
    if not plan:
        return gateway._v1_error("NotFoundException", "Invalid Usage Plan identifier specified", 404)
    start, end = (date.fromisoformat(gateway._qp(query, name)) for name in ("startDate", "endDate"))
    keys = gateway._usage_plan_keys.get(plan_id, {})
    wanted = gateway._qp(query, "keyId")
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    limit = int((plan.get("quota") or {}).get("limit", 0))
    used = {key: [used_on(plan_id, key, day) for day in days] for key in keys if wanted in (None, key)}
    values = {key: [[count, max(limit - count, 0)] for count in counts] for key, counts in used.items()}
    told = {"usagePlanId": plan_id, "startDate": start.isoformat(), "endDate": end.isoformat()}
    # On the wire the items are called `values`; the AWS SDKs rename them.
    return gateway._v1_response({**told, "values": values})


def used_on(plan_id: str, key_id: str, day: date) -> int:
    """The counter of the running period, as today's."""
    used, since = gateway._quota_state.get((plan_id, key_id), (0, 0.0))
    over = time.time() - since >= gateway._QUOTA_PERIOD_SECONDS["DAY"]
    return 0 if over or day != datetime.now(UTC).date() else int(used)


def build_event(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the same
    """The function's event, with the key in it."""
    event = _build_event(*arguments, **options)
    resource, _, method, headers = arguments[3:7]
    if resource["resourceMethods"].get(method, {}).get("apiKeyRequired"):
        key = gateway._resolve_api_key(gateway._api_key_from_request(headers))
        event["requestContext"]["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
    return event


def resource_arn(service: str, *arguments: Any) -> str:  # noqa: ANN401 - the same
    """The ARN that a call's policies are evaluated for; of a log stream where the call names one."""
    found = str(_resource_arn(service, *arguments))
    stream = iam_actions._safe_json_field(arguments[3], "logStreamName") if service == "logs" else ""
    return f"{found}:log-stream:{stream}" if stream else found


gateway.handle_request = handle_request
iam_actions.extract_resource_arn = resource_arn
gateway._build_lambda_event_v1 = build_event
resource_types.install()
main()
