"""Every canonical API event is answered as its name says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.api.market import Answer, Client, FakeReader, minutes, pair

pytestmark = pytest.mark.functional

EVENTS = Path(__file__).parents[3] / "events"

STATUS = {
    "api_health": 200,
    "api_ready": 200,
    "api_openapi": 200,
    "api_docs": 200,
    "api_docs_file": 200,
    "api_symbols": 200,
    "api_symbol": 200,
    "api_convert": 200,
    "api_sources": 200,
    "api_prices": 200,
    "api_price": 200,
    "api_price_history": 200,
    "api_candles": 200,
    "api_candles_csv": 200,
    "api_candles_adjusted": 200,
    "api_candles_as_known_at": 200,
    "api_actions": 200,
    "api_candle_batch": 200,
    "api_coverage": 200,
    "api_bad_request": 400,
}


def answer(name: str) -> Answer:
    """The API's answer to the event in events/`name`.json."""
    names = ("BTCUSDT", "ETHUSDT", "THYAO.IS", "USDTRY")
    reader = FakeReader(candle_times=dict.fromkeys(names, minutes(3)), price_texts=dict.fromkeys(names, "1.0"))
    if name in ("api_actions", "api_candles_adjusted"):
        reader = FakeReader(candle_times={"AAPL": minutes(3)}, asset_type="stock")
    reader.exchange = [pair("BTC", "TRY", "2850000.5")]
    return Client(reader=reader).send(json.loads((EVENTS / f"{name}.json").read_text()))


def test_no_event_is_left_out() -> None:
    """Each API event in the folder is expected here."""
    assert {path.stem for path in EVENTS.glob("api_*.json")} == STATUS.keys()


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_an_event_is_answered(name: str, status: int) -> None:
    """The answer is one that API Gateway takes: a status, text headers, a text body."""
    got = answer(name)
    assert got.status == status, got.body
    assert got.raw.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert all(isinstance(value, str) for value in got.headers.values())
    assert got.raw["isBase64Encoded"] is False


def test_the_problem_of_an_event_names_its_parameter_and_request() -> None:
    """The request id is the gateway's, so that a problem can be found in its log as well as in ours."""
    problem = answer("api_bad_request").json
    assert problem["parameter"] == "interval"
    assert problem["instance"] == "/api/v1/candles/BTCUSDT"
    assert problem["request_id"] == "4b6e0c1a-7d2f-4f0e-9a51-0c2d3e4f5a6b"


def test_the_key_of_a_caller_is_written_nowhere() -> None:
    """An API key is in the event, and in no line of the log and no answer."""
    one = Client(reader=FakeReader(failure=KeyError("unexpected")))
    got = one.send(json.loads((EVENTS / "api_symbols.json").read_text()))
    assert got.status == 500
    assert "an-api-key" not in json.dumps([got.raw, one.log.lines, one.log.exceptions])
