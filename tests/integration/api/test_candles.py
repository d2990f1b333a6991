"""Candles come from the table as they are: in order, in the range, in pages, and never made up."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.persistence.connection import Database
from tests.integration.api.conftest import AddCandles
from tests.unit.api.market import NOON, Client, follow, minutes

pytestmark = pytest.mark.integration

AT_NOON = "2026-11-23T12:00:00Z"


def pages(client: Client, path: str, **query: str) -> list[list[dict[str, object]]]:
    """Every page, by following the Link headers."""
    found = []
    while len(found) < 100:
        answer = client.get(path, **query)
        assert answer.status == 200, answer.body
        found.append(answer.json)
        if "Link" not in answer.headers:
            return found
        path, query = follow(answer.headers["Link"])
    pytest.fail("the Link headers never end")


def test_a_candle_has_the_members_of_the_contract(client: Client, add_candles: AddCandles) -> None:
    """Every candle says whether it is final; what the source does not give is null."""
    add_candles("BTCUSDT", minutes(1), final=False)
    assert client.get("/v1/candles/BTCUSDT", interval="1m").json == [
        {
            "open_time": AT_NOON,
            "open": 1,
            "high": 1,
            "low": 1,
            "close": 1,
            "volume": 1,
            "quote_volume": None,
            "trades": None,
            "final": False,
        }
    ]


def test_csv_has_a_header_row_and_empty_fields_for_nothing(client: Client, add_candles: AddCandles) -> None:
    """A missing value is an empty field; a page without rows is the header alone."""
    header = "open_time,open,high,low,close,volume,quote_volume,trades,final\n"
    assert client.get("/v1/candles/BTCUSDT", interval="1m", format="csv").body == header
    add_candles("BTCUSDT", minutes(2))
    assert client.get("/v1/candles/BTCUSDT", interval="1m", format="csv", order="asc").body == (
        f"{header}2026-11-23T12:00:00Z,1,1,1,1,1,,,true\n2026-11-23T12:01:00Z,2,2,2,2,2,,,true\n"
    )


def test_json_lines_are_objects_and_nothing_is_empty(client: Client, add_candles: AddCandles) -> None:
    """One object a line, each line ended; without rows there is no line."""
    assert client.get("/v1/candles/BTCUSDT", interval="1m", format="ndjson").body == ""
    add_candles("BTCUSDT", minutes(2))
    body = client.get("/v1/candles/BTCUSDT", interval="1m", format="ndjson").body
    assert [json.loads(line)["open"] for line in body.splitlines()] == [2, 1]
    assert body.endswith("}\n")


def test_a_range_includes_its_start_and_not_its_end(client: Client, add_candles: AddCandles) -> None:
    """`[start, end)`: two ranges that meet share no candle."""
    add_candles("BTCUSDT", minutes(4))
    got = client.get(
        "/v1/candles/BTCUSDT", interval="1m", start="2026-11-23T12:01:00Z", end="2026-11-23T15:03:00+03:00"
    ).json
    assert [candle["open"] for candle in got] == [2, 3]


def test_only_the_stored_interval_of_the_symbol_is_served(client: Client, add_candles: AddCandles) -> None:
    """Minutes of a stock are not its days, other symbols are others, and no candle is made up."""
    add_candles("AAPL", minutes(3))
    add_candles("MSFT", minutes(1), interval="1d")
    assert client.get("/v1/candles/AAPL", interval="1M").json == []
    assert client.get("/v1/candles/AAPL", interval="1d").json == []
    assert len(client.get("/v1/candles/MSFT", interval="1d").json) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(limit=st.integers(1, 12), order=st.sampled_from(["asc", "desc"]), bounds=st.sets(st.integers(0, 12), max_size=2))
def test_pages_join_without_a_seam(
    client: Client, database: Database, add_candles: AddCandles, limit: int, order: str, bounds: set[int]
) -> None:
    """Whatever the size, order and range, the pages are the whole range, once, in order; the last has no Link."""
    database.query("delete from candles")
    add_candles("BTCUSDT", minutes(11))
    low, high = ([*sorted(bounds), 12, 12])[:2] if bounds else (0, 12)
    query = {"interval": "1m", "limit": str(limit), "order": order}
    if bounds:
        query["start"] = (NOON + timedelta(minutes=low)).isoformat()
        query["end"] = (NOON + timedelta(minutes=max(high, low + 1))).isoformat()
    found = pages(client, "/v1/candles/BTCUSDT", **query)
    got = [candle["open"] for page in found for candle in page]
    expected = [number + 1 for number in range(11) if low <= number < max(high, low + 1)] if bounds else [*range(1, 12)]
    assert got == (expected if order == "asc" else expected[::-1])
    assert all(len(page) == limit for page in found[:-1])


def test_pages_stay_in_place_while_rows_arrive(client: Client, add_candles: AddCandles) -> None:
    """A candle that arrives between two pages neither repeats nor hides another."""
    add_candles("BTCUSDT", minutes(6))
    first = client.get("/v1/candles/BTCUSDT", interval="1m", limit="3")
    add_candles("BTCUSDT", minutes(3, first=NOON + timedelta(minutes=6)))
    path, query = follow(first.headers["Link"])
    assert [candle["open"] for candle in first.json + client.get(path, **query).json] == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
def test_a_batch_runs_through_its_symbols(client: Client, add_candles: AddCandles, order: str, limit: int) -> None:
    """Symbols by name, candles in order within each, the limit across all, unknown ones said once."""
    add_candles("ETHUSDT", minutes(3))
    add_candles("BTCUSDT", minutes(3))
    add_candles("BNBUSDT", minutes(3))
    found = pages(
        client, "/v1/candles", symbols="ETHUSDT,NOPE,BTCUSDT,SOLUSDT", interval="1m", order=order, limit=str(limit)
    )
    rows = [row for page in found for row in page]
    assert rows[0]["symbol"] == "NOPE"
    assert "problem" in rows[0]
    numbers = [1, 2, 3] if order == "asc" else [3, 2, 1]
    assert [(row["symbol"], row["open"]) for row in rows[1:]] == [
        (name, number) for name in ("BTCUSDT", "ETHUSDT") for number in numbers
    ]


def test_a_full_page_of_final_minutes_is_settled(client: Client, add_candles: AddCandles) -> None:
    """Crypto without a gap may be kept for ever; with a gap, or of a stock, it may not."""
    add_candles("BTCUSDT", minutes(4))
    add_candles("ETHUSDT", [time for time in minutes(4) if time.minute != 2])
    add_candles("AAPL", minutes(4))
    query = {"interval": "1m", "start": AT_NOON, "end": "2026-11-23T12:04:00Z"}
    kept = {
        symbol: "immutable" in client.get(f"/v1/candles/{symbol}", **query).headers["Cache-Control"]
        for symbol in ("BTCUSDT", "ETHUSDT", "AAPL")
    }
    assert kept == {"BTCUSDT": True, "ETHUSDT": False, "AAPL": False}


def test_the_largest_page_fits_a_lambda_answer(client: Client, database: Database) -> None:
    """10,000 candles with long decimals as strings, escaped as JSON in JSON, stay under Lambda's 6 MB."""
    database.query(
        """insert into candles select s.id, '1m', cast(:now as timestamptz) + n * interval '1 minute', 123456.12345678,
             123456.12345678, 123456.12345678, 123456.12345678, 1234567890.12345678, 1234567890.12345678, 123456, true,
             cast(:now as timestamptz), 1 from symbols s, generate_series(0, 10000) n where symbol = 'BTCUSDT'""",
        now=NOON,
    )
    answer = client.get("/v1/candles/BTCUSDT", interval="1m", limit="10000", numbers="string")
    assert len(answer.json) == 10_000
    assert "Link" in answer.headers
    assert len(json.dumps(answer.raw)) < 6_000_000


@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_pages_reach_over_months_without_a_candle(
    client: Client, add_candles: AddCandles, interval: str, order: str, limit: int
) -> None:
    """The nearest months are looked at first; what lies behind an empty half a year is found all the same."""
    days = [NOON - timedelta(days=number) for number in (400, 399, 200, 30, 1, 0)]
    add_candles("BTCUSDT", days)
    for bounds in ({}, {"start": (days[0] - timedelta(days=90)).isoformat()}, {"end": NOON.isoformat()}):
        found = pages(client, "/v1/candles/BTCUSDT", interval=interval, order=order, limit=str(limit), **bounds)
        got = [row["open_time"] for page in found for row in page]
        wanted = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in days[: -1 if "end" in bounds else None]]
        assert got == (wanted if order == "asc" else wanted[::-1])
        assert all(len(page) == limit for page in found[:-1])
