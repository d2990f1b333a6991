"""Candles that no source gives are rolled up from the stored ones: exact, and final only when nothing is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.persistence.connection import Database
from tests.integration.api.test_candles import pages
from tests.integration.rolled import roll
from tests.unit.api.market import NOON, Client

pytestmark = pytest.mark.integration

MINUTE = timedelta(minutes=1)
LENGTHS = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240}
ISTANBUL = ZoneInfo("Europe/Istanbul")


def store(database: Database, symbol: str, interval: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the symbol's candles, and say that the source was asked for all time until tomorrow."""
    database.query("delete from candles")
    database.query("delete from fetched_ranges")
    database.query("delete from actions")
    for row in rows:
        database.query(
            """insert into candles select s.id, cast(:interval as candle_interval), :open_time, :open, :high, :low,
                 :close, :volume, null, :trades, :final, :observed_at, 1 from symbols s where s.symbol = :symbol""",
            symbol=symbol,
            interval=interval,
            **{"observed_at": NOON, "final": True, "trades": 1, "volume": Decimal("0.1"), **row},
        )
    fetched(database, symbol, interval, "2000-01-01", "2027-01-01")
    roll(database)


def fetched(database: Database, symbol: str, interval: str, start: str, end: str) -> None:
    """Say which time the source was asked for."""
    database.query(
        """insert into fetched_ranges (symbol_id, interval, fetched, refused)
           select id, cast(:interval as candle_interval),
             tstzmultirange(tstzrange(cast(:start as timestamptz), cast(:end as timestamptz))), tstzmultirange()
           from symbols where symbol = :symbol
           on conflict (symbol_id, interval) do update set fetched = excluded.fetched""",
        symbol=symbol,
        interval=interval,
        start=start,
        end=end,
    )


def flat(open_time: datetime, price: str) -> dict[str, Any]:
    """A candle of one price."""
    return {"open_time": open_time, **dict.fromkeys(("open", "high", "low", "close"), Decimal(price))}


def shown(moment: datetime) -> str:
    """As the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@st.composite
def markets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Minutes of ten hours, with holes, each with prices that fit together."""
    found = []
    for number in sorted(draw(st.sets(st.integers(0, 599), max_size=40))):
        prices = draw(st.lists(st.integers(1, 10**6), min_size=4, max_size=4))
        low, *inside, high = sorted(Decimal(price).scaleb(-3) for price in prices)
        first, last = draw(st.permutations(inside))
        found.append(
            {
                "open_time": NOON + number * MINUTE,
                "open": first,
                "high": high,
                "low": low,
                "close": last,
                "final": draw(st.booleans()),
                "volume": draw(st.none() | st.integers(0, 10**6).map(lambda volume: Decimal(volume).scaleb(-8))),
            }
        )
    return found


