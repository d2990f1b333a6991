"""Security headers: on every answer of a function, whatever it is, and nothing that tells what runs behind it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from marketflow.api import security
from tests.unit.api.market import Answer, Client, event

pytestmark = pytest.mark.unit

ASKED: Mapping[str, tuple[str, str, int]] = {
    "data": ("GET", "/v1/symbols", 200),
    "data, without its body": ("HEAD", "/v1/symbols", 200),
    "the description": ("GET", "/v1/openapi.json", 200),
    "which methods there are": ("OPTIONS", "/v1/symbols", 204),
    "no such path": ("GET", "/v1/nothing", 404),
    "no such method": ("PATCH", "/v1/prices", 405),
    "a bad parameter": ("GET", "/v1/symbols?limit=x", 400),
}


def ask(method: str, target: str) -> Answer:
    """One request; `target` may have one parameter."""
    path, _, query = target.partition("?")
    name, _, value = query.partition("=")
    return Client().send(event(path, method=method, query={name: [value]} if name else None))


@pytest.mark.parametrize("what", ASKED)
def test_every_answer_has_the_security_headers(what: str) -> None:
    """TLS alone, no guessing of types, nothing loaded or framed, no referrer, no embedding by other sites."""
    method, target, status = ASKED[what]
    answer = ask(method, target)
    assert answer.status == status
    assert answer.headers.items() >= security.HEADERS.items()


def test_an_unchanged_answer_has_them_too() -> None:
    """A browser takes the headers of a 304 in place of those that it kept."""
    tag = ask("GET", "/v1/symbols").headers["ETag"]
    answer = Client().get("/v1/symbols", headers={"If-None-Match": tag})
    assert answer.status == 304
    assert answer.headers.items() >= security.HEADERS.items()


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/docs/init.js"])
def test_the_page_differs_in_its_policy_alone(path: str) -> None:
    """It runs its own script; the other headers are those of all answers."""
    headers = Client().get(path).headers
    different = {name for name, value in security.HEADERS.items() if headers[name] != value}
    assert different == {"Content-Security-Policy"}
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("what", ASKED)
def test_no_answer_tells_what_runs_behind_it(what: str) -> None:
    """Neither a server's name nor a version."""
    method, target, _ = ASKED[what]
    assert not {name.lower() for name in ask(method, target).headers} & {"server", "x-powered-by", "via"}
