"""A route that goes says so in each answer and in the document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from marketflow.api.app import App
from marketflow.api.lifecycle import Deprecation
from marketflow.api.messages import Request, Response
from marketflow.api.openapi import document
from marketflow.api.parameters import SymbolsParameters
from marketflow.api.problems import Problem
from marketflow.api.routing import Access, Route
from marketflow.errors import RetryLaterError
from tests.unit.api.market import Answer, FakeLog, event

pytestmark = pytest.mark.unit

LINK = "https://example.com/instead"
GOING = Deprecation(
    since=datetime(2026, 12, 1, tzinfo=UTC),
    sunset=datetime(2027, 6, 1, 2, 0, tzinfo=timezone(timedelta(hours=2))),
    link=LINK,
)
OURS = f'<{LINK}>; rel="deprecation"; type="text/html", <{LINK}>; rel="sunset"; type="text/html"'
NEXT = '</v1/symbols?cursor=x>; rel="next"'


def route(deprecated: Deprecation | None, *, failure: Exception | None = None) -> Route:
    """GET /v1/symbols, with a next page, or failing."""

    def answer(request: Request, parameters: Any) -> Response:  # noqa: ANN401 - a handler's shape
        if failure is not None:
            raise failure
        return Response(body="[]", headers={"Link": NEXT})

    return Route(
        method="GET",
        path="/v1/symbols",
        handler=answer,
        summary="Lists symbols.",
        access=Access.KEY,
        parameters=SymbolsParameters,
        problems=(Problem.INVALID_CURSOR,),
        deprecated=deprecated,
    )


def ask(route: Route, method: str = "GET", headers: dict[str, str] | None = None, **query: list[str]) -> Answer:
    """The answer to one request."""
    return Answer(App([route], log=FakeLog())(event("/v1/symbols", method=method, query=query, headers=headers)))


def test_an_answer_tells_since_when_until_when_and_where_to_read_more() -> None:
    """RFC 9745 has a number of seconds, RFC 8594 a date of HTTP, in UTC; the link to the next page stays."""
    got = ask(route(GOING)).headers
    assert got["Deprecation"] == "@1796083200"
    assert got["Sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
    assert got["Link"] == f"{NEXT}, {OURS}"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, lambda: ask(route(GOING), method="HEAD")),
        (304, lambda: ask(route(GOING), headers={"If-None-Match": "*"})),
        (400, lambda: ask(route(GOING), nonsense=["1"])),
        (503, lambda: ask(route(GOING, failure=RetryLaterError("gone")))),
        (500, lambda: ask(route(GOING, failure=KeyError("unexpected")))),
    ],
    ids=["HEAD", "not modified", "refused", "not now", "our fault"],
)
def test_every_kind_of_answer_tells_it(status: int, answer: Any) -> None:  # noqa: ANN401 - a function without arguments
    """Who only ever meets problems learns of it too."""
    got = answer()
    assert got.status == status
    assert {"Deprecation", "Sunset"} <= got.headers.keys()
    assert got.headers["Link"].endswith(OURS)


def test_a_route_that_stays_says_nothing() -> None:
    """The headers belong to the deprecated route alone."""
    assert not ask(route(None)).headers.keys() & {"Deprecation", "Sunset"}


def test_the_document_marks_the_operation_and_names_the_headers() -> None:
    """Tools strike it through; every response may carry the headers."""
    written = document([route(GOING)], version="1")
    assert not [error.message for error in OpenAPIV31SpecValidator(written).iter_errors()]
    operation = written["paths"]["/v1/symbols"]["get"]
    assert operation["deprecated"] is True
    assert all({"Deprecation", "Sunset", "Link"} <= one["headers"].keys() for one in operation["responses"].values())
    assert "deprecated" not in document([route(None)], version="1")["paths"]["/v1/symbols"]["get"]


def test_a_route_may_not_go_before_it_is_deprecated() -> None:
    """RFC 9745 section 4."""
    with pytest.raises(ValueError, match="sunset 2026-11-01T00:00:00\\+00:00 comes before since"):
        Deprecation(since=datetime(2026, 12, 1, tzinfo=UTC), sunset=datetime(2026, 11, 1, tzinfo=UTC), link=LINK)


def test_a_time_needs_its_offset() -> None:
    """A day begins at another moment everywhere."""
    naive = datetime(2026, 12, 1)  # noqa: DTZ001 - the mistake
    with pytest.raises(ValueError, match="offset"):
        Deprecation(since=naive, sunset=naive, link=LINK)
