"""The API as one callable: a proxy event in, a proxy answer out, and a line in the log for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from marketflow.api import bodies, parameters, problems
from marketflow.api.cors import Cors
from marketflow.api.cursors import Cursors
from marketflow.api.limits import RateLimits
from marketflow.api.messages import Request, Response
from marketflow.api.problems import Problem
from marketflow.api.routes import ReadRoutes
from marketflow.api.routing import Later, Match, Route, Router
from marketflow.domain.plans import Limits, plan_of
from marketflow.errors import CatalogUnavailableError, RefusedError, RetryLaterError, ServiceUnavailableError
from marketflow.services.market_data import MarketData

if TYPE_CHECKING:
    from marketflow.api.metrics_routes import Gauges
    from marketflow.services.convert import Converter
    from marketflow.services.coverage import Coverages


class Log(Protocol):
    """What the API needs of a logger; the standard library's and Powertools' both have it."""

    def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write a line with these fields."""
        ...

    def exception(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write a line with these fields and the exception that is being handled."""
        ...


class App:
    """Answers proxy events by `routes`.

    `cors_origins` may read the answers from their web pages. `base_path` is the gateway's stage as it shows in public
    paths. `plans` are the limits of each plan, which every answer to a key tells.
    """

    def __init__(
        self,
        routes: Router | Iterable[Route],
        *,
        log: Log,
        cors_origins: Iterable[str] = (),
        plans: Mapping[str, Limits] | None = None,
        base_path: str = "/api",
    ) -> None:
        self._router = routes if isinstance(routes, Router) else Router(routes)
        self._cors = Cors(cors_origins)
        self._limits = RateLimits(plans or {})
        self._log = log
        self._base_path = base_path

    def __call__(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG002 - Lambda's
        """The answer to one API Gateway event; whatever goes wrong, it is an answer."""
        started = time.perf_counter()
        request = Request.from_event(event, base_path=self._base_path)
        match = self._match(request)
        route = next(iter(match.routes.values())).path if match else "none"
        answer = self._answer(request, match).for_gateway(request)
        answer["headers"].update(self._cors.headers(request) | self._limits.headers(request))
        milliseconds = (time.perf_counter() - started) * 1000
        self._log.info(
            "request",
            extra={
                "correlation_id": request.id,
                **({"caller": request.caller.subject} if request.caller else {}),
                **({"plan": plan_of(request.api_key)} if request.api_key is not None else {}),
                "method": request.method,
                "path": request.path,
                "route": route,
                "status": answer["statusCode"],
                "milliseconds": round(milliseconds, 2),
                "bytes": len(answer["body"]),
            },
        )
        return answer

    def _match(self, request: Request) -> Match | None:
        """What is at the path. The gateway sends methods that a path does not have to this function or another."""
        match = self._router.match(request.path)
        if match is not None and (request.method in match.routes or request.method == "HEAD"):
            return match
        # Only an odd request pays for knowing the routes of the other functions.
        from marketflow.api.contract import routes  # noqa: PLC0415

        return Router(routes()).match(request.path)

    def _answer(self, request: Request, match: Match | None) -> Response:
        if match is None:
            return Problem.PATH_NOT_FOUND.response(request, "There is nothing at this path.")
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": match.allow})
        route = match.routes.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            detail = f"{request.method[:20]} is not possible here; allowed: {match.allow}."
            return Problem.METHOD_NOT_ALLOWED.response(request, detail, headers={"Allow": match.allow})
        response = self._run(route, request, match)
        return response if route.deprecated is None else route.deprecated.mark(response)

    def _run(self, route: Route, request: Request, match: Match) -> Response:
        facts = {"correlation_id": request.id, "route": route.path}
        try:
            given = parameters.read(route.parameters, query=request.query, path=match.variables)
            if route.body is not None:
                return route.handler(request, given, bodies.read(route.body, request))
            bodies.refuse(request)
            return route.handler(request, given)
        except RefusedError as error:
            return problems.refused(request, error)
        except RetryLaterError as error:
            return self._not_now(request, error, facts)
        except Exception:  # noqa: BLE001 - the boundary: the client gets a problem, the log gets the cause
            self._log.exception("unexpected error", extra=facts)
            detail = "Something went wrong on our side. Please report the request_id."
            return Problem.INTERNAL_ERROR.response(request, detail)

    def _not_now(self, request: Request, error: RetryLaterError, facts: Mapping[str, object]) -> Response:
        """What to say of something behind this API that is out of reach for a while."""
        seconds = problems.RETRY_SECONDS
        if isinstance(error, CatalogUnavailableError):
            problem = Problem.CATALOG_UNAVAILABLE
            detail = f"Nothing was changed: the fetchers could not be told. Try again in {seconds} seconds."
        elif isinstance(error, ServiceUnavailableError):
            problem = Problem.SERVICE_UNAVAILABLE
            detail = f"A service behind this API cannot answer now; try again in {seconds} seconds."
        else:
            problem = Problem.DATABASE_UNAVAILABLE
            detail = f"The database cannot answer now; try again in {seconds} seconds."
        self._log.exception(problem.title.lower(), extra=facts)
        return problem.response(request, detail)


def build(  # noqa: PLR0913 - each is a fact of its own about a deployed API
    *,
    market_data: MarketData,
    converter: Callable[[], Converter],
    coverages: Callable[[], Coverages],
    gauges: Callable[[], Gauges],
    cursor_key: bytes,
    log: Log,
    cors_origins: Iterable[str] = (),
    plans: Mapping[str, Limits] | None = None,
) -> App:
    """The read API. `cursor_key` must be the same in every process of a deployment, and not be public.

    `converter`, `coverages` and `gauges` are made for the first request that needs them.
    """
    cursors = Cursors(cursor_key)
    later: dict[str, Later] = {
        "/v1/docs": _docs,
        "/v1/symbols/": lambda: _actions(market_data, cursors),
        "/v1/convert": lambda: _convert(converter()),
        "/v1/coverage/": lambda: _coverage(coverages()),
        "/v1/metrics": lambda: _metrics(gauges()),
    }
    router = Router(ReadRoutes(market_data=market_data, cursors=cursors).table(), later)
    return App(router, log=log, cors_origins=cors_origins, plans=plans)


def _docs() -> Iterable[Route]:
    from marketflow.api.docs.page import ROUTES  # noqa: PLC0415

    return ROUTES


def _actions(market_data: MarketData, cursors: Cursors) -> Iterable[Route]:
    from marketflow.api.actions import ActionRoutes  # noqa: PLC0415

    return ActionRoutes(market_data=market_data, cursors=cursors).table()


def _convert(converter: Converter) -> Iterable[Route]:
    from marketflow.api.convert_routes import ConvertRoutes  # noqa: PLC0415

    return ConvertRoutes(converter=converter).table()


def _coverage(coverages: Coverages) -> Iterable[Route]:
    from marketflow.api.coverage_routes import CoverageRoutes  # noqa: PLC0415

    return CoverageRoutes(coverages=coverages).table()


def _metrics(gauges: Gauges) -> Iterable[Route]:
    from marketflow.api.metrics_routes import MetricsRoutes  # noqa: PLC0415

    return MetricsRoutes(gauges=gauges).table()
