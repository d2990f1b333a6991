"""The OpenAPI document is what the code does: generated, committed, valid, and true of the answers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.openapi import DOCUMENT, ROOT, SHIPPED, texts
from marketflow.api.answers import ANSWERS
from marketflow.api.contract import routes
from marketflow.api.openapi import codes, document
from marketflow.api.parameters import read
from marketflow.api.problems import Problem
from marketflow.api.refusals import DETAILS
from marketflow.api.routing import SCOPES, Access, Route
from marketflow.errors import RefusedError
from tests.documented import DOCUMENTED, check
from tests.unit.api.market import Client, FakeReader, event, minutes, pair

pytestmark = pytest.mark.unit

ROUTES = [route for route in routes() if route.documented]


def operations() -> list[dict[str, Any]]:
    """Every operation of the document."""
    return [operation for methods in DOCUMENTED["paths"].values() for operation in methods.values()]


def parameters(route: Route) -> list[dict[str, Any]]:
    """The documented parameters of a route that are its own."""
    entries = DOCUMENTED["paths"][route.path][route.method.lower()]["parameters"]
    return [one for one in entries if "name" in one]


def parameter(path: str, name: str) -> dict[str, Any]:
    """One parameter of a path's GET."""
    found = [one for one in DOCUMENTED["paths"][path]["get"]["parameters"] if one.get("name") == name]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize("path", [DOCUMENT, SHIPPED], ids=str)
def test_the_committed_document_is_what_the_code_generates(path: Path) -> None:
    """`make openapi` was run after the last change of the contract."""
    assert (ROOT / path).read_text(encoding="utf-8") == texts()[path], "run `make openapi` and commit what it writes"


def test_the_document_is_valid() -> None:
    """By the specification's own schema; references resolve, and operation ids are unique."""
    assert not [error.message for error in OpenAPIV31SpecValidator(DOCUMENTED).iter_errors()]


def test_every_route_is_documented_and_nothing_else() -> None:
    """Method and path of the table are those of the document."""
    documented = {(method.upper(), path) for path, methods in DOCUMENTED["paths"].items() for method in methods}
    assert documented == {(route.method, route.path) for route in ROUTES} == set(ANSWERS)


def test_a_route_without_a_description_is_refused() -> None:
    """Who adds a route is told where to describe it."""
    with pytest.raises(ValueError, match="GET /v1/new has no entry in"):
        document([replace(ROUTES[0], path="/v1/new")], version="1")


def test_every_parameter_of_a_path_is_declared_and_every_other_is_of_the_query() -> None:
    """What stands in braces is required."""
    for route in ROUTES:
        entries = parameters(route)
        inside = {one["name"] for one in entries if one["in"] == "path"}
        assert inside == {part[1:-1] for part in route.path.split("/") if part.startswith("{")}
        assert all(one["required"] and one["description"] for one in entries if one["in"] == "path")


