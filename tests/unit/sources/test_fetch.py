"""The one place with I/O: which host is asked, what is sent, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.errors import RetryLaterError
from marketflow.sources.base import Source
from marketflow.sources.factory import create

pytestmark = pytest.mark.unit

Answer = Callable[[httpx.Request], httpx.Response]


def fetch(source: Source, request: FetchRequest, answer: Answer) -> RawResponse:
    """The response to `request`, from a transport that answers in process."""

    async def run() -> RawResponse:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            return await source.fetch(client, request)

    return asyncio.run(run())


def request_of(source: str, path: str, **params: str) -> FetchRequest:
    """A request with nothing in it but what goes over the wire."""
    return FetchRequest(source=source, dataset="any", symbols=("X",), path=path, params=tuple(params.items()))


def test_paths_and_parameters_arrive_encoded_once() -> None:
    """An index and a currency keep their encoded spelling in the path, a JSON array is encoded in the query."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    fetch(create("yahoo"), request_of("yahoo", "/v8/finance/chart/%5EGSPC", interval="1m"), answer)
    fetch(create("binance"), request_of("binance", "/api/v3/ticker/price", symbols='["A","B"]'), answer)
    assert seen[0].url.raw_path == b"/v8/finance/chart/%5EGSPC?interval=1m"
    assert seen[1].url.raw_path == b"/api/v3/ticker/price?symbols=%5B%22A%22%2C%22B%22%5D"


@pytest.mark.parametrize("trouble", [451, 500, 503, "refused", "garbage"])
def test_the_next_host_is_asked_when_one_has_trouble(trouble: int | str) -> None:
    """A host that cannot be reached, fails, or does not serve this place is passed over."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "second.example":
            return httpx.Response(200, content=request.url.raw_path)
        if trouble == "refused":
            raise httpx.ConnectError("refused")
        if trouble == "garbage":
            raise httpx.DecodingError("not gzip")
        return httpx.Response(int(trouble))

    source = create("binance", base_urls=["https://first.example/", "https://second.example/"])
    assert fetch(source, request_of("binance", "/api/v3/ping"), answer).body == b"/api/v3/ping"


@pytest.mark.parametrize("status", [400, 403, 404, 418, 429, 999])
def test_a_clear_answer_is_not_asked_for_elsewhere(status: int) -> None:
    """A limit or a refusal counts for all hosts; asking the next one would make it worse."""
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(status)

    source = create("binance", base_urls=["https://first.example", "https://second.example"])
    assert fetch(source, request_of("binance", "/api/v3/ping"), answer).status == status
    assert hosts == ["first.example"]


def test_the_last_trouble_is_returned_when_all_hosts_have_some() -> None:
    """An answer of trouble is still an answer to be archived, also when a later host is out of reach."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "second.example":
            raise httpx.ReadTimeout("slow")
        return httpx.Response(503, content=b"down")

    source = create("binance", base_urls=["https://first.example", "https://second.example"])
    assert fetch(source, request_of("binance", "/api/v3/ping"), answer).body == b"down"


def test_no_answer_names_the_hosts_but_no_url() -> None:
    """The error tells which hosts failed and how, without paths, parameters or credentials."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("slow")

    source = create("exchangerate", base_urls=["https://user:pw@first.example"], api_key="s3cret")
    with pytest.raises(RetryLaterError) as error:
        fetch(source, request_of("exchangerate", "/v6/latest/USD"), answer)
    assert str(error.value) == "ExchangeRate-API did not answer: first.example: ConnectTimeout."


def test_only_headers_that_mean_something_are_kept() -> None:
    """Names are lower case; cookies and the like never reach the archive."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Date": "Mon, 02 Mar 2026 10:03:21 GMT", "X-MBX-USED-WEIGHT-1M": "7", "Set-Cookie": "a=b"}
        return httpx.Response(200, json=[], headers=headers)

    before = datetime.now(UTC)
    response = fetch(create("binance"), request_of("binance", "/api/v3/klines"), answer)
    assert response.headers == {
        "content-type": "application/json",
        "date": "Mon, 02 Mar 2026 10:03:21 GMT",
        "x-mbx-used-weight-1m": "7",
    }
    assert before <= response.received_at <= datetime.now(UTC)


def test_yahoo_is_asked_as_by_a_browser() -> None:
    """Without a browser's user agent the first call is answered with 429."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["user-agent"])

    assert fetch(create("yahoo"), request_of("yahoo", "/v8"), answer).body.startswith(b"Mozilla/5.0 (")


def test_a_key_is_sent_as_a_header_to_the_keyed_host() -> None:
    """With a key the keyed host is asked, and the key is in a header, never in the URL."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert "s3cret" not in str(request.url)
        return httpx.Response(200, text=f"{request.url.host} {request.headers['authorization']}")

    keyed = create("exchangerate", api_key="s3cret")
    assert fetch(keyed, request_of("exchangerate", "/v6/latest/USD"), answer).body == (
        b"v6.exchangerate-api.com Bearer s3cret"
    )


def test_without_a_key_the_open_host_is_asked() -> None:
    """No key, no header."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f"{request.url.host} {'authorization' in request.headers}")

    open_ = create("exchangerate")
    assert fetch(open_, request_of("exchangerate", "/v6/latest/USD"), answer).body == b"open.er-api.com False"
