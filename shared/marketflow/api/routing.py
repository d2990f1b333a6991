"""Routes as data, and the way from a method and a path to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

from pydantic import BaseModel

from marketflow.api.lifecycle import Deprecation
from marketflow.api.messages import Response
from marketflow.api.parameters import NoParameters
from marketflow.api.problems import Problem
from marketflow.domain.access import ADMIN_SCOPE, KEYS_SCOPE, METRICS_SCOPE


class Access(Enum):
    """Who may call a route; the gateway checks it before the request gets here.

    `USER`, `ADMIN` and `METRICS` need an access token of the user pool with the scope of that name in `SCOPES`.
    """

    OPEN = "open"
    KEY = "key"
    USER = "user"
    ADMIN = "admin"
    METRICS = "metrics"


SCOPES = {Access.USER: KEYS_SCOPE, Access.ADMIN: ADMIN_SCOPE, Access.METRICS: METRICS_SCOPE}
"""The OAuth scope that opens a route; cdk/routes.py gives the gateway the same, and a test compares the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route, declared once: the router, the documentation and the tests all read this.

    `path` is a template below the stage, such as `/v1/prices/{symbol}`; `parameters` names what the path and the query
    may hold. `body` is the model of a JSON body, which the handler then gets as its third argument; without it a body
    is refused. `problems` are the codes that the route adds to those that every route has. Every answer of a
    `deprecated` route says so. What is not `documented` is for people's browsers, and no part of the OpenAPI document.
    """

    method: str
    path: str
    handler: Callable[..., Response]
    summary: str
    access: Access = Access.KEY
    parameters: type[NoParameters] = NoParameters
    body: type[BaseModel] | None = None
    problems: tuple[Problem, ...] = ()
    deprecated: Deprecation | None = None
    documented: bool = True


Later = Callable[[], Iterable[Route]]
"""Makes routes when they are first asked for."""


@dataclass(frozen=True, slots=True)
class Match:
    """A path that exists: the routes by method, and the values of the template's variables, decoded."""

    routes: dict[str, Route]
    variables: dict[str, str]

    @property
    def allow(self) -> str:
        """The Allow header: HEAD goes wherever GET does, OPTIONS everywhere."""
        methods = {*self.routes, "OPTIONS"} | ({"HEAD"} if "GET" in self.routes else set())
        return ", ".join(sorted(methods))


class Router:
    """Finds routes by path. A literal segment wins over a variable; a slash at the end makes no difference.

    `later` are routes that are made when a path begins with their key for the first time: importing what stands behind
    them would be a part of every cold start.
    """

    def __init__(self, routes: Iterable[Route], later: Mapping[str, Later] | None = None) -> None:
        self._literal: dict[str, dict[str, Route]] = {}
        self._templates: list[tuple[list[str], dict[str, Route]]] = []
        self._later = dict(later or {})
        self._add(routes)

    def _add(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is declared twice")
            methods[route.method] = route
        for path, methods in by_path.items():
            if "{" in path:
                self._templates.append((path.split("/"), methods))
            else:
                self._literal[path] = methods

    def match(self, path: str) -> Match | None:
        """What is at `path`, which is percent-encoded; None when nothing is."""
        path = path.rstrip("/")
        for prefix in [prefix for prefix in self._later if path.startswith(prefix)]:
            self._add(self._later.pop(prefix)())
        if (methods := self._literal.get(path)) is not None:
            return Match(methods, {})
        segments = path.split("/")
        for template, methods in self._templates:
            if len(template) == len(segments) and (variables := _variables(template, segments)) is not None:
                return Match(methods, variables)
        return None


def _variables(template: list[str], segments: list[str]) -> dict[str, str] | None:
    variables = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if not segment:
                return None
            variables[expected[1:-1]] = unquote(segment)
        elif expected != segment:
            return None
    return variables
