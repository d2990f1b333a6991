"""The API's routes as data: adding one is adding a row. Every other path is a 404 that never reaches a function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Weight = Literal["open", "read", "bulk"]
"""How much a request may cost: `open` needs no API key, `bulk` answers pages of thousands of rows."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path below the API's stage."""

    path: str
    weight: Weight
    method: str = "GET"

    @property
    def needs_key(self) -> bool:
        """Whether the gateway asks for an API key."""
        return self.weight != "open"


STAGE_NAME = "api"
"""The API Gateway stage: URLs read https://<host>/api/v1/…"""

_READS = (
    Route(path="/v1/health", weight="open"),
    Route(path="/v1/ready", weight="open"),
    Route(path="/v1/openapi.json", weight="open"),
    Route(path="/v1/docs", weight="open"),
    Route(path="/v1/docs/{file}", weight="open"),
    Route(path="/v1/symbols", weight="read"),
    Route(path="/v1/symbols/{symbol}", weight="read"),
    Route(path="/v1/prices", weight="read"),
    Route(path="/v1/prices/{symbol}", weight="read"),
    Route(path="/v1/prices/{symbol}/history", weight="bulk"),
    Route(path="/v1/convert", weight="read"),
    Route(path="/v1/sources", weight="read"),
    Route(path="/v1/candles", weight="bulk"),
    Route(path="/v1/candles/{symbol}", weight="bulk"),
)

ROUTES = _READS + tuple(replace(route, method="HEAD") for route in _READS)
"""HEAD goes wherever GET does (RFC 9110, section 9.3.2)."""
