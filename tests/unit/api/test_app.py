"""Whatever is asked and whatever fails, the answer is HTTP as the contract says."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.problems import Problem
from marketflow.errors import DatabaseUnavailableError, RetryLaterError
from tests.unit.api.market import Client, FakeReader, event, minutes

pytestmark = pytest.mark.unit


def client(**market: object) -> Client:
    """A client of a market with BTCUSDT in it."""
    return Client(reader=FakeReader(candle_times={"BTCUSDT": minutes(3)}, **market))  # type: ignore[arg-type]


def test_a_problem_has_every_member_of_the_contract() -> None:
    """RFC 9457's members, our code, and the request id by which support finds the log line."""
    answer = client().get("/v1/prices", symbol="BTCUSDT")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": "urn:marketflow:problem:unknown_parameter",
        "title": "Unknown parameter",
        "status": 400,
        "detail": "symbol is not a parameter; known here: numbers, symbols.",
        "code": "unknown_parameter",
        "instance": "/api/v1/prices",
        "request_id": "request-1",
        "parameter": "symbol",
    }


def test_bodies_are_written_without_blanks() -> None:
    """One form of JSON everywhere: what Python writes looks like what the database writes."""
    one = client()
    for path, query in (
        ("/v1/health", {}),
        ("/v1/ready", {}),
        ("/v1/nothing", {}),
        ("/v1/prices", {"symbols": "NOPE"}),
        ("/v1/candles", {"symbols": "NOPE", "interval": "1m"}),
        ("/v1/convert", {"from": "USDT", "to": "USD"}),
    ):
        answer = one.get(path, **query)
        assert answer.body == json.dumps(answer.json, separators=(",", ":"))


def test_an_unknown_path_is_404() -> None:
    """Paths outside of the contract are problems too."""
    answer = client().get("/v1/nothing")
    assert (answer.status, answer.json["code"]) == (404, "path_not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_a_method_that_a_path_does_not_have_is_405(method: str) -> None:
    """The Allow header says what would work."""
    answer = client().get("/v1/prices", method=method)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_options_says_what_a_path_can_do() -> None:
    """OPTIONS needs no parameters and has no body."""
    answer = client().get("/v1/candles/BTCUSDT", method="OPTIONS")
    assert (answer.status, answer.body, answer.headers["Allow"]) == (204, "", "GET, HEAD, OPTIONS")
    assert "Content-Type" not in answer.headers


def test_head_is_get_without_the_body() -> None:
    """Status and headers are the same, for a problem as well."""
    for path in ("/v1/symbols/BTCUSDT", "/v1/symbols/NOPE"):
        got, head = client().get(path), client().get(path, method="HEAD")
        assert (head.status, head.headers, head.body) == (got.status, got.headers, "")


@pytest.mark.parametrize("failure", [DatabaseUnavailableError("gone"), RetryLaterError("deadlock")])
@pytest.mark.parametrize("path", ["/v1/ready", "/v1/symbols", "/v1/prices/BTCUSDT"])
def test_a_database_that_is_down_is_503(failure: Exception, path: str) -> None:
    """The client is told when to come back; the log says what happened."""
    one = client(failure=failure)
    answer = one.get(path)
    assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert str(failure) not in answer.body
    assert one.log.exceptions[0][1]["correlation_id"] == "request-1"


def test_an_unexpected_error_shows_nothing_of_itself() -> None:
    """The client gets a request id, the log gets the traceback under the same id."""
    one = client(failure=KeyError("password=hunter2"))
    answer = one.get("/v1/symbols")
    assert (answer.status, answer.json["code"], answer.json["request_id"]) == (500, "internal_error", "request-1")
    assert "hunter2" not in answer.body
    assert "KeyError" not in answer.body
    assert one.log.exceptions == [
        ("unexpected error", {"correlation_id": "request-1", "route": "/v1/symbols"}),
    ]


def test_health_touches_nothing() -> None:
    """The API is alive without a database."""
    answer = client(failure=DatabaseUnavailableError("gone")).get("/v1/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_every_request_leaves_one_line() -> None:
    """The line has the route's template rather than the path, so that lines can be grouped."""
    one = client()
    one.get("/v1/symbols/NOPE")
    one.get("/v1/nothing")
    assert [facts["route"] for _, facts in one.log.lines] == ["/v1/symbols/{symbol}", "none"]
    message, facts = one.log.lines[0]
    assert message == "request"
    assert facts["correlation_id"] == "request-1"
    assert (facts["method"], facts["path"], facts["route"]) == ("GET", "/v1/symbols/NOPE", "/v1/symbols/{symbol}")
    assert (facts["status"], facts["bytes"]) == (404, len(one.get("/v1/symbols/NOPE").body))


def test_codes_are_words_and_their_problems_complete() -> None:
    """Codes are stable snake_case words with an error status and a title."""
    for problem in Problem:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", problem.value)
        assert 400 <= problem.status <= 599
        assert problem.title


@given(
    st.sampled_from(
        [
            "/v1/candles",
            "/v1/candles/",
            "/v1/prices/",
            "/v1/prices/BTCUSDT/history",
            "/v1/symbols",
            "/v1/symbols/",
            "/v1/prices",
            "/v1/convert",
            "/",
        ]
    ),
    st.just("") | st.text(),
    st.dictionaries(
        st.sampled_from(["interval", "symbols", "limit", "start", "q", "cursor", "from", "to", "amount", "at"]),
        st.sampled_from(["USD", "USDT", "2026-01-01", "7"]) | st.text(),
    ),
)
def test_no_request_causes_a_server_error(path: str, tail: str, query: dict[str, str]) -> None:
    """Any path and any values of any parameters: an answer below 500 whose body is what its type says."""
    one = client()
    answer = one.send(event(path + tail, query={name: [value] for name, value in query.items()}))
    assert answer.status < 500, one.log.exceptions
    assert answer.headers["Content-Type"] in {"application/json", "application/problem+json"}
    json.loads(answer.body)
