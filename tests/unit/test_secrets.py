"""A secret shows in no printed form, no exception and no URL, and crosses a network by verified TLS alone."""

from __future__ import annotations

import ast
import asyncio
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from local.deploy import Parameters
from local.settings import LocalSettings
from local.sign_in import Tokens
from local.stack import Facts
from marketflow.api.messages import Request
from marketflow.config import DatabaseSettings, Settings
from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Plan
from marketflow.errors import RetryLaterError
from marketflow.messaging.archive import pack
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import create
from tests.unit.sources.support import DATASETS, sample

pytestmark = pytest.mark.unit

SECRET = "s3cret-that-nobody-may-see"
URL = f"postgresql://user:{SECRET}@db.example.com/marketflow"
ROOT = Path(__file__).resolve().parents[2]
UNCHECKED = {"CERT_NONE", "check_hostname", "_create_unverified_context"}
KEYED = [name for name, spec in CATALOG.items() if spec.optional_key]
EVERY = {
    "MARKETFLOW_STAGE": "test",
    "DATABASE_URL": URL,
    "DATA_BUCKET": "b",
    "IDEMPOTENCY_TABLE": "t",
    "FUNCTION_TIMEOUT": "3",
    "HISTORY_MONTHS": "6",
}


def descendants(kind: type[Settings]) -> Iterator[type[Settings]]:
    """Every class of settings below `kind`."""
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.mark.parametrize("kind", [DatabaseSettings, *dict.fromkeys(descendants(DatabaseSettings))])
def test_settings_hide_the_databases_password(kind: type[DatabaseSettings]) -> None:
    """Whichever function's they are, they may be printed."""
    settings = kind.load(EVERY)
    assert settings.database_url == URL
    assert SECRET not in f"{settings!r} {settings}"


SHOWN = {
    "a request": Request(
        method="GET",
        path="/v1/keys",
        public_path="/api/v1/keys",
        query={},
        headers={"authorization": f"Bearer {SECRET}", "x-api-key": SECRET},
        id="1",
        api_key=SECRET,
    ),
    "a user's API key": ApiKey(
        id="1", owner="ann", name="n", plan=Plan.FREE, created_at=datetime.now(UTC), last4="cret", value=SECRET
    ),
    "what a local deployment is told": Parameters(database_url=URL, base_urls={}, api_key=SECRET),
    "what is known of a local stack": Facts(
        api_url="", api_key=SECRET, aws_endpoint_url="", database_url=URL, region="", stacks=[]
    ),
    "an operator's settings": LocalSettings(access_token=SECRET),
    "tokens": Tokens(access=SECRET, id=SECRET),
    **{f"the source {name}": create(name, api_key=SECRET) for name in KEYED},
}


@pytest.mark.parametrize("what", SHOWN)
def test_a_printed_object_hides_its_secret(what: str) -> None:
    """A log line or a failed assertion with it tells nothing."""
    assert SECRET not in f"{SHOWN[what]!r} {SHOWN[what]}"


@pytest.mark.parametrize(("name", "dataset"), [one for one in DATASETS if one[0] in KEYED])
def test_a_vendors_key_is_in_no_url_and_no_archive(name: str, dataset: str) -> None:
    """URLs stand in logs, exceptions and traces, and requests in the archive: the key is in a header alone."""
    source, one = create(name, api_key=SECRET), sample(name, dataset)
    requests = source.build_requests(one.task, one.symbols, now=one.now, since=None)
    response = RawResponse(status=200, headers={}, received_at=one.now, body=b"{}")
    assert requests
    for request in requests:
        assert SECRET not in f"{source.base_urls} {request!r} {request.model_dump_json()}"
        assert SECRET.encode() not in pack(request, response)
    assert SECRET in "".join(source.headers().values())


def ask(name: str, handler: httpx.MockTransport) -> RawResponse:
    """One request of a source that has a key, as a fetcher makes it."""

    async def run() -> RawResponse:
        async with httpx.AsyncClient(transport=handler, follow_redirects=True) as client:
            request = FetchRequest(source=name, dataset="any", symbols=("X",), path="/x")
            return await create(name, api_key=SECRET).fetch(client, request)

    return asyncio.run(run())


@pytest.mark.parametrize("name", KEYED)
def test_a_vendors_key_follows_no_redirect_to_another_host(name: str) -> None:
    """Whoever gets hold of the vendor's name server, or of an open redirect there, gets no key."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "elsewhere.example":
            return httpx.Response(200, json={})
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    ask(name, httpx.MockTransport(answer))
    first, second = seen
    assert SECRET in str(first.headers["authorization"])
    assert SECRET not in str(list(second.headers.items()))


@pytest.mark.parametrize("name", KEYED)
def test_a_failed_request_tells_the_host_and_no_more(name: str) -> None:
    """Httpx' exceptions hold the request, with its URL and headers: none of it goes on."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"{request.url} {request.headers['authorization']}", request=request)

    with pytest.raises(RetryLaterError) as caught:
        ask(name, httpx.MockTransport(answer))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "ConnectError" in str(caught.value)


def test_sources_are_asked_by_tls_alone() -> None:
    """No host of the catalogue is asked in clear."""
    urls = [url for spec in CATALOG.values() for url in (*spec.base_urls, *spec.keyed_base_urls)]
    assert urls
    assert all(url.startswith("https://") for url in urls)


def test_no_code_that_ships_leaves_a_certificate_unchecked() -> None:
    """Neither by an argument of a client nor by a context of its own."""
    doubtful = []
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "verify":
                doubtful.append(path)
            if isinstance(node, ast.Attribute) and node.attr in UNCHECKED:
                doubtful.append(path)
    assert not doubtful