def test_a_parameter_tells_its_form_its_default_and_its_bounds() -> None:
    """Nothing is null in a URL, lists have commas, and bounds have the names that JSON Schema gives them."""
    assert parameter("/v1/candles", "symbols") == {
        "name": "symbols",
        "in": "query",
        "description": "Up to 100 names with commas between them.",
        "required": True,
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[^,]+$", "maxLength": 40},
            "minItems": 1,
            "maxItems": 100,
            "examples": [["BTCUSDT", "AAPL"]],
        },
    }
    limit = parameter("/v1/symbols", "limit")
    assert (limit["required"], limit["schema"]) == (
        False,
        {"type": "integer", "default": 100, "minimum": 1, "maximum": 1000},
    )
    age = parameter("/v1/convert", "max_age_seconds")["schema"]
    assert age == {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    assert parameter("/v1/symbols", "asset_type")["schema"] == {"type": "string", "enum": ["crypto", "stock", "forex"]}


def test_every_example_of_a_parameter_is_accepted() -> None:
    """Who copies the examples gets no 400."""
    for route in ROUTES:
        entries = [one for one in parameters(route) if "examples" in one["schema"]]
        inside = {one["name"] for one in entries if one["in"] == "path"}
        # start and end share their examples, so only one of them is given.
        first = {one["name"]: one["schema"]["examples"][0] for one in entries if one["name"] != "end"}
        values = {name: ",".join(value) if isinstance(value, list) else value for name, value in first.items()}
        given_query = {name: [value] for name, value in values.items() if name not in inside}
        read(route.parameters, query=given_query, path={name: values[name] for name in inside})


@given(whole=st.integers(0, 10**25), places=st.integers(0, 3))
def test_an_amount_is_documented_as_it_is_accepted(whole: int, places: int) -> None:
    """The pattern lets through what the parser takes: above zero, plain, not too long."""
    text = f"{whole}{'.' if places else ''}{'0' * places}"
    pattern = parameter("/v1/convert", "amount")["schema"]["pattern"]
    model = next(route.parameters for route in ROUTES if route.path == "/v1/convert")
    try:
        read(model, query={"from": ["A"], "to": ["B"], "amount": [text]}, path={})
        accepted = True
    except RefusedError:
        accepted = False
    assert bool(re.search(pattern, text)) is accepted


def test_every_problem_has_an_example() -> None:
    """Each code of ours can be read about, with the status and title that it has."""
    assert set(DETAILS) == set(Problem)
    for code, example in DOCUMENTED["components"]["examples"].items():
        assert example["value"]["code"] == code
        assert set(DOCUMENTED["components"]["schemas"]["Problem"]["required"]) == set(example["value"])
    used = set(DOCUMENTED["components"]["examples"])
    # Only a method that is not documented answers this one.
    assert {problem.value for problem in Problem} - used == {"method_not_allowed"}


def test_routes_tell_of_the_credential_that_they_need_and_of_no_other() -> None:
    """The gateway asks nothing of an open path; it may throttle each."""
    for route in ROUTES:
        found = codes(route)
        needs_key = route.access is Access.KEY
        assert ("invalid_api_key" in found.get(403, [])) is needs_key
        assert ("quota_exceeded" in found[429]) is needs_key
        assert "throttled" in found[429]
        security = DOCUMENTED["paths"][route.path][route.method.lower()]["security"]
        scope = SCOPES.get(route.access)
        assert ("unauthorized" in found.get(401, [])) is (scope is not None)
        assert security == ([{"ApiKey": []}] if needs_key else [{"AccessToken": [scope]}] if scope else [])


def test_answers_to_a_key_tell_the_limits_of_its_plan() -> None:
    """All but the refusal of what is no key, and answers to anything else do not."""
    for route in ROUTES:
        responses = DOCUMENTED["paths"][route.path][route.method.lower()]["responses"]
        telling = {status for status, response in responses.items() if "RateLimit-Policy" in response["headers"]}
        assert telling == (responses.keys() - {"403"} if route.access is Access.KEY else set())


def test_every_post_takes_an_idempotency_key() -> None:
    """And says what it answers when the same key comes with another body, or too soon."""
    for route in ROUTES:
        operation = DOCUMENTED["paths"][route.path][route.method.lower()]
        names = [one.get("$ref", "").rpartition("/")[2] for one in operation["parameters"]]
        assert ("IdempotencyKey" in names) is (route.method == "POST")
        if route.method == "POST":
            assert {"idempotency_in_progress", "idempotency_mismatch"} <= {*codes(route)[409], *codes(route)[422]}
            assert "Retry-After" in operation["responses"]["409"]["headers"]


def test_the_document_is_served_as_it_was_generated() -> None:
    """Open to all, kept by caches, asked for again each time."""
    answer = Client().get("/v1/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert answer.json == DOCUMENTED
    again = Client().get("/v1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


VALUES = st.one_of(
    st.sampled_from(
        ["BTCUSDT", "NOPE", "1m", "1M", "BTC", "TRY", "USD", "0", "1", "string", "csv", "asc", "2026-01-31"]
    ),
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
    st.text(max_size=5),
)
NAMES = sorted({one["name"] for operation in operations() for one in operation["parameters"] if "name" in one})


@given(
    path=st.sampled_from(sorted(route.path for route in ROUTES if route.access in (Access.OPEN, Access.KEY))),
    symbol=st.sampled_from(["BTCUSDT", "NOPE", "%00"]),
    query=st.dictionaries(st.sampled_from([*NAMES, "other"]), st.lists(VALUES, min_size=1, max_size=2), max_size=4),
    failure=st.sampled_from([None, None, KeyError("unexpected")]),
    revision=st.sampled_from(["head", "old"]),
)
def test_every_refusal_is_one_that_the_document_names(
    path: str, symbol: str, query: dict[str, list[str]], failure: Exception | None, revision: str
) -> None:
    """Whatever is asked, the status and the code of a problem are among those of its route, and its body fits."""
    reader = FakeReader(candle_times={"BTCUSDT": minutes(2)}, failure=failure, revision=revision)
    reader.exchange = [pair("BTC", "USD", None), pair("ETH", "TRY", "5")]
    answer = Client(reader=reader).send(event(path.replace("{symbol}", symbol), query=query))
    if answer.status >= 400:
        check(path, answer)
