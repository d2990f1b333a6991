"""The page of /docs in a real browser: a person reads the API, pastes a key, calls a route and sees the answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect, sync_playwright

from local.client import ApiClient
from local.stack import LocalStack

pytestmark = pytest.mark.e2e

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_MILLISECONDS = 20_000


@dataclass
class Visit:
    """The page, and what the browser did for it."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def authorize(self, scheme: str, secret: str) -> None:
        """Paste a key or a token into the dialog's part for `scheme`."""
        self.page.locator(".auth-wrapper .btn.authorize").click()
        part = self.page.locator(".modal-ux .auth-container", has=self.page.get_by_text(scheme, exact=True))
        part.locator("input").fill(secret)
        part.get_by_role("button", name="Apply credentials").click()
        self.page.locator(".modal-ux .close-modal").click()

    def call(self, operation_id: str, **parameters: str) -> Locator:
        """Call a route; what the page shows of its answer."""
        operation = self.page.locator(f".opblock[id$=-{operation_id}]")
        operation.locator(".opblock-summary-control").click()
        for name, value in parameters.items():
            operation.locator(f'tr[data-param-name="{name}"] input').fill(value)
        operation.locator(".execute").click()
        return operation.locator(".live-responses-table .response")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, which cannot be had from PyPI; without it the tests are skipped, but not in CI."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        assert os.environ.get("CI") != "true", "no Chromium: .ci/run installs it where it can"
        pytest.skip("no Chromium on this machine: /docs is not tried in a browser (Debian: apt-get install chromium)")
    sandbox = os.geteuid() != 0  # Chromium's sandbox refuses to run as root
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS, chromium_sandbox=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, stack: LocalStack) -> Iterator[Visit]:
    """The page, opened by somebody who was never here."""
    page = browser.new_page()
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    visit = Visit(page)
    page.on("request", lambda request: visit.requests.append(request))  # noqa: PLW0108 - a built-in takes no mark
    page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.goto(f"{stack.facts.api_url}/docs")
    expect(page.locator("#operations-Prices-getPrice")).to_be_visible()
    yield visit
    page.close()


def test_get_docs(visit: Visit, stack: LocalStack, api: ApiClient) -> None:
    """A key is pasted, a route is called, its price is seen; nobody but the deployment was asked for anything."""
    api.wait_for_prices(seconds=60, alive=stack.check)
    visit.authorize("ApiKey", stack.facts.api_key)
    answer = visit.call("getPrice", symbol="BTCUSDT")
    expect(answer.locator(".response-col_status")).to_have_text("200")
    expect(answer.locator(".response-col_description")).to_contain_text('"price":')
    expect(answer.locator(".response-col_description")).to_contain_text('"source": "binance"')
    urls = [request.url for request in visit.requests if not request.url.startswith("data:")]
    assert any(url.startswith(f"{stack.facts.api_url}/prices/BTCUSDT") for url in urls)
    assert {urlsplit(url).netloc for url in urls} == {urlsplit(stack.facts.api_url).netloc}
    assert visit.complaints == []


def test_a_wrong_key_is_answered_with_the_problem(visit: Visit) -> None:
    """Who pastes a key that is none sees the gateway's 403 as a problem, and nothing of the symbol."""
    visit.authorize("ApiKey", "not-the-key-of-anybody")
    answer = visit.call("getPrice", symbol="BTCUSDT")
    expect(answer.locator(".response-col_status")).to_contain_text("403")
    expect(answer.locator(".response-col_description")).to_contain_text("invalid_api_key")


def test_a_bearer_token_is_sent_as_one(visit: Visit) -> None:
    """Where the document asks for a token, it can be pasted as well, and the page's own rules let the call through."""

    def with_token(route: Route) -> None:
        document = route.fetch().json()
        document["paths"]["/v1/health"]["get"]["security"] = [{"AccessToken": []}]
        route.fulfill(json=document)

    visit.page.route("**/openapi.json", with_token)
    visit.page.reload()
    visit.authorize("AccessToken", "a-token")
    expect(visit.call("getHealth").locator(".response-col_status")).to_have_text("200")
    (call,) = (request for request in visit.requests if request.url.endswith("/health"))
    assert call.headers["authorization"] == "Bearer a-token"
    assert visit.complaints == []


def test_a_key_is_forgotten_when_the_page_is_loaded_again(visit: Visit, stack: LocalStack) -> None:
    """A key is a secret: it is in the memory of the page and nowhere in the browser's storage."""
    visit.authorize("ApiKey", stack.facts.api_key)
    expect(visit.page.locator(".auth-wrapper .btn.authorize.locked")).to_be_visible()
    stored = visit.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert stack.facts.api_key not in stored
    visit.page.reload()
    expect(visit.page.locator(".auth-wrapper .btn.authorize.unlocked")).to_be_visible()


def test_no_other_page_runs_or_frames_this_one(api: ApiClient) -> None:
    """The browser is told to load from here alone, before it reads a word of the page."""
    answer = api.with_key(None, "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert not [rule for rule in policy if "unsafe" in rule or "http" in rule or "*" in rule]


def test_the_largest_file_of_the_page_crosses_the_wire_once(api: ApiClient) -> None:
    """A megabyte and a half fits through the gateway, and the next visit is a 304."""
    first = api.once("/docs/swagger-ui.js")
    assert (first.status_code, len(first.content) > 1_000_000) == (200, True)
    again = httpx.get(first.url, headers={"If-None-Match": first.headers["etag"]}, trust_env=False)
    assert (again.status_code, again.content) == (304, b"")
