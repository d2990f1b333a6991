"""Conversions over the pairs of the database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflow.persistence.connection import Database
from tests.integration.api.conftest import AddCandles, AddPrice
from tests.unit.api.market import NOON, Answer, Client

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


def ask(client: Client, from_: str, to: str, **query: str) -> Answer:
    """One conversion."""
    return client.get("/v1/convert", **{"from": from_, "to": to}, **query)


def test_crypto_goes_to_fiat_and_fiat_crosses(client: Client, add_price: AddPrice) -> None:
    """The seeds' pairs, both ways, with the stored digits; the dollar's tether is named a parity."""
    add_price("ETHUSDT", "3400.5000", NOON)
    add_price("EURUSD", "1.1000", NOON - 24 * HOUR)
    add_price("USDJPY", "150.00", NOON - 24 * HOUR)
    got = ask(client, "ETH", "JPY", amount="2").json
    assert [(leg["symbol"], leg["source"], leg["inverted"]) for leg in got["legs"]] == [
        ("ETHUSDT", "binance", False),
        (None, "parity", False),
        ("USDJPY", "exchangerate", False),
    ]
    assert (got["result"], got["as_of"], got["age_seconds"]) == (1_020_150, "2026-11-22T12:00:00Z", 86_400)
    assert '"rate":3400.5000,' in ask(client, "ETH", "USDT").body
    assert ask(client, "JPY", "EUR", amount="165").json["result"] == 1


def test_the_last_price_at_or_before_a_time_is_taken(client: Client, add_price: AddPrice) -> None:
    """Later ones are not known at that time."""
    for number in (1, 2, 3):
        add_price("BTCUSDT", str(number), NOON - timedelta(minutes=10 - number))
    assert ask(client, "BTC", "USDT").json["result"] == 3
    assert ask(client, "BTC", "USDT", at="2026-11-23T11:52:00Z").json["result"] == 2
    assert ask(client, "BTC", "USDT", at="2026-11-23T11:51:59Z").json["result"] == 1
    assert ask(client, "BTC", "USDT", at="2026-11-23T11:50:59Z").json["code"] == "no_path"


def test_the_close_of_a_final_minute_counts_from_its_end(
    client: Client, add_candles: AddCandles, add_price: AddPrice
) -> None:
    """History that was backfilled has candles and no observations; an observation of the same time wins."""
    add_candles("BTCUSDT", [NOON - timedelta(minutes=30), NOON - timedelta(minutes=20)])
    add_candles("BTCUSDT", [NOON - timedelta(minutes=10)], final=False)
    add_candles("BTCUSDT", [NOON - timedelta(minutes=9)], interval="1d")
    got = ask(client, "BTC", "USDT").json
    assert (got["result"], got["as_of"]) == (2, "2026-11-23T11:41:00Z")
    assert ask(client, "BTC", "USDT", at="2026-11-23T11:40:59Z").json["result"] == 1
    add_price("BTCUSDT", "7", NOON - timedelta(minutes=19))
    assert ask(client, "BTC", "USDT").json["result"] == 7
    assert ask(client, "BTC", "USDT", at="2026-11-23T11:40:59Z").json["result"] == 1


def test_only_active_pairs_lead_anywhere(client: Client, database: Database, add_price: AddPrice) -> None:
    """A symbol that is no longer fetched has no rate, and stocks are not money."""
    add_price("BTCUSDT", "68000", NOON)
    add_price("AAPL", "200", NOON)
    assert ask(client, "BTC", "USDT").status == 200
    assert ask(client, "AAPL", "USD").json["code"] == "unknown_currency"
    database.query("update symbols set base_currency = 'EUR' where symbol = 'AAPL'")
    assert ask(client, "EUR", "USD").json["code"] == "no_path"
    database.query("update symbols set active = false where base_currency = 'BTC'")
    assert ask(client, "BTC", "USDT").status == 404
    database.query("update symbols set active = false where quote_currency = 'BTC'")
    assert ask(client, "BTC", "USDT").json["code"] == "unknown_currency"


def test_any_time_can_be_asked_for(client: Client, add_price: AddPrice) -> None:
    """The beginning of the calendar is a time before every price, not an error."""
    add_price("BTCUSDT", "68000", NOON)
    assert ask(client, "BTC", "USDT", at="0001-01-01").json["code"] == "no_path"
