"""What `make verify` does with a deployment, against the one that runs here."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from local.client import ApiClient
from local.processes import LocalError
from local.steps import Steps
from local.verify import Address, wait_until_ready, walk

pytestmark = pytest.mark.e2e


class Pending(BaseHTTPRequestHandler):
    """An API whose database lacks a revision."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"detail": "The database is at revision 0013, this API needs 0014."}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep the test's output quiet."""


@pytest.fixture
def pending() -> Iterator[ApiClient]:
    """A client of such an API."""
    server = HTTPServer(("127.0.0.1", 0), Pending)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with ApiClient(Address(api_url=f"http://127.0.0.1:{server.server_port}", api_key="k")) as client:
        yield client
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_deployment_that_works_is_verified(api: ApiClient) -> None:
    """Ready, every source, prices, candles, and keys that are checked."""
    steps = Steps(quiet=True)
    walk(api, steps)
    assert list(steps.taken) == ["Ready", "Sources", "Prices", "Candles", "Keys"]


def test_a_deployment_that_does_not_become_ready_says_why(pending: ApiClient) -> None:
    """With the last answer, so that nobody has to ask again."""
    with pytest.raises(LocalError, match=r"not ready after 0 s: 503 .*needs 0014"):
        wait_until_ready(pending, seconds=0)
