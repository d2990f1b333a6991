"""GetUsage: what MiniStack's API Gateway lacks of usage plans.

MiniStack counts each key's requests for its quota and has no way to ask for the count: it answers GetUsage
(`GET /usageplans/{id}/usage`) with the plan. Here it answers from its own counter. It keeps one count a key, from the
first request of a period of 24 hours on, and no history: all of it is today's, and every earlier day has none. A quota
of AWS is for the day in UTC.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ministack.services import apigateway_v1 as gateway

_handle_request = gateway.handle_request


def install() -> None:
    """Answer GetUsage."""
    gateway.handle_request = handle_request


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
