"""Which web pages may read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

from collections.abc import Iterable

from marketflow.api.messages import Request

EXPOSED = (
    "Content-Disposition, Deprecation, ETag, Link, Location, RateLimit-Policy, Retry-After, Sunset, X-Adjustment, "
    "X-Request-Id"
)
"""The headers that a page's script may see beside the few that every script may."""


class Cors:
    """Lets the pages of `origins` read; `*` stands for all, and without any nothing is said. No cookies are involved.

    The gateway answers the preflight request, the answer itself has to say it again.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def headers(self, request: Request) -> dict[str, str]:
        """The headers for the answer to `request`; where it depends on the Origin, caches are told."""
        if "*" in self._origins:
            return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
        if not self._origins:
            return {}
        origin = request.headers.get("origin", "")
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
