"""GET /v1/coverage/{symbol}: its parameters and its answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.api.market import NOON, Client, FakeReader, minutes

pytestmark = pytest.mark.unit

HOUR = NOON - timedelta(hours=1)
RANGE = {"interval": "1m", "start": "2026-11-23T11:00:00Z", "end": "2026-11-23T11:10:00Z"}
PATH = "/v1/coverage/BTCUSDT"


def client() -> Client:
    """A market in which minutes 0 to 3 and 6 to 9 of the last hour are stored."""
    times = minutes(10, first=HOUR)
    return Client(reader=FakeReader(candle_times={"BTCUSDT": times[:4] + times[6:]}))


def test_an_answer_counts_and_explains() -> None:
    """Everything is said in the contract's words, times in UTC, and nothing may keep it unasked."""
    answer = client().get(PATH, **RANGE)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    assert answer.json == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "start": "2026-11-23T11:00:00Z",
        "end": "2026-11-23T11:10:00Z",
        "expected": 10,
        "present": 8,
        "missing": 2,
        "complete": False,
        "missing_by_reason": {"no_trades": 0, "source_outage": 0, "quarantined": 0, "not_fetched": 2},
        "gap_count": 1,
        "gaps": [
            {
                "start": "2026-11-23T11:04:00Z",
                "end": "2026-11-23T11:06:00Z",
                "missing": 2,
                "reason": "not_fetched",
                "repair": {"state": "automatic", "tries": 0},
            }
        ],
    }


def test_without_a_range_it_is_all_from_the_first_candle_until_now() -> None:
    """The end is the present moment."""
    answer = client().get(PATH, interval="1m").json
    assert (answer["start"], answer["end"], answer["expected"]) == (
        "2026-11-23T11:00:00Z",
        "2026-11-23T12:00:00Z",
        60,
    )
    assert [gap["missing"] for gap in answer["gaps"]] == [2, 50]
    (only,) = client().get(PATH, interval="1m", limit="1").json["gaps"]
    assert only["missing"] == 2


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ({}, "missing_parameter", "interval"),
        ({"interval": "7m"}, "invalid_parameter", "interval"),
        (RANGE | {"end": RANGE["start"]}, "invalid_parameter", "end"),
        (RANGE | {"closed": "yes"}, "invalid_parameter", "closed"),
        (RANGE | {"limit": "10001"}, "invalid_parameter", "limit"),
        (RANGE | {"limit": "0"}, "invalid_parameter", "limit"),
        (RANGE | {"cursor": "x"}, "unknown_parameter", "cursor"),
        ({"interval": "1m", "start": "2020-01-01"}, "invalid_parameter", "start"),
        ({"interval": "1d", "start": "0001-01-01", "end": "0001-01-02"}, "invalid_parameter", "start"),
        ({"interval": "1d", "end": "0001-01-02"}, "invalid_parameter", "end"),
    ],
)
def test_what_cannot_be_answered_is_refused(query: dict[str, str], code: str, parameter: str) -> None:
    """The problem names the parameter that is to blame."""
    answer = client().get(PATH, **query)  # type: ignore[arg-type]
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (400, code, parameter)


def test_a_symbol_that_does_not_exist_is_404() -> None:
    """As everywhere."""
    answer = client().get("/v1/coverage/NOPE", interval="1m")
    assert (answer.status, answer.json["code"]) == (404, "symbol_not_found")
