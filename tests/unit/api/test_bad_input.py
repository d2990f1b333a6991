"""What people and programs send by mistake, or to see what happens: a clear answer, and never an error of ours."""

from __future__ import annotations

import pytest

from tests.unit.api.market import Client, FakeReader, event, minutes

pytestmark = pytest.mark.unit

INPUTS = {
    "10,000 symbols": ("/v1/prices", {"symbols": [",".join(f"SYMBOL{number}" for number in range(10_000))]}, 414),
    "a symbol of a megabyte": ("/v1/prices", {"symbols": ["A" * 1_000_000]}, 414),
    "a path of a megabyte": ("/v1/prices/" + "A" * 1_000_000, {}, 414),
    "a parameter of a megabyte": ("/v1/symbols", {"q": ["A" * 1_000_000]}, 414),
    "10,000 parameters": ("/v1/symbols", {f"p{number}": ["1"] for number in range(10_000)}, 414),
    "one parameter 10,000 times": ("/v1/symbols", {"limit": ["1"] * 10_000}, 414),
    "101 symbols": ("/v1/prices", {"symbols": [",".join(f"SYMBOL{number}" for number in range(101))]}, 400),
    "a symbol of 41 characters": ("/v1/prices", {"symbols": ["A" * 41]}, 400),
    "a cursor of 401 characters": ("/v1/symbols", {"cursor": ["A" * 401]}, 400),
    "100 parameters": ("/v1/symbols", {f"p{number}": ["1"] for number in range(100)}, 400),
    "8,193 characters of a path": ("/v1/prices/" + "A" * 8193, {}, 414),
    "8,192 characters of a path": ("/v1/prices/" + "A" * 8192, {}, 404),
    "SQL in a parameter": ("/v1/symbols", {"source": ["' OR 1=1; DROP TABLE symbols; --"]}, 200),
    "SQL in a path": ("/v1/prices/BTCUSDT' OR '1'='1", {}, 404),
    "a path to a file": ("/v1/symbols/..%2F..%2Fetc%2Fpasswd", {}, 404),
    "dots in a path": ("/v1/symbols/../prices", {}, 404),
    "a path of 10,000 parts": ("/v1" + "/a" * 10_000, {}, 404),
    "a NUL": ("/v1/symbols", {"q": ["a\x00b"]}, 400),
    "half a surrogate pair": ("/v1/symbols", {"q": ["\ud800"]}, 400),
    "a cursor of a megabyte": ("/v1/symbols", {"cursor": ["A" * 1_000_000]}, 414),
    "a number with a thousand digits": ("/v1/symbols", {"limit": ["9" * 1000]}, 400),
    "an amount with a million digits": ("/v1/convert", {"from": ["BTC"], "to": ["USD"], "amount": ["9" * 10**6]}, 414),
    "a time far away": ("/v1/candles/BTCUSDT", {"interval": ["1m"], "start": ["99999-01-01T00:00:00Z"]}, 400),
    "a template": ("/v1/symbols", {"q": ["${jndi:ldap://127.0.0.1/a}"]}, 200),
}


@pytest.mark.parametrize("name", INPUTS)
def test_bad_input_gets_a_clear_answer(name: str) -> None:
    """A problem that says what is wrong, or an answer as to any other value; never an error of ours."""
    path, query, status = INPUTS[name]
    client = Client(reader=FakeReader(candle_times={"BTCUSDT": minutes(2)}))
    answer = client.send(event(path, query=query))
    assert answer.status == status, answer.body[:300]
    if status >= 400:
        assert answer.json["detail"]
        assert len(answer.body) < 1500, "what was sent is not sent back"
    assert not client.log.exceptions
