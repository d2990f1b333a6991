"""The migration function as CloudFormation calls it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from marketflow.messaging.state import SymbolCatalog
from marketflow.persistence.connection import Database
from marketflow.sources.catalog import CATALOG
from tests.cloud import Cloud
from tests.handlers import Context, event, load

pytestmark = pytest.mark.integration


class CloudFormation:
    """The presigned address to which a custom resource answers."""

    def __init__(self) -> None:
        answers: list[dict[str, Any]] = []

        class Put(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                """Keep the answer; S3 refuses a signed PUT with a content type that was not signed."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(403 if self.headers.get("Content-Type") else 200)
                self.end_headers()
                answers.append(json.loads(body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Keep the test's output quiet."""

        self.answers = answers
        self.server = HTTPServer(("127.0.0.1", 0), Put)
        self.url = f"http://127.0.0.1:{self.server.server_port}/answer"


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    """A CloudFormation that waits for answers."""
    waiting = CloudFormation()
    thread = threading.Thread(target=waiting.server.serve_forever, daemon=True)
    thread.start()
    yield waiting
    waiting.server.shutdown()
    waiting.server.server_close()
    thread.join()


def call(name: str, database_url: str, cloud: Cloud, cloudformation: CloudFormation, mp: pytest.MonkeyPatch) -> None:
    handler = load("migrate", mp, {"DATABASE_URL": database_url, "DATA_BUCKET": cloud.bucket})
    handler({**event(name), "ResponseURL": cloudformation.url}, Context())


def test_a_deployment_migrates_seeds_and_publishes(
    empty_url: str, cloud: Cloud, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first deployment the schema stands, and every fetcher finds its symbols."""
    call("cloudformation_create", empty_url, cloud, cloudformation, monkeypatch)
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    book = SymbolCatalog(bucket=cloud.bucket, client=cloud.s3)
    published = {source: [symbol.symbol for symbol in book.read(source)] for source in CATALOG}
    assert "BTCUSDT" in published["binance"]
    assert "THYAO.IS" in published["yahoo"]
    assert "USDTRY" in published["exchangerate"]


def test_what_an_operator_edited_stays(
    empty_url: str, cloud: Cloud, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next deployment does not bring back a symbol that was switched off; fetchers stop asking for it."""
    call("cloudformation_create", empty_url, cloud, cloudformation, monkeypatch)
    database = Database(empty_url)
    database.query("UPDATE symbols SET active = false WHERE symbol = 'BTCUSDT'")
    database.close()
    call("cloudformation_create", empty_url, cloud, cloudformation, monkeypatch)
    published = SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).read("binance")
    assert "BTCUSDT" not in [symbol.symbol for symbol in published]


def test_a_failed_migration_fails_the_deployment(
    empty_url: str, cloud: Cloud, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation hears of a failure at once, with the reason and the log to read, and nothing is published."""
    database = Database(empty_url)
    database.query("CREATE TABLE symbols (something_else int)")
    database.close()
    call("cloudformation_create", empty_url, cloud, cloudformation, monkeypatch)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].endswith(
        "MigrationError: Revision 0001_schema failed, and the database is as it was: "
        'relation "symbols" already exists (42P07)'
    )
    assert "/aws/lambda/marketflow-test" in answer["Reason"]
    assert cloud.keys("catalog/") == []


def test_deleting_the_stack_leaves_the_data(
    empty_url: str, cloud: Cloud, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion is answered without touching the database."""
    call("cloudformation_delete", empty_url, cloud, cloudformation, monkeypatch)
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    assert cloud.keys() == []
