"""The administration as it is deployed: its canonical events, a real PostgreSQL, and the bucket of the fetchers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marketflow.messaging.state import SymbolCatalog
from marketflow.persistence.connection import Database
from tests.cloud import Cloud, make_once_table
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.integration


@pytest.fixture
def handler(writer_url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The admin function, wired to this test's database and bucket."""
    settings = {
        "DATABASE_URL": writer_url,
        "DATA_BUCKET": cloud.bucket,
        "CORS_ORIGINS": "*",
        "IDEMPOTENCY_TABLE": make_once_table("marketflow-test-once"),
        "FUNCTION_TIMEOUT": "29",
    }
    return load("admin", monkeypatch, settings)


def published(cloud: Cloud) -> set[str]:
    """The names that Binance's fetcher finds."""
    return {symbol.symbol for symbol in SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).read("binance")}


def get(name: str, reader_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the read API's function answers about one symbol."""
    read = load("api", monkeypatch, {"DATABASE_URL": reader_url})
    answer: dict[str, Any] = read({**event("api_symbol"), "path": f"/v1/symbols/{name}"}, Context())
    return answer


def test_the_three_events_change_symbols(
    handler: Handler, reader_url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer has the bytes and the tag of GET, and the catalog follows each change."""
    added = handler(event("admin_add_symbol"), Context())
    assert added["statusCode"] == 201, added["body"]
    assert added["headers"]["Location"].endswith("/api/v1/symbols/LTCUSDT")
    assert "LTCUSDT" in published(cloud)
    shown = get("LTCUSDT", reader_url, monkeypatch)
    assert (shown["body"], shown["headers"]["ETag"]) == (added["body"], added["headers"]["ETag"])

    changed = handler(event("admin_change_symbol"), Context())
    assert changed["statusCode"] == 200, changed["body"]
    shown = get("BTCUSDT", reader_url, monkeypatch)
    assert (shown["body"], shown["headers"]["ETag"]) == (changed["body"], changed["headers"]["ETag"])

    assert handler(event("admin_deactivate_symbol"), Context())["statusCode"] == 204
    assert "BTCUSDT" not in published(cloud)
    assert json.loads(get("BTCUSDT", reader_url, monkeypatch)["body"])["active"] is False


def test_the_same_request_adds_one_symbol(handler: Handler) -> None:
    """With the same Idempotency-Key the second answer is the first one, not a 409; with another body it is refused."""
    request = event("admin_add_symbol")
    request["headers"] = {**request["headers"], "Idempotency-Key": "once"}
    first, again = (handler(request, Context()) for _ in range(2))
    assert (first["statusCode"], first["body"], first["headers"]["ETag"]) == (
        201,
        again["body"],
        again["headers"]["ETag"],
    )
    other = {**request, "body": request["body"].replace("LTC", "DOT")}
    assert json.loads(handler(other, Context())["body"])["code"] == "idempotency_mismatch"


def test_a_tag_of_the_read_api_is_a_condition(
    handler: Handler, reader_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What GET gave opens the change once, and no second time."""
    tag = get("BTCUSDT", reader_url, monkeypatch)["headers"]["ETag"]
    request = event("admin_change_symbol")
    request["headers"] = {**request["headers"], "If-Match": tag}
    assert [handler(request, Context())["statusCode"] for _ in range(2)] == [200, 412]


def test_a_bucket_that_takes_nothing_changes_nothing(handler: Handler, cloud: Cloud, database: Database) -> None:
    """503 with Retry-After, and the table is as it was."""
    cloud.s3.delete_bucket(Bucket=cloud.bucket)
    answer = handler(event("admin_add_symbol"), Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "catalog_unavailable")
    assert answer["headers"]["Retry-After"]
    assert database.query("select count(*) from symbols where symbol = 'LTCUSDT'") == [[0]]
