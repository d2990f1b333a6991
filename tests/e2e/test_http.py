"""What the gateway itself answers: keys, unknown paths, limits, all as problems."""

from __future__ import annotations

import httpx
import pytest

from local import smoke
from local.client import ApiClient
from local.stack import LocalStack
from marketflow.api import security

pytestmark = pytest.mark.e2e


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    """The members of a problem with that status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, object] = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance", "code", "request_id"} <= body.keys()
    return body


@pytest.mark.parametrize("key", ["not-the-key-of-anybody", None])
def test_without_a_good_key(api: ApiClient, key: str | None) -> None:
    """A wrong API key and none at all get a 403 problem."""
    problem(api.with_key(key, "/symbols"), 403)


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_open_routes_need_no_key(api: ApiClient, path: str) -> None:
    """Whether the API is alive and ready can be asked without a key."""
    assert api.with_key(None, path).status_code == 200


def test_unknown_path(api: ApiClient) -> None:
    """A path that is no route gets a 404 problem."""
    problem(api.get("/nowhere"), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_method_that_a_path_does_not_have(stack: LocalStack, method: str) -> None:
    """405 with the methods that there are, for everybody: the description tells them anyway."""
    answer = httpx.request(method, f"{stack.facts.api_url}/prices", timeout=20, trust_env=False)
    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_page_may_ask_what_it_may_send(stack: LocalStack) -> None:
    """The preflight of another origin's page is answered by the gateway, with the headers that carry credentials."""
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    answer = httpx.options(f"{stack.facts.api_url}/prices", headers=asked, timeout=20, trust_env=False)
    assert answer.status_code == 204
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"x-api-key", "authorization", "if-match", "idempotency-key"} <= set(allowed.split(","))


def test_head_is_get_without_a_body(stack: LocalStack, api: ApiClient) -> None:
    """The same headers, so that a client can ask cheaply whether something changed."""
    headers = {"x-api-key": stack.facts.api_key}
    head = httpx.head(f"{stack.facts.api_url}/symbols/BTCUSDT", headers=headers, timeout=20, trust_env=False)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == api.get("/symbols/BTCUSDT").headers["etag"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("OPTIONS", "/prices", 204),
        ("GET", "/symbols", 403),
        ("GET", "/keys", 401),
        ("GET", "/nowhere", 404),
        ("POST", "/prices", 405),
    ],
)
def test_every_answer_has_the_security_headers(stack: LocalStack, method: str, path: str, status: int) -> None:
    """Those of functions, and those that the gateway makes by itself."""
    answer = httpx.request(method, f"{stack.facts.api_url}{path}", timeout=20, trust_env=False)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in security.HEADERS} == security.HEADERS


def test_unknown_symbol(api: ApiClient) -> None:
    """A symbol that nobody knows gets a 404 problem that names it."""
    assert "NOSUCHSYMBOL" in str(problem(api.get("/prices/NOSUCHSYMBOL"), 404)["detail"])


def test_bad_parameter(api: ApiClient) -> None:
    """A parameter that cannot be used gets a 400 problem that names it."""
    assert "interval" in str(problem(api.get("/candles/BTCUSDT", interval="7m"), 400))


def test_all_sources_are_shown(stack: LocalStack, api: ApiClient) -> None:
    """Readiness lists each source with its last delivery, once each has delivered; the one on request if asked."""
    api.wait_for_prices(seconds=60, alive=stack.check)
    sources = api.json("/ready")["sources"]
    assert {item["source"] for item in sources} == {"binance", "yahoo", "exchangerate", "ecb"}
    loaded = {item["source"] for item in sources if item["last_loaded_at"]}
    assert loaded - {"ecb"} == {"binance", "yahoo", "exchangerate"}


def test_burst_is_throttled(api: ApiClient) -> None:
    """More requests than the plan of a key allows get 429 problems, and a moment later the key works again."""
    assert "got 429, then 200 again" in smoke.check_burst(api)
