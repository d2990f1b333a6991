"""How a route says that it goes: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime

from marketflow.api.messages import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """From `since` on nobody should begin to use the route, and after `sunset` it may be gone.

    Both times have an offset; whole seconds count. `link` is the URL of a page that tells what to use instead. Raises
    ValueError for a time without an offset and, as RFC 9745 section 4 asks, for a sunset that comes before `since`.
    """

    since: datetime
    sunset: datetime
    link: str

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.sunset.tzinfo is None:
            raise ValueError("since and sunset need their offset from UTC, such as tzinfo=UTC")
        if self.sunset < self.since:
            raise ValueError(f"sunset {self.sunset.isoformat()} comes before since {self.since.isoformat()}")

    def headers(self, given: Mapping[str, str]) -> dict[str, str]:
        """The headers `given` and those of this deprecation; links that are there stay."""
        ours = ", ".join(f'<{self.link}>; rel="{relation}"; type="text/html"' for relation in ("deprecation", "sunset"))
        return {
            **given,
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset.astimezone(UTC), usegmt=True),
            "Link": f"{given['Link']}, {ours}" if "Link" in given else ours,
        }

    def mark(self, answer: Response) -> Response:
        """The answer with these headers."""
        return replace(answer, headers=self.headers(answer.headers))
