"""What `make verify` says of an API that does not do its work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.aws.verify import Address, check_prices, check_ready, check_sources, patiently
from local.client import ApiClient
from local.processes import LocalError

pytestmark = pytest.mark.functional

Serve = Callable[[dict[str, tuple[int, Any]]], ApiClient]


def source(name: str, *, minutes: float | None = 1, error: str | None = None) -> dict[str, Any]:
    """A source that answered so many minutes ago with data of Friday, as /v1/sources tells of it."""
    answered = None if minutes is None else (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    return {
        "source": name,
        "last_success_at": answered,
        "stale": True,
        "last_error": error,
        "freshness_target_seconds": 1200,
    }


@contextmanager
def serving(answers: dict[str, tuple[int, Any]]) -> Iterator[ApiClient]:
    """An API that answers each path with a status and a body."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[urlsplit(self.path).path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Keep the test's output quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with ApiClient(Address(api_url=f"http://127.0.0.1:{server.server_port}", api_key="k")) as client:
        yield client
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Makes such an API, and ends it after the test."""
    with ExitStack() as stack:
        yield lambda answers: stack.enter_context(serving(answers))


def test_a_deployment_that_does_not_become_ready_says_why(serve: Serve) -> None:
    """With the last answer, so that nobody has to ask again."""
    client = serve({"/ready": (503, {"detail": "The database is at revision 0013, this API needs 0014."})})
    with pytest.raises(LocalError, match=r"After 0 s: .* 503: .*needs 0014"):
        patiently(lambda: check_ready(client), seconds=0)


def test_it_waits_for_what_comes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer after a deployment need not be the good one."""
    monkeypatch.setattr("local.aws.verify.POLL_SECONDS", 0)
    said = iter([LocalError("not yet")])

    def check() -> str:
        for error in said:
            raise error
        return "there"

    assert patiently(check, seconds=60) == "there"


@pytest.mark.parametrize(("minutes", "error"), [(None, "HTTP 451"), (None, None), (30, "HTTP 451")])
def test_a_source_that_delivers_nothing_is_named_with_its_error(
    serve: Serve, minutes: float | None, error: str | None
) -> None:
    """One that is asked on request only has nothing to deliver."""
    good = [source("binance"), source("exchangerate"), source("ecb", minutes=None)]
    client = serve({"/sources": (200, [*good, source("yahoo", minutes=minutes, error=error)])})
    with pytest.raises(LocalError, match=f"^yahoo delivers nothing: {error or 'nothing yet'}$"):
        check_sources(client)


def test_a_closed_market_does_not_fail_a_deployment(serve: Serve) -> None:
    """On a Sunday the newest prices of shares are old, and the source works."""
    client = serve({"/sources": (200, [source(name) for name in ("binance", "exchangerate", "yahoo")])})
    assert check_sources(client) == "binance, exchangerate, yahoo"


def test_symbols_without_a_price_are_named(serve: Serve) -> None:
    """Those of a class of which none has one."""
    client = serve(
        {"/symbols": (200, [{"symbol": "AAPL"}, {"symbol": "MSFT"}]), "/prices": (200, [{"symbol": "AAPL"}])}
    )
    with pytest.raises(LocalError, match=r"There is no price of AAPL,MSFT\."):
        check_prices(client)
