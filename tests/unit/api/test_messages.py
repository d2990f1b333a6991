"""Requests are read from proxy events as they are, and answers carry validators that are true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.messages import Request, Response
from tests.unit.api.market import event

pytestmark = pytest.mark.unit


def request(**changes: object) -> Request:
    """A request for /v1/prices, with changes to its event."""
    return Request.from_event({**event("/v1/prices"), **changes}, base_path="/api")


def test_a_stage_in_the_path_is_not_part_of_the_route() -> None:
    """A custom domain may leave the stage in `path`; the route is the same, the public path keeps it."""
    plain, mapped = request(), request(path="/api/v1/prices")
    assert plain.path == mapped.path == "/v1/prices"
    assert plain.public_path == mapped.public_path == "/api/v1/prices"


def test_a_path_that_only_begins_like_the_stage_is_left_alone() -> None:
    """`/apiary` is not the stage `/api`."""
    assert request(path="/apiary/v1").path == "/apiary/v1"


def test_single_value_parameters_serve_when_there_are_no_lists() -> None:
    """`sam local` and hand-made events may carry queryStringParameters alone."""
    got = request(multiValueQueryStringParameters=None, queryStringParameters={"symbols": "A"})
    assert got.query == {"symbols": ["A"]}


def test_an_event_with_the_least_can_be_read() -> None:
    """Only the method and the path are needed; a missing context gives an unknown request id."""
    got = Request.from_event({"httpMethod": "get", "path": "/v1/health"}, base_path="/api")
    assert (got.method, got.path, got.id, got.origin, got.query) == ("GET", "/v1/health", "unknown", "", {})


@pytest.mark.parametrize(
    ("host", "proto", "origin"),
    [
        ("api.example.com", "https", "https://api.example.com"),
        ("marketflow.execute-api.localhost:4566", None, "http://marketflow.execute-api.localhost:4566"),
        ("[::1]:4566", "http", "http://[::1]:4566"),
        ('evil.example>; rel="next", <x', "https", ""),
        ("", "https", ""),
        ("api.example.com", "javascript", "http://api.example.com"),
    ],
)
def test_the_origin_is_a_host_or_nothing(host: str, proto: str | None, origin: str) -> None:
    """A Host header that is no host is not repeated into a Link header."""
    headers = {"Host": host} | ({"X-Forwarded-Proto": proto} if proto else {})
    assert request(headers=headers).origin == origin


def test_a_url_keeps_the_query_and_replaces_one_parameter() -> None:
    """The next page's URL is this page's with another cursor; commas and colons stay readable."""
    got = request(
        multiValueQueryStringParameters={"symbols": ["A,B"], "cursor": ["old"], "start": ["2026-01-01T00:00:00+03:00"]}
    )
    assert got.url_with("cursor", "new") == (
        "https://api.example.com/api/v1/prices?symbols=A,B&start=2026-01-01T00:00:00%2B03:00&cursor=new"
    )


def test_a_url_without_a_known_host_is_relative() -> None:
    """RFC 8288 allows a relative reference."""
    assert request(headers=None).url_with("cursor", "x") == "/api/v1/prices?cursor=x"


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        ("/api/v1/prices/%", "/api/v1/prices/%25"),
        ("/a/%2", "/a/%252"),
        ("/a/%C3%9F", "/a/%C3%9F"),
        ("/a/ß", "/a/%C3%9F"),
    ],
)
def test_a_path_is_a_uri_reference_whatever_the_gateway_decoded(path: str, reference: str) -> None:
    """RFC 3986 has a percent sign only before two hexadecimal digits."""
    assert request(requestContext={"path": path}).reference == reference


def test_a_good_answer_has_a_strong_entity_tag_and_none_of_a_problem() -> None:
    """The tag names the bytes of a 200; problems have none and are not stored."""
    tags = [Response(body=body).for_gateway(request())["headers"]["ETag"] for body in ("[1]", "[1]", "[2]")]
    assert tags[0] == tags[1] != tags[2]
    assert not tags[0].startswith("W/")
    problem = Response(status=404, body="{}").for_gateway(request())["headers"]
    assert "ETag" not in problem
    assert problem["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", ["{tag}", 'W/{tag}, "other"', '"other",{tag}', "*"])
def test_a_client_that_has_the_answer_gets_304(form: str) -> None:
    """If-None-Match compares weakly and takes lists; 304 repeats the validators and has no body and no type."""
    answer = Response(body="[1]", cache_control="private, no-cache")
    tag = answer.for_gateway(request())["headers"]["ETag"]
    again = answer.for_gateway(request(headers={"if-none-match": form.format(tag=tag)}))
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == tag
    assert again["headers"]["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in again["headers"]


def test_a_client_with_another_version_gets_the_body() -> None:
    """A tag that does not match changes nothing."""
    got = Response(body="[1]").for_gateway(request(headers={"If-None-Match": '"stale"'}))
    assert (got["statusCode"], got["body"]) == (200, "[1]")


def test_head_has_the_headers_of_get_and_no_body() -> None:
    """HEAD answers the same headers, the entity tag included."""
    answer = Response(body="[1]", headers={"Link": "<x>"})
    got, head = answer.for_gateway(request()), answer.for_gateway(request(httpMethod="HEAD"))
    assert head["body"] == ""
    assert head["headers"] == got["headers"]


@given(st.text())
def test_any_query_text_can_be_put_into_a_url(text: str) -> None:
    """Whatever a client sends, the URL of the next page is ASCII without spaces or brackets."""
    url = request(multiValueQueryStringParameters={text: [text]}, path=f"/v1/{text}").url_with("cursor", "x")
    assert url.isascii()
    assert not set(url) & set(' <>"\r\n')
