"""`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): how often a key may ask, in every answer to it."""

from __future__ import annotations

from collections.abc import Mapping

from marketflow.api.messages import Request
from marketflow.domain.plans import Limits, plan_of

HEADER = "RateLimit-Policy"
DAY_SECONDS = 86_400


def policy(limits: Limits) -> str:
    """The header's value. A token bucket has no window: `burst` is its size, a parameter of our own beside `rate`."""
    return f'"rate";q={limits.rate};w=1;burst={limits.burst}, "quota";q={limits.quota_per_day};w={DAY_SECONDS}'


class RateLimits:
    """Tells each key the limits of its plan, which its value names; `plans` are those of the deployment."""

    def __init__(self, plans: Mapping[str, Limits]) -> None:
        self._policies = {plan: policy(limits) for plan, limits in plans.items()}

    def headers(self, request: Request) -> dict[str, str]:
        """The header for the answer to `request`; none without a key, or for a plan that nobody told of."""
        if request.api_key is None or (told := self._policies.get(plan_of(request.api_key))) is None:
            return {}
        return {HEADER: told}
