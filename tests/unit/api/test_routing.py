"""A path leads to one route or to none, and says which methods it has."""

from __future__ import annotations

from typing import Any

import pytest

from marketflow.api.contract import routes
from marketflow.api.messages import Request, Response
from marketflow.api.routing import Access, Route, Router
from tests.unit.api.market import Client

pytestmark = pytest.mark.unit


def route(path: str, method: str = "GET") -> Route:
    """A route that answers nothing."""

    def answer(request: Request, parameters: Any) -> Response:  # noqa: ANN401 - a handler's shape
        return Response()

    return Route(method=method, path=path, handler=answer, summary="Nothing.")


ROUTER = Router([route("/v1/a"), route("/v1/a", "POST"), route("/v1/a/{x}"), route("/v1/a/b"), route("/v1/a/{x}/c")])


@pytest.mark.parametrize(
    ("path", "found", "variables"),
    [
        ("/v1/a", "/v1/a", {}),
        ("/v1/a/", "/v1/a", {}),
        ("/v1/a/b", "/v1/a/b", {}),
        ("/v1/a/z", "/v1/a/{x}", {"x": "z"}),
        ("/v1/a/THYAO.IS", "/v1/a/{x}", {"x": "THYAO.IS"}),
        ("/v1/a/%5EGSPC", "/v1/a/{x}", {"x": "^GSPC"}),
        ("/v1/a/EURUSD=X", "/v1/a/{x}", {"x": "EURUSD=X"}),
        ("/v1/a/..%2F..%2Fetc", "/v1/a/{x}", {"x": "../../etc"}),
        ("/v1/a/z/c", "/v1/a/{x}/c", {"x": "z"}),
    ],
)
def test_a_path_is_found_with_its_variables(path: str, found: str, variables: dict[str, str]) -> None:
    """Literal beats variable, variables are decoded after the path was cut, a last slash does not matter."""
    match = ROUTER.match(path)
    assert match is not None
    assert match.routes["GET"].path == found
    assert match.variables == variables


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2/a", "/v1/a//c", "/v1/a/z/d", "v1/a", "/v1/a/b/c/d", "/V1/A"])
def test_a_path_without_a_route_is_found_nowhere(path: str) -> None:
    """There is no guessing of paths."""
    assert ROUTER.match(path) is None


def test_allow_lists_what_a_path_can_do() -> None:
    """HEAD comes with GET, OPTIONS with every path."""
    match = ROUTER.match("/v1/a")
    assert match is not None
    assert match.allow == "GET, HEAD, OPTIONS, POST"


def test_a_route_is_declared_once() -> None:
    """Two routes for one method and path are a mistake that nobody would find later."""
    with pytest.raises(ValueError, match="GET /v1/a is declared twice"):
        Router([route("/v1/a"), route("/v1/a")])


def test_only_what_tells_of_the_api_itself_needs_no_key() -> None:
    """Everything else is behind an API key or an access token."""
    assert {route.path for route in routes() if route.access is Access.OPEN} == {
        "/v1/health",
        "/v1/ready",
        "/v1/openapi.json",
        "/v1/docs",
        "/v1/docs/{file}",
    }


def test_routes_that_come_later_are_made_for_their_first_request() -> None:
    """Once, and for no other path: a cold start pays for the routes that are asked for."""
    made: list[str] = []

    def later() -> list[Route]:
        made.append("/v1/b")
        return [route("/v1/b"), route("/v1/b/{x}")]

    router = Router([route("/v1/a")], {"/v1/b": later})
    assert router.match("/v1/a") is not None
    assert made == []
    assert router.match("/v1/b/1/2") is None
    for path in ("/v1/b", "/v1/b/1"):
        assert router.match(path) is not None
    assert made == ["/v1/b"]


def test_the_read_api_has_each_of_its_routes() -> None:
    """Those that come later are found under the paths that the documentation gives them."""
    client = Client()
    for known in routes():
        if known.access in {Access.OPEN, Access.KEY}:
            found = client.app._router.match(known.path)
            assert found is not None, known.path
            assert known.method in found.routes, known.path
