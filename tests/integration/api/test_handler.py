"""The deployed function from its event to an answer out of the database."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from marketflow.bootstrap import api
from marketflow.observability import logger
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import GRACE_SECONDS
from tests.handlers import Context, event, load
from tests.integration.api.conftest import AddPrice
from tests.unit.api.market import NOON

pytestmark = pytest.mark.integration


def test_the_function_answers_out_of_the_database(
    monkeypatch: pytest.MonkeyPatch,
    reader_url: str,
    add_price: AddPrice,
) -> None:
    """The canonical event of a batch of prices gives what is stored, and one log line that names the request."""
    add_price("BTCUSDT", "68000.12000000", NOON)
    add_price("USDTRY", "42.1000", NOON)
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    handler = load("api", monkeypatch, {"DATABASE_URL": reader_url})
    answer = handler(event("api_prices"), Context())
    assert answer["statusCode"] == 200, answer["body"]
    assert '"price":68000.12000000,' in answer["body"]
    assert '"price":42.1000,' in answer["body"]
    items = json.loads(answer["body"])
    assert [item["symbol"] for item in items] == ["BTCUSDT", "THYAO.IS", "USDTRY", "NOPE"]
    assert items[1]["problem"]["code"] == "price_not_found"
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == "request"]
    assert line["correlation_id"] == "4b6e0c1a-7d2f-4f0e-9a51-0c2d3e4f5a6b"
    assert (line["route"], line["status"]) == ("/v1/prices", 200)
    assert "an-api-key" not in json.dumps(lines)


def test_a_slow_database_is_told_before_the_function_is_cut_off() -> None:
    """In every stage the function outlives its last wait for the database, and answers 503 itself.

    A server that takes a statement's own timeout ends it; behind a proxy, which takes none, we hang up.
    """
    stages = json.loads((Path(__file__).resolve().parents[3] / "cdk.json").read_text())["context"]["stages"]
    for name, stage in stages.items():
        grace = 0.0 if name == "local" else GRACE_SECONDS
        assert api.CONNECT_SECONDS + api.STATEMENT_SECONDS + grace < stage["functions"]["api"]["timeout"], name


def test_candles_that_somebody_holds_are_a_503_that_says_when_to_ask_again(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """A statement that waits for too long is given up by the server: a problem, and no crash."""
    monkeypatch.setattr(api, "STATEMENT_SECONDS", 0.3)
    handler = load("api", monkeypatch, {"DATABASE_URL": database_url})
    assert handler(event("api_candles"), Context())["statusCode"] == 200

    with closing(Database(database_url)) as holder:
        holder.query("BEGIN")
        holder.query("LOCK TABLE candles IN ACCESS EXCLUSIVE MODE")
        answer = handler(event("api_candles"), Context())
        holder.query("COMMIT")
    assert answer["statusCode"] == 503, answer["body"]
    assert answer["headers"]["Content-Type"].startswith("application/problem+json")
    assert int(answer["headers"]["Retry-After"]) >= 1
    assert handler(event("api_candles"), Context())["statusCode"] == 200
