"""Bodies of requests: what is read, and a clear refusal of everything else before anything is done with it."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from marketflow.api.app import App
from marketflow.api.bodies import MAX_BYTES, MAX_DEPTH, Body
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import NoParameters
from marketflow.api.routing import Access, Route
from tests.unit.api.market import Answer, FakeLog, event

pytestmark = pytest.mark.unit


class Wish(Body):
    """What the made-up route reads."""

    name: str = Field(max_length=10)
    amount: Decimal = Decimal(1)


def wished(request: Request, parameters: NoParameters, wish: Wish) -> Response:
    """Says what it understood."""
    subject = request.caller.subject if request.caller else "nobody"
    return Response(status=201, body=json.dumps([wish.name, str(wish.amount), subject]))


def nothing(request: Request, parameters: NoParameters) -> Response:
    """Takes no body."""
    return Response()


APP = App(
    [
        Route(method="POST", path="/v1/wishes", handler=wished, summary="", access=Access.USER, body=Wish),
        Route(method="GET", path="/v1/wishes", handler=nothing, summary=""),
    ],
    log=FakeLog(),
)


def post(body: str | None, *, headers: dict[str, str] | None = None, **members: Any) -> Answer:  # noqa: ANN401 - parts of an event
    """One POST with `body`."""
    sent = event("/v1/wishes", method="POST", headers={"Content-Type": "application/json", **(headers or {})})
    return Answer(APP({**sent, "body": body, **members}))


def test_a_body_is_read() -> None:
    """Numbers keep every digit, and who signed in is known."""
    sent = event("/v1/wishes", method="POST", headers={"content-type": "application/json; charset=utf-8"})
    claims = {"sub": "ann", "scope": "marketflow/keys openid"}
    sent["requestContext"]["authorizer"] = {"claims": claims}
    sent["body"] = '{"name": "ü", "amount": 0.10000000000000000000000000001}'
    answer = Answer(APP(sent))
    assert (answer.status, answer.json) == (201, ["ü", "0.10000000000000000000000000001", "ann"])
    assert "ETag" not in answer.headers


def test_a_body_may_come_as_base64() -> None:
    """The gateway encodes what it takes for binary."""
    answer = post(base64.b64encode(b'{"name": "a"}').decode(), isBase64Encoded=True)
    assert answer.status == 201


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (None, "The body is not JSON"),
        ("", "The body is not JSON"),
        ("{", "The body is not JSON"),
        ("[]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"name": NaN}', "NaN is no JSON number"),
        ('{"name": "a", "amount": Infinity}', "Infinity is no JSON number"),
        ('{"name": "a", "name": "b"}', "name is given more than once"),
        ('{"name": "a", "nmae": "b"}', "nmae is not a member"),
        ("{}", "name is required"),
        ('{"name": "a much too long name"}', "name: String should have at most 10 characters"),
        ('{"name": 7}', "name: expected a valid string"),
        ('{"name": "a", "amount": ' + "9" * 50 + "}", "A number of 50 digits"),
        ("[" * 1_000, "nested deeper"),
        ('{"name": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "nested deeper"),
    ],
)
def test_a_body_that_is_wrong_says_what(body: str | None, detail: str) -> None:
    """400 with the member, or the place."""
    answer = post(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_body")
    assert detail in answer.json["detail"]


def test_brackets_inside_a_text_are_no_depth() -> None:
    """Only structure counts, also behind an escaped quote."""
    assert post(json.dumps({"name": '"[[[[[[[['})).status == 201


def test_a_body_in_another_encoding_is_refused() -> None:
    """UTF-8 is what JSON is exchanged in (RFC 8259, section 8.1)."""
    answer = post(base64.b64encode('{"name": "ü"}'.encode("latin-1")).decode(), isBase64Encoded=True)
    assert (answer.status, answer.json["detail"]) == (400, "The body is not UTF-8 at byte 10.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
    ],
)
def test_another_media_type_is_refused(headers: dict[str, str]) -> None:
    """415, whatever the bytes are."""
    assert post('{"name": "a"}', headers=headers).json["code"] == "unsupported_media_type"


def test_a_body_that_is_too_large_is_not_parsed() -> None:
    """413 with the limit."""
    answer = post(json.dumps({"name": "a" * MAX_BYTES}))
    assert (answer.status, answer.json["code"]) == (413, "request_too_large")


def test_a_body_where_none_belongs_is_refused() -> None:
    """A GET with a body is a mistake: it would be ignored."""
    sent = {**event("/v1/wishes"), "body": "{}"}
    assert Answer(APP(sent)).json["code"] == "invalid_body"


@given(body=st.one_of(st.text(), st.recursive(st.none() | st.text(), st.lists, max_leaves=30).map(json.dumps)))
def test_no_body_is_too_odd_for_an_answer(body: str) -> None:
    """Whatever is sent, the answer is a success or a problem of the client's."""
    assert post(body).status in (201, 400, 413, 415)


@given(body=st.binary())
def test_no_bytes_are_too_odd_for_an_answer(body: bytes) -> None:
    """The same for what comes as base64."""
    assert post(base64.b64encode(body).decode(), isBase64Encoded=True).status in (201, 400, 413, 415)
