"""The API's routes as data: adding one is adding a row. Every other path is a 404 that never reaches a function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Weight = Literal["open", "read", "bulk", "manage"]
"""How much a request may cost: `open` is for everybody, `bulk` answers thousands of rows, `manage` changes things."""

Access = Literal["open", "key", "user", "admin", "metrics"]
"""What a request must bring: nothing, an API key, or an access token with the scope of people, admins or scrapers."""

SCOPES: dict[Access, str] = {
    "user": "marketflow/keys",
    "admin": "marketflow/admin",
    "metrics": "marketflow/metrics",
}

FUNCTIONS: dict[Access, str] = {"open": "api", "key": "api", "user": "keys", "admin": "admin", "metrics": "api"}
"""The function that answers, by its name without the stage's prefix."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path below the API's stage."""

    path: str
    weight: Weight
    method: str = "GET"
    access: Access = "key"

    @property
    def needs_key(self) -> bool:
        """Whether the gateway asks for an API key."""
        return self.access == "key"

    @property
    def scope(self) -> str | None:
        """The scope that the access token must have; None when no token is asked for."""
        return SCOPES.get(self.access)

    @property
    def function(self) -> str:
        """Who answers."""
        return FUNCTIONS[self.access]


STAGE_NAME = "api"
"""The API Gateway stage: URLs read https://<host>/api/v1/…"""

_READS = (
    Route(path="/v1/health", weight="open", access="open"),
    Route(path="/v1/ready", weight="open", access="open"),
    Route(path="/v1/openapi.json", weight="open", access="open"),
    Route(path="/v1/docs", weight="open", access="open"),
    Route(path="/v1/docs/{file}", weight="open", access="open"),
    Route(path="/v1/metrics", weight="open", access="metrics"),
    Route(path="/v1/symbols", weight="read"),
    Route(path="/v1/symbols/{symbol}", weight="read"),
    Route(path="/v1/symbols/{symbol}/actions", weight="bulk"),
    Route(path="/v1/prices", weight="read"),
    Route(path="/v1/prices/{symbol}", weight="read"),
    Route(path="/v1/prices/{symbol}/history", weight="bulk"),
    Route(path="/v1/convert", weight="read"),
    Route(path="/v1/sources", weight="read"),
    Route(path="/v1/candles", weight="bulk"),
    Route(path="/v1/candles/{symbol}", weight="bulk"),
    Route(path="/v1/coverage/{symbol}", weight="bulk"),
)

_USERS = (
    Route(path="/v1/keys", method="POST", weight="manage", access="user"),
    Route(path="/v1/keys", weight="manage", access="user"),
    Route(path="/v1/keys/{id}", method="PATCH", weight="manage", access="user"),
    Route(path="/v1/keys/{id}", method="DELETE", weight="manage", access="user"),
    Route(path="/v1/keys/{id}/rotate", method="POST", weight="manage", access="user"),
    Route(path="/v1/keys/{id}/usage", weight="manage", access="user"),
)

_ADMINS: tuple[Route, ...] = (
    Route(path="/v1/symbols", method="POST", weight="manage", access="admin"),
    Route(path="/v1/symbols/{symbol}", method="PATCH", weight="manage", access="admin"),
    Route(path="/v1/symbols/{symbol}", method="DELETE", weight="manage", access="admin"),
    Route(path="/v1/backfills", weight="manage", method="POST", access="admin"),
    Route(path="/v1/backfills", weight="manage", access="admin"),
    Route(path="/v1/backfills/{backfill}", weight="manage", access="admin"),
    Route(path="/v1/replays", weight="manage", method="POST", access="admin"),
    Route(path="/v1/replays/{replay}", weight="manage", access="admin"),
    Route(path="/v1/redrives", weight="manage", method="POST", access="admin"),
)

_TABLE = _READS + _USERS + _ADMINS

ROUTES = _TABLE + tuple(replace(route, method="HEAD") for route in _TABLE if route.method == "GET")
"""HEAD goes wherever GET does (RFC 9110, section 9.3.2)."""
