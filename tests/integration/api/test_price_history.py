"""Observed prices come from the table as they are: in order, in the range, in pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.api.conftest import AddPrice
from tests.unit.api.market import NOON, Client, follow

pytestmark = pytest.mark.integration

PATH = "/v1/prices/BTCUSDT/history"


def pages(client: Client, **query: str) -> list[list[int]]:
    """The prices of every page, by following the Link headers."""
    found, path = [], PATH
    while len(found) < 100:
        answer = client.get(path, **query)
        assert answer.status == 200, answer.body
        found.append([item["price"] for item in answer.json])
        if "Link" not in answer.headers:
            return found
        path, query = follow(answer.headers["Link"])
    pytest.fail("the Link headers never end")


def test_an_observation_has_the_members_of_the_contract(client: Client, add_price: AddPrice) -> None:
    """When the source says the price was, when we heard of it, from whom, and in which currency."""
    add_price("BTCUSDT", "68000.12000000", NOON - timedelta(milliseconds=250))
    assert client.get(PATH).body == (
        '[{"as_of":"2026-11-23T11:59:59.750Z","price":68000.12000000,"source":"binance","currency":"USDT",'
        '"observed_at":"2026-11-23T11:59:59.750Z"}]'
    )


def test_a_file_of_observations_has_a_header_row(client: Client, add_price: AddPrice) -> None:
    """CSV has the columns even without a row; JSON lines have nothing then."""
    assert client.get(PATH, format="csv").body == "as_of,price,source,currency,observed_at\n"
    assert client.get(PATH, format="ndjson").body == ""
    add_price("BTCUSDT", "1.50", NOON)
    line = "2026-11-23T12:00:00Z,1.50,binance,USDT,2026-11-23T12:00:00Z\n"
    assert client.get(PATH, format="csv").body.partition("\n")[2] == line
    assert client.get(PATH, format="ndjson").body.endswith('"observed_at":"2026-11-23T12:00:00Z"}\n')


def test_observations_of_a_range_include_its_start_and_not_its_end(client: Client, add_price: AddPrice) -> None:
    """`[start, end)`, of this symbol only."""
    for number in (1, 2, 3):
        add_price("BTCUSDT", str(number), NOON + timedelta(minutes=number))
    add_price("ETHUSDT", "9", NOON + timedelta(minutes=1))
    got = client.get(PATH, start="2026-11-23T12:01:00Z", end="2026-11-23T12:03:00Z").json
    assert [item["price"] for item in got] == [1, 2]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_observations_within_a_millisecond_are_paged_apart(client: Client, add_price: AddPrice, order: str) -> None:
    """The cursor is exact to the microsecond: nothing is lost or repeated where the shown times are equal."""
    for number in range(1, 6):
        add_price("BTCUSDT", str(number), NOON + timedelta(microseconds=number))
    expected = [1, 2, 3, 4, 5] if order == "asc" else [5, 4, 3, 2, 1]
    for limit in (1, 2, 5):
        got = pages(client, order=order, limit=str(limit))
        assert [price for page in got for price in page] == expected
        assert len(got) == -(-5 // limit)


def test_an_observation_that_arrives_between_two_pages_moves_nothing(client: Client, add_price: AddPrice) -> None:
    """The next page begins behind the last row that was seen, not at a row number."""
    for number in (1, 2, 3):
        add_price("BTCUSDT", str(number), NOON + timedelta(minutes=number))
    first = client.get(PATH, limit="2")
    add_price("BTCUSDT", "4", NOON + timedelta(minutes=4))
    path, query = follow(first.headers["Link"])
    assert [item["price"] for item in client.get(path, **query).json] == [1]
