"""Symbols and latest prices as the database has them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from marketflow.persistence.connection import Database
from tests.integration.api.conftest import AddPrice
from tests.unit.api.market import NOON, Client, follow

pytestmark = pytest.mark.integration


def names(client: Client, **query: str) -> list[str]:
    """The names on the first page."""
    answer = client.get("/v1/symbols", **query)
    assert answer.status == 200, answer.body
    return [symbol["symbol"] for symbol in answer.json]


def test_a_symbol_has_the_members_of_the_contract(client: Client, database: Database) -> None:
    """All that is known of an instrument, with times in RFC 3339."""
    database.query(
        """update symbols set created_at = '2026-01-02T03:04:05Z', updated_at = '2026-01-02T03:04:05.678901Z'
           where symbol = 'THYAO.IS'"""
    )
    got = client.get("/v1/symbols/THYAO.IS").json
    assert isinstance(got.pop("id"), int)
    assert isinstance(got.pop("name"), str)
    assert got == {
        "symbol": "THYAO.IS",
        "asset_type": "stock",
        "base_currency": None,
        "quote_currency": "TRY",
        "exchange": "XIST",
        "timezone": "Europe/Istanbul",
        "source": "yahoo",
        "source_symbol": "THYAO.IS",
        "price_unit": "TRY",
        "active": True,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05.678Z",
    }


def test_a_symbol_is_found_by_its_id_too(client: Client) -> None:
    """The numeric id leads to the same object; an id that does not exist is 404."""
    one = client.get("/v1/symbols/BTCUSDT").json
    assert client.get(f"/v1/symbols/{one['id']}").json == one
    for unknown in ("999999", "0", "9" * 30, "-1"):
        assert client.get(f"/v1/symbols/{unknown}").status == 404


def test_a_name_of_digits_wins_over_an_id(client: Client, database: Database) -> None:
    """A symbol that is called `1` is what `/symbols/1` means."""
    database.query("update symbols set symbol = '1' where symbol = 'ETHUSDT'")
    assert client.get("/v1/symbols/1").json["source_symbol"] == "ETHUSDT"


def test_symbols_can_be_filtered(client: Client, database: Database) -> None:
    """Filters add up; the text is looked for in names in any case and is no pattern."""
    database.query("update symbols set active = false where symbol = 'BTCUSDT'")
    everything = names(client)
    assert everything == sorted(everything)
    assert set(names(client, asset_type="crypto")) | set(names(client, asset_type="stock")) < set(everything)
    assert names(client, active="false") == ["BTCUSDT"]
    assert "BTCUSDT" not in names(client, active="true")
    assert names(client, source="yahoo") == names(client, asset_type="stock")
    assert names(client, source="nobody") == []
    assert names(client, q="thyao", asset_type="stock") == ["THYAO.IS"]
    assert names(client, q="thyao", asset_type="forex") == []
    assert names(client, q="apple") == ["AAPL"]
    assert names(client, q="%") == []
    assert names(client, q="_") == []
    assert names(client, q="'; drop table symbols; --") == []


def test_symbols_are_paged_to_the_end(client: Client) -> None:
    """Pages of any size give every symbol once, in order; the cursor keeps the filter."""
    everything = names(client)
    for limit in (1, 5, len(everything) - 1, len(everything)):
        found, path, query = [], "/v1/symbols", {"limit": str(limit)}
        while len(found) <= len(everything):
            answer = client.get(path, **query)
            assert answer.json
            found += [symbol["symbol"] for symbol in answer.json]
            if "Link" not in answer.headers:
                break
            path, query = follow(answer.headers["Link"])
        assert found == everything


def test_a_price_says_how_old_it_is_and_from_where(client: Client, add_price: AddPrice) -> None:
    """The latest observation, its age at our clock in whole seconds, and whether that is beyond its source's target."""
    add_price("BTCUSDT", "67000.10", NOON - timedelta(minutes=9))
    add_price("BTCUSDT", "68000.12000000", NOON - timedelta(seconds=60, milliseconds=250))
    answer = client.get("/v1/prices/BTCUSDT")
    assert answer.body == (
        '{"symbol":"BTCUSDT","price":68000.12000000,"currency":"USDT","as_of":"2026-11-23T11:58:59.750Z",'
        '"age_seconds":60,"stale":false,"source":"binance"}'
    )


@pytest.mark.parametrize(("age", "stale"), [(180, False), (181, True)])
def test_a_price_is_stale_beyond_its_target(client: Client, add_price: AddPrice, age: int, stale: bool) -> None:
    """The target itself is still fresh."""
    add_price("BTCUSDT", "1", NOON - timedelta(seconds=age))
    assert client.get("/v1/prices/BTCUSDT").json["stale"] is stale


def test_a_price_from_a_clock_ahead_of_ours_is_new(client: Client, add_price: AddPrice) -> None:
    """An age is never negative."""
    add_price("BTCUSDT", "1", NOON + timedelta(seconds=3))
    assert client.get("/v1/prices/BTCUSDT").json["age_seconds"] == 0


def test_a_source_that_nobody_knows_any_more_is_stale(client: Client, database: Database, add_price: AddPrice) -> None:
    """What no schedule feeds is never fresh."""
    database.query("update symbols set source = 'gone' where symbol = 'BTCUSDT'")
    add_price("BTCUSDT", "1", NOON)
    assert client.get("/v1/prices/BTCUSDT").json["stale"] is True


def test_a_batch_has_prices_and_problems_in_the_order_asked(client: Client, add_price: AddPrice) -> None:
    """Unknown symbols and those without a price are items between the others."""
    add_price("BTCUSDT", "1.0", NOON)
    add_price("USDTRY", "42.10", NOON)
    items = client.get("/v1/prices", symbols="USDTRY,NOPE,ETHUSDT,BTCUSDT").json
    assert [(item["symbol"], item.get("problem", {}).get("code")) for item in items] == [
        ("USDTRY", None),
        ("NOPE", "symbol_not_found"),
        ("ETHUSDT", "price_not_found"),
        ("BTCUSDT", None),
    ]


def test_a_batch_of_nothing_askable_is_answered(client: Client) -> None:
    """Names that no symbol can have do not reach the database, and leave an empty question behind."""
    assert [item["problem"]["code"] for item in client.get("/v1/prices", symbols="\x00,a b").json] == [
        "symbol_not_found"
    ] * 2
    assert len(client.get("/v1/candles", symbols="\x00", interval="1m").json) == 1


def test_bodies_are_written_without_blanks(client: Client, add_price: AddPrice) -> None:
    """What the database glues has the form of what Python writes; seeds have names beyond ASCII, which stay."""
    add_price("BTCUSDT", "1", NOON)
    for path in ("/v1/symbols", "/v1/symbols/THYAO.IS", "/v1/ready", "/v1/sources", "/v1/prices/BTCUSDT"):
        answer = client.get(path)
        assert answer.body == json.dumps(answer.json, separators=(",", ":"), ensure_ascii=False)


def test_a_latest_price_may_be_months_old(client: Client, add_price: AddPrice) -> None:
    """The last days are looked at first; a price from before them is still the latest, alone and among others."""
    add_price("BTCUSDT", "50000", NOON - timedelta(days=200))
    add_price("BTCUSDT", "60000", NOON - timedelta(days=90))
    add_price("ETHUSDT", "3000", NOON)
    assert client.get("/v1/prices/BTCUSDT").json["price"] == 60000
    both = client.get("/v1/prices", symbols="ETHUSDT,BTCUSDT,SOLUSDT").json
    assert [one.get("price") for one in both] == [3000, 60000, None]
