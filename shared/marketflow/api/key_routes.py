"""The routes of a user's own API keys. The gateway has checked the access token and its scope before."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from marketflow.api.bodies import Body
from marketflow.api.idempotency import idempotency_key
from marketflow.api.json_text import compact
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import NoParameters
from marketflow.api.problems import Problem
from marketflow.api.routing import SCOPES, Access, Route
from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Plan
from marketflow.errors import MarketFlowError
from marketflow.services.keys import DEFAULT_DAYS, MOST_DAYS, Keys, Order, Use

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> date:
    try:
        if _DAY.fullmatch(str(value)):
            return date.fromisoformat(str(value))
    except ValueError:
        pass
    raise ValueError("expected a day, such as 2026-01-31")


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-01-31"]}, mode="validation"),
]
Name = Annotated[
    str,
    Field(
        pattern=r"^[!-~]([ -~]{0,62}[!-~])?$",
        description="1 to 64 printable ASCII characters, without blanks around them.",
        examples=["my dashboard"],
    ),
]


class NewKey(Body):
    """POST /v1/keys."""

    name: Name
    plan: Plan = Field(description="What the key may do in a second and a day; anybody may choose either.")


class KeyChange(Body):
    """PATCH /v1/keys/{id}."""

    name: Name


class KeyParameters(NoParameters):
    """The paths below /v1/keys/{id}."""

    id: str = Field(description="The key's id.", examples=["k1e2y3i4d5"])


class UsageParameters(KeyParameters):
    """GET /v1/keys/{id}/usage."""

    start: Day | None = Field(
        default=None, description=f"The first day in UTC; without it there are {DEFAULT_DAYS} days up to `end`."
    )
    end: Day | None = Field(
        default=None, description=f"The last day in UTC, included; without it today. At most {MOST_DAYS} days."
    )


class KeyRoutes:
    """The handlers; `table` is what the router, the documentation and the tests read."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def table(self) -> tuple[Route, ...]:
        """Every route."""
        busy = Problem.SERVICE_UNAVAILABLE
        mine = (Problem.KEY_NOT_FOUND, busy)
        return (
            Route(
                method="POST",
                path="/v1/keys",
                handler=self.create,
                summary="Makes an API key; its value is shown this once.",
                access=Access.USER,
                body=NewKey,
                problems=(Problem.KEY_NOT_FOUND, Problem.TOO_MANY_KEYS, busy),
            ),
            Route(
                method="GET",
                path="/v1/keys",
                handler=self.owned,
                summary="Your API keys, without their values.",
                access=Access.USER,
                problems=(busy,),
            ),
            Route(
                method="PATCH",
                path="/v1/keys/{id}",
                handler=self.rename,
                summary="Renames a key.",
                access=Access.USER,
                parameters=KeyParameters,
                body=KeyChange,
                problems=mine,
            ),
            Route(
                method="DELETE",
                path="/v1/keys/{id}",
                handler=self.revoke,
                summary="Revokes a key at once and for good.",
                access=Access.USER,
                parameters=KeyParameters,
                problems=mine,
            ),
            Route(
                method="POST",
                path="/v1/keys/{id}/rotate",
                handler=self.rotate,
                summary="Makes a key of the same name and plan, and revokes this one.",
                access=Access.USER,
                parameters=KeyParameters,
                problems=mine,
            ),
            Route(
                method="GET",
                path="/v1/keys/{id}/usage",
                handler=self.usage,
                summary="How many requests a key made on each day.",
                access=Access.USER,
                parameters=UsageParameters,
                problems=mine,
            ),
        )

    def create(self, request: Request, parameters: NoParameters, body: NewKey) -> Response:  # noqa: ARG002 - the shape
        """A new key, once with its value."""
        key = self._keys.create(_owner(request), name=body.name, plan=body.plan, order=_order(request))
        return Response(status=201, body=compact(_shown(key)))

    def owned(self, request: Request, parameters: NoParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """The caller's keys."""
        return Response(body=compact([_shown(key) for key in self._keys.owned(_owner(request))]))

    def rename(self, request: Request, parameters: KeyParameters, body: KeyChange) -> Response:
        """The key as it is now."""
        return Response(body=compact(_shown(self._keys.rename(_owner(request), parameters.id, name=body.name))))

    def revoke(self, request: Request, parameters: KeyParameters) -> Response:
        """Nothing is left to be said."""
        self._keys.revoke(_owner(request), parameters.id)
        return Response(status=204)

    def rotate(self, request: Request, parameters: KeyParameters) -> Response:
        """The key that takes the place of the old one, once with its value."""
        key = self._keys.rotate(_owner(request), parameters.id, order=_order(request))
        return Response(status=201, body=compact(_shown(key)))

    def usage(self, request: Request, parameters: UsageParameters) -> Response:
        """A day each."""
        days = self._keys.usage(_owner(request), parameters.id, start=parameters.start, end=parameters.end)
        return Response(body=compact([_used(day) for day in days]))


def _owner(request: Request) -> str:
    """The caller. Without one, or without the scope, the gateway is not set up as it should be: nobody gets in."""
    caller = request.caller
    if caller is None or SCOPES[Access.USER] not in caller.scopes:
        raise MarketFlowError("The gateway let a request for keys through without the scope that it needs.")
    return caller.subject


def _order(request: Request) -> Order:
    return Order(key=idempotency_key(request), payload=request.body or b"")


def _shown(key: ApiKey) -> dict[str, object]:
    """A key as the contract has it; `value` only where there is one to be shown."""
    shown: dict[str, object] = {
        "id": key.id,
        "name": key.name,
        "plan": key.plan.value,
        "created_at": key.created_at,
        "last4": key.last4,
    }
    return shown if key.value is None else {**shown, "value": key.value}


def _used(day: Use) -> dict[str, object]:
    return {"date": day.date.isoformat(), "used": day.used, "limit": day.limit, "remaining": day.remaining}
