"""What is held back as an absurd move is in no answer: not as a price, in no candle, page, file or conversion."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflow.persistence.connection import Database
from tests.integration.api.conftest import AddCandles, AddPrice
from tests.integration.rolled import roll
from tests.unit.api.market import NOON, Client, minutes

pytestmark = pytest.mark.integration

MINUTE = timedelta(minutes=1)
ASKED = {"interval": "1m", "order": "asc"}


def hold(database: Database, table: str, symbol: str, number: int) -> None:
    """Hold back the row with this price, as the loader does."""
    column = "close" if table == "candles" else "price"
    database.query(
        f"update {table} set held = true from symbols s where s.id = symbol_id and s.symbol = :symbol"  # noqa: S608
        f" and {column} = :number",
        symbol=symbol,
        number=number,
    )


@pytest.fixture
def four_minutes(add_candles: AddCandles, database: Database) -> None:
    """Minutes of a pair and of a share, the third of each held back."""
    for symbol in ("BTCUSDT", "AAPL"):
        add_candles(symbol, minutes(4))
        hold(database, "candles", symbol, 3)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("layout", ["json", "csv", "ndjson"])
@pytest.mark.usefixtures("four_minutes")
def test_a_page_leaves_it_out_in_every_form(client: Client, layout: str, order: str) -> None:
    """JSON, CSV and NDJSON have the same three candles, and the page behind them none."""
    body = client.get("/v1/candles/BTCUSDT", interval="1m", order=order, format=layout).body
    assert body.count("2026-11-23T12:0") == 3
    assert "12:02:00Z" not in body


@pytest.mark.usefixtures("four_minutes")
def test_pages_go_on_over_it(client: Client) -> None:
    """With one candle a page, the page behind the second has the fourth, and no page is promised behind that."""
    first = client.get("/v1/candles/BTCUSDT", **ASKED, limit="2")
    assert [row["close"] for row in first.json] == [1, 2]
    assert "Link" in first.headers
    until = (NOON + 3 * MINUTE).isoformat().replace("+00:00", "Z")
    assert "Link" not in client.get("/v1/candles/BTCUSDT", **ASKED, limit="2", end=until).headers


@pytest.mark.parametrize("adjustment", ["raw", "split", "all"])
@pytest.mark.usefixtures("four_minutes")
def test_adjusted_candles_leave_it_out(client: Client, adjustment: str) -> None:
    """On every basis."""
    rows = client.get("/v1/candles/AAPL", **ASKED, adjustment=adjustment).json
    assert [row["close"] for row in rows] == [1, 2, 4]


@pytest.mark.usefixtures("four_minutes")
def test_several_symbols_leave_it_out(client: Client, database: Database) -> None:
    """As they are stored, and on the basis of the day when a split came later."""
    names = "AAPL,BTCUSDT"
    assert [row["close"] for row in client.get("/v1/candles", symbols=names, **ASKED).json] == [1, 2, 4] * 2
    database.query(
        "insert into actions select id, 'split', cast(:at as timestamptz), null, null, 2, 1,"
        " cast(:at as timestamptz), 1, cast(:at as timestamptz), 1 from symbols where symbol = 'AAPL'",
        at=NOON + timedelta(days=1),
    )
    assert [row["close"] for row in client.get("/v1/candles", symbols=names, **ASKED).json] == [1, 2, 4] * 2


@pytest.mark.usefixtures("four_minutes")
def test_what_is_rolled_up_is_made_without_it_and_not_final(client: Client, database: Database) -> None:
    """Its high is not that of the hour, and an hour that lacks it may still change."""
    database.query(
        "insert into fetched_ranges select id, '1m', cast(:range as tstzmultirange), '{}' from symbols"
        " where symbol = 'BTCUSDT'",
        range="{[2026-11-23T00:00:00Z,2026-11-24T00:00:00Z)}",
    )
    hold(database, "candles", "BTCUSDT", 4)
    roll(database)
    (hour,) = client.get("/v1/candles/BTCUSDT", interval="1h").json
    assert (hour["open"], hour["high"], hour["close"], hour["volume"], hour["final"]) == (1, 2, 2, 3, False)
    database.query("delete from candles where held")
    roll(database)
    (hour,) = client.get("/v1/candles/BTCUSDT", interval="1h").json
    assert hour["final"] is True


def test_the_latest_price_and_the_history_leave_it_out(client: Client, add_price: AddPrice, database: Database) -> None:
    """The newest one that is served is the latest; the history has it nowhere."""
    for number in (1, 2, 3):
        add_price("BTCUSDT", str(number), NOON - (4 - number) * MINUTE)
    hold(database, "prices", "BTCUSDT", 3)
    assert client.get("/v1/prices/BTCUSDT").json["price"] == 2
    assert client.get("/v1/prices", symbols="BTCUSDT").json[0]["price"] == 2
    assert [row["price"] for row in client.get("/v1/prices/BTCUSDT/history", order="asc").json] == [1, 2]
    assert client.get("/v1/prices/BTCUSDT/history", format="csv").body.count("\n") == 3


@pytest.mark.parametrize("table", ["prices", "candles"])
def test_a_conversion_goes_by_the_one_before(
    client: Client, add_price: AddPrice, add_candles: AddCandles, database: Database, table: str
) -> None:
    """Neither an observed price nor a minute's close that is held back is anybody's rate."""
    if table == "prices":
        for number in (1, 2):
            add_price("BTCUSDT", str(number), NOON - (3 - number) * MINUTE)
    else:
        add_candles("BTCUSDT", [NOON - 3 * MINUTE, NOON - 2 * MINUTE])
    hold(database, table, "BTCUSDT", 2)
    answer = client.get("/v1/convert", **{"from": "BTC", "to": "USDT"})
    assert answer.json["rate"] == 1, answer.body


def test_a_dividend_is_not_weighed_with_it(client: Client, add_candles: AddCandles, database: Database) -> None:
    """The close that a dividend comes off is the last one that is served."""
    days = [NOON - timedelta(days=day) for day in (3, 2, 1)]
    add_candles("AAPL", days, interval="1d")
    database.query(
        "update candles set open = 100, high = 100, low = 100, close = 100 where open_time < :at", at=days[1]
    )
    database.query("update candles set held = true where open_time = :at", at=days[1])
    database.query(
        "insert into actions select id, 'dividend', cast(:at as timestamptz), 10, 'USD', null, null,"
        " cast(:at as timestamptz), 1, cast(:at as timestamptz), 1 from symbols where symbol = 'AAPL'",
        at=days[2],
    )
    rows = client.get("/v1/candles/AAPL", interval="1d", order="asc", adjustment="all").json
    assert [row["close"] for row in rows] == [90, 3]


def test_coverage_calls_it_quarantined(client: Client, add_candles: AddCandles, database: Database) -> None:
    """It was fetched and is no data; a backfill may bring a better one. A rate of a currency likewise."""
    times = [NOON - (5 - number) * MINUTE for number in range(4)]
    add_candles("BTCUSDT", times)
    hold(database, "candles", "BTCUSDT", 3)
    database.query(
        "insert into fetched_ranges select id, '1m', cast(:range as tstzmultirange), '{}' from symbols"
        " where symbol = 'BTCUSDT'",
        range="{[2026-11-23T00:00:00Z,2026-11-23T11:59:00Z)}",
    )
    start = (NOON - 5 * MINUTE).isoformat().replace("+00:00", "Z")
    end = (NOON - MINUTE).isoformat().replace("+00:00", "Z")
    answer = client.get("/v1/coverage/BTCUSDT", interval="1m", start=start, end=end).json
    assert (answer["expected"], answer["present"]) == (4, 3)
    (gap,) = answer["gaps"]
    assert (gap["start"], gap["missing"], gap["reason"]) == ("2026-11-23T11:57:00Z", 1, "quarantined")
    assert gap["repair"]["state"] == "on_request"


def test_coverage_calls_a_held_rate_quarantined(client: Client, add_price: AddPrice, database: Database) -> None:
    """The day has a rate that is not served."""
    for number in (1, 2, 3):
        add_price("USDTRY", str(number), NOON - timedelta(days=4 - number))
    hold(database, "prices", "USDTRY", 2)
    answer = client.get(
        "/v1/coverage/USDTRY", interval="1d", start="2026-11-20T00:00:00Z", end="2026-11-23T00:00:00Z"
    ).json
    assert [(gap["start"], gap["reason"]) for gap in answer["gaps"]] == [("2026-11-21T00:00:00Z", "quarantined")]


def test_the_past_leaves_it_out_too(client: Client, add_candles: AddCandles, database: Database) -> None:
    """What is held back now is in no answer about an earlier moment either."""
    add_candles("BTCUSDT", [NOON - (5 - number) * MINUTE for number in range(4)])
    hold(database, "candles", "BTCUSDT", 3)
    known = NOON.isoformat().replace("+00:00", "Z")
    rows = client.get("/v1/candles/BTCUSDT", **ASKED, as_known_at=known).json
    assert [row["close"] for row in rows] == [1, 2, 4]
