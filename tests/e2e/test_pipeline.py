"""Prices flow from the sources through the deployed functions, the queue and the database to the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local import smoke
from local.client import ApiClient
from local.stack import LocalStack
from marketflow.persistence.connection import Database
from tests.e2e.conftest import raw_keys, wait_for

pytestmark = pytest.mark.e2e


def test_every_symbol_of_every_class_has_a_plausible_price(stack: LocalStack, api: ApiClient) -> None:
    """One tick of each schedule fills the API: each seeded symbol has a price, the well-known ones a plausible one."""
    said = smoke.check_prices(api, stack.check)
    assert [part.split()[1] for part in said.split(", ")] == ["crypto", "stock", "forex"]


def test_a_price_says_what_it_is(api: ApiClient) -> None:
    """A price carries its currency, its source, and how old it is."""
    (item,) = api.json("/prices", symbols="BTCUSDT")
    assert (item["symbol"], item["currency"], item["source"]) == ("BTCUSDT", "USDT", "binance")
    as_of = datetime.fromisoformat(item["as_of"])
    assert as_of.tzinfo is not None
    assert timedelta(0) <= datetime.now(UTC) - as_of < timedelta(minutes=5)


def test_stocks_have_their_last_session(api: ApiClient) -> None:
    """Minutes of a stock are there also while its exchange is closed: those of the last session, and they are final."""
    candles = api.json("/candles/AAPL", interval="1m", order="desc", limit=500)
    assert len(candles) > 30
    assert all(candle["final"] for candle in candles[2:])


def test_stocks_have_daily_bars(stack: LocalStack, api: ApiClient) -> None:
    """The daily bars of a stock reach back for weeks, one for each session."""
    bars = wait_for(lambda: api.json("/candles/AAPL", interval="1d", limit=1000), seconds=60, alive=stack.check)
    assert len(bars) > 10
    dates = [bar["open_time"][:10] for bar in bars]
    assert dates == sorted(set(dates), reverse=True)


def test_every_row_names_its_raw_object(stack: LocalStack, database: Database) -> None:
    """Each candle and price points at an archived answer that is really in the bucket."""
    unknown = database.query(
        "select count(*) from (select raw_id from candles union select raw_id from prices) rows"
        " left join raw_objects on raw_objects.id = rows.raw_id where raw_objects.id is null"
    )
    assert unknown == [[0]]
    stored = {key for (key,) in database.query("select key from raw_objects")}
    assert stored
    assert stored <= raw_keys(stack)


def test_symbols_come_in_pages(api: ApiClient) -> None:
    """The link to the next page can be followed as it stands, through the gateway, to the last symbol."""
    seen: list[str] = []
    answer = api.get("/symbols", limit=10)
    while True:
        seen += [item["symbol"] for item in answer.json()]
        if "next" not in answer.links:
            break
        answer = api.get(answer.links["next"]["url"])
    assert seen == sorted(set(seen))
    assert len(seen) >= 36


def test_schedules_tick_by_themselves(stack: LocalStack, api: ApiClient) -> None:
    """Nobody asks, and the candles of a pair grow by the minute: its schedule fires in the deployed stack."""

    def newest() -> datetime:
        (candle,) = api.json("/candles/ETHUSDT", interval="1m", order="desc", limit=1)
        return datetime.fromisoformat(candle["open_time"])

    first = newest()
    wait_for(lambda: newest() > first, seconds=100, alive=stack.check)
    assert newest() - first >= timedelta(minutes=1)
