"""The deployed function from its event to an answer out of the database."""

from __future__ import annotations

import io
import json

import pytest

from marketflow.observability import logger
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