def rolled(rows: Sequence[Mapping[str, Any]], minutes: int) -> list[dict[str, Any]]:
    """The same by a plain loop."""
    found = []
    for number, group in groupby(rows, key=lambda row: int(row["open_time"].timestamp()) // (60 * minutes)):
        parts = list(group)
        volumes = [part["volume"] for part in parts]
        found.append(
            {
                "open_time": shown(datetime.fromtimestamp(number * 60 * minutes, UTC)),
                "open": parts[0]["open"],
                "high": max(part["high"] for part in parts),
                "low": min(part["low"] for part in parts),
                "close": parts[-1]["close"],
                "volume": None if None in volumes else sum(volumes),
                "quote_volume": None,
                "trades": len(parts),
                "final": all(part["final"] for part in parts),
            }
        )
    return found


def exact(candles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The candles of an answer with `numbers=string`, as decimals."""
    names = ("open", "high", "low", "close", "volume")
    return [
        {**one, **{name: None if one[name] is None else Decimal(str(one[name])) for name in names}} for one in candles
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=markets(), interval=st.sampled_from(sorted(LENGTHS)), order=st.sampled_from(["asc", "desc"]), data=st.data()
)
def test_rolled_up_candles_are_those_of_a_plain_loop(
    client: Client, database: Database, rows: list[dict[str, Any]], interval: str, order: str, data: st.DataObject
) -> None:
    """Open, high, low, close, sums and finality of each bucket, in either order, over any pages, within any bounds."""
    store(database, "BTCUSDT", "1m", rows)
    wanted = rolled(rows, LENGTHS[interval])
    low, high = sorted(data.draw(st.lists(st.integers(-10, 610), min_size=2, max_size=2, unique=True)))
    start, end = shown(NOON + low * MINUTE), shown(NOON + high * MINUTE)
    inside = [one for one in wanted if start <= one["open_time"] < end]
    query = {"interval": interval, "order": order, "numbers": "string", "start": start, "end": end}
    limit = data.draw(st.integers(1, 5))
    found = pages(client, "/v1/candles/BTCUSDT", limit=str(limit), **query)
    assert all(len(page) == limit for page in found[:-1])
    got = exact([one for page in found for one in page])
    assert got == (inside if order == "asc" else inside[::-1])
    batch = pages(client, "/v1/candles", symbols="BTCUSDT,ETHUSDT", limit=str(limit), **query)
    named = [{name: value for name, value in one.items() if name != "symbol"} for page in batch for one in page]
    assert exact(named) == got


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_full_buckets_stay_whole_over_pages(client: Client, database: Database, order: str) -> None:
    """A page ends between two buckets, however many rows there are in each."""
    rows = [flat(NOON + number * MINUTE, str(number + 1)) for number in range(60)]
    store(database, "BTCUSDT", "1m", rows)
    for limit in (1, 2, 5):
        found = pages(client, "/v1/candles/BTCUSDT", interval="5m", order=order, limit=str(limit))
        assert [len(page) for page in found] == [limit] * (12 // limit) + ([12 % limit] if 12 % limit else [])
        got = [(one["open"], one["close"], one["trades"]) for page in found for one in page]
        wanted = [(first + 1, first + 5, 5) for first in range(0, 60, 5)]
        assert got == (wanted if order == "asc" else wanted[::-1])


def test_a_bucket_that_was_not_asked_for_whole_is_not_final(client: Client, database: Database) -> None:
    """Minutes that nobody fetched may still change it."""
    store(database, "BTCUSDT", "1m", [flat(NOON + number * MINUTE, "1") for number in range(10)])
    fetched(database, "BTCUSDT", "1m", "2026-11-23T12:00:00Z", "2026-11-23T12:09:00Z")
    got = client.get("/v1/candles/BTCUSDT", interval="5m", order="asc").json
    assert [one["final"] for one in got] == [True, False]


def test_a_page_of_rolled_up_candles_is_asked_for_again(client: Client, database: Database) -> None:
    """A repair within a bucket changes it."""
    store(database, "BTCUSDT", "1m", [flat(NOON + number * MINUTE, "1") for number in range(10)])
    answer = client.get("/v1/candles/BTCUSDT", interval="5m", start=shown(NOON), end=shown(NOON + 10 * MINUTE))
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_hours_of_a_stock_are_those_of_its_exchange(client: Client, database: Database) -> None:
    """Four hours from midnight in Istanbul, which is three ahead of UTC."""
    opens = [datetime(2026, 11, 23, 9, 59, tzinfo=ISTANBUL), datetime(2026, 11, 23, 12, 0, tzinfo=ISTANBUL)]
    store(database, "THYAO.IS", "1m", [flat(moment, "5") for moment in opens])
    got = client.get("/v1/candles/THYAO.IS", interval="4h", order="asc").json
    assert [one["open_time"] for one in got] == ["2026-11-23T05:00:00Z", "2026-11-23T09:00:00Z"]


def test_days_weeks_and_months_of_crypto_are_those_of_its_minutes(client: Client, database: Database) -> None:
    """No source gives them: they are rolled up in UTC, and the days of stocks stay what their source says."""
    moments = [datetime(2026, 10, 31, 23, 59, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), NOON]
    store(database, "BTCUSDT", "1m", [flat(moment, str(number)) for number, moment in enumerate(moments, 1)])
    got = {
        interval: [
            (one["open_time"][:10], one["open"], one["close"])
            for one in client.get("/v1/candles/BTCUSDT", interval=interval, order="asc").json
        ]
        for interval in ("1d", "1w", "1M")
    }
    assert got == {
        "1d": [("2026-10-31", 1, 1), ("2026-11-01", 2, 2), ("2026-11-23", 3, 3)],
        "1w": [("2026-10-26", 1, 2), ("2026-11-23", 3, 3)],
        "1M": [("2026-10-01", 1, 1), ("2026-11-01", 2, 3)],
    }
    batch = client.get("/v1/candles", symbols="AAPL,BTCUSDT", interval="1d", order="asc").json
    assert [(one["symbol"], one["open_time"][:10]) for one in batch] == [("BTCUSDT", day) for day, *_ in got["1d"]]


def test_weeks_begin_on_monday_and_months_on_the_first(client: Client, database: Database) -> None:
    """On the calendar of the exchange, also over a change of its clocks."""
    zone = ZoneInfo("America/New_York")
    days = [datetime(2026, 10, 26, tzinfo=zone) + timedelta(days=number) for number in (0, 4, 7, 11)]
    store(database, "AAPL", "1d", [flat(day, str(number)) for number, day in enumerate(days, 1)])
    weeks = client.get("/v1/candles/AAPL", interval="1w", order="asc").json
    assert [(one["open_time"], one["open"], one["close"]) for one in weeks] == [
        ("2026-10-26T04:00:00Z", 1, 2),
        ("2026-11-02T05:00:00Z", 3, 4),
    ]
    months = client.get("/v1/candles/AAPL", interval="1M", order="asc").json
    assert [(one["open_time"], one["close"]) for one in months] == [
        ("2026-10-01T04:00:00Z", 2),
        ("2026-11-01T04:00:00Z", 4),
    ]


def test_a_split_within_a_week_is_taken_out_before_it_is_rolled_up(client: Client, database: Database) -> None:
    """Raw keeps what was traded on each day; split brings the week to one basis."""
    zone = ZoneInfo("America/New_York")
    monday = datetime(2026, 11, 16, tzinfo=zone)
    rows = [flat(monday, "100"), flat(monday + timedelta(days=2), "110")]
    store(database, "AAPL", "1d", rows)
    database.query(
        """insert into actions (symbol_id, kind, effective, numerator, denominator, observed_at, raw_id,
             last_observed_at, last_raw_id)
           select id, 'split', :effective, 4, 1, :now, 1, :now, 1 from symbols where symbol = 'AAPL'""",
        effective=monday + timedelta(days=1),
        now=NOON,
    )
    (raw,) = client.get("/v1/candles/AAPL", interval="1w").json
    (split,) = client.get("/v1/candles/AAPL", interval="1w", adjustment="split").json
    assert (raw["open"], raw["high"], raw["close"]) == (400, 400, 110)
    assert (split["open"], split["high"], split["close"]) == (100, 110, 110)


def test_csv_has_the_same_columns(client: Client, database: Database) -> None:
    """A file of hours reads like a file of minutes."""
    store(database, "BTCUSDT", "1m", [flat(NOON, "1.50")])
    body = client.get("/v1/candles/BTCUSDT", interval="1h", format="csv").body
    assert body.splitlines()[1] == "2026-11-23T12:00:00Z,1.50,1.50,1.50,1.50,0.1,,1,true"


def test_an_unknown_symbol_is_unknown_at_every_interval(client: Client) -> None:
    """404, not an empty page."""
    assert client.get("/v1/candles/NOPE", interval="1h").status == 404
