"""Stocks' prices before and after splits and dividends: as traded, in today's shares, and less what was paid out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.loading import Provenance
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload
from marketflow.domain.symbol import AssetType
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.unit.api.market import Client, follow

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
SPLIT_DAY = datetime(2026, 8, 31, 4, tzinfo=UTC)  # midnight in New York
PATH = "/v1/candles/AAPL"

Put = Callable[..., None]


def split(numerator: str, denominator: str = "1", effective: datetime = SPLIT_DAY) -> CorporateAction:
    """A split of AAPL."""
    return CorporateAction(
        "AAPL", ActionKind.SPLIT, effective, numerator=Decimal(numerator), denominator=Decimal(denominator)
    )


def dividend(amount: str, effective: datetime, currency: str = "USD") -> CorporateAction:
    """A dividend of AAPL."""
    return CorporateAction("AAPL", ActionKind.DIVIDEND, effective, amount=Decimal(amount), currency=currency)


def bar(open_time: datetime, price: str, *, volume: str = "1000", **changes: Any) -> Candle:  # noqa: ANN401
    """A flat daily candle of AAPL."""
    value = Decimal(price)
    facts = {"interval": Interval.D1, "final": True, "currency": "USD", **changes}
    return Candle(
        "AAPL", open_time=open_time, open=value, high=value, low=value, close=value, volume=Decimal(volume), **facts
    )


@pytest.fixture
def put(database: Database) -> Put:
    """Loads what was observed at a time."""

    def load(observed_at: datetime, *rows: Candle | CorporateAction) -> None:
        payload = ParsedPayload(
            candles=tuple(row for row in rows if isinstance(row, Candle)),
            actions=tuple(row for row in rows if isinstance(row, CorporateAction)),
        )
        key = f"raw/source=yahoo/{observed_at.isoformat()}/{len(rows)}"
        # Prices of any size stand beside each other here: none is to be held back.
        Loader(database, max_moves={AssetType.STOCK: Decimal(10) ** 60}).load(
            payload, Provenance(raw_key=key, source="yahoo", dataset="chart_1d", observed_at=observed_at)
        )

    return load


def closes(client: Client, adjustment: str, **query: str) -> list[str]:
    """The closes to the digit, in the order of time."""
    asked = {"interval": "1d", "order": "asc", "numbers": "string", "adjustment": adjustment, **query}
    answer = client.get(PATH, **asked)
    assert answer.status == 200, answer.body
    assert answer.headers["X-Adjustment"] == adjustment
    return [candle["close"] for candle in answer.json]


def test_a_price_from_before_a_split_is_the_one_that_was_traded(client: Client, put: Put) -> None:
    """A 4:1 split: the share was traded at 400; said before the split that is 400, said after it 100 of today's."""
    put(SPLIT_DAY - DAY, bar(SPLIT_DAY - 3 * DAY, "400.00"))  # seen before the split, and never again
    put(SPLIT_DAY + DAY, bar(SPLIT_DAY - 2 * DAY, "100.25"), bar(SPLIT_DAY, "101.50"), split("4"))
    assert closes(client, "raw") == ["400.00", "401", "101.50"]
    assert closes(client, "split") == ["100", "100.25", "101.50"]


def test_apples_split_of_2020_gives_the_prices_of_its_days(client: Client, put: Put) -> None:
    """On 28 August Apple closed at 499.23 dollars, on the 31st at 129.04: what Yahoo said of both years later."""
    friday, monday = datetime(2020, 8, 28, 4, tzinfo=UTC), datetime(2020, 8, 31, 4, tzinfo=UTC)
    put(datetime(2025, 2, 20, tzinfo=UTC), bar(friday, "124.8075"), bar(monday, "129.04"), split("4", "1", monday))
    assert closes(client, "raw") == ["499.23", "129.04"]
    assert closes(client, "split") == ["124.8075", "129.04"]


def test_the_day_of_the_split_has_it_in_its_price(client: Client, put: Put) -> None:
    """The candle of the ex-date opens at the very moment of the split and is not touched; the minute before it is."""
    minute = {"interval": Interval.M1}
    before = SPLIT_DAY - timedelta(minutes=1)
    put(SPLIT_DAY + DAY, bar(before, "100", **minute), bar(SPLIT_DAY, "100", **minute), split("4"))
    assert closes(client, "raw", interval="1m") == ["400", "100"]


def test_a_reverse_split_goes_the_other_way(client: Client, put: Put) -> None:
    """1:10: what was traded at 0.52 is 5.2 of today's shares, a tenth as many of which were traded."""
    put(SPLIT_DAY + DAY, bar(SPLIT_DAY - DAY, "5.20", volume="12345"), split("1", "10"))
    put(SPLIT_DAY - DAY, bar(SPLIT_DAY - 2 * DAY, "0.50", volume="5"))
    assert closes(client, "raw") == ["0.50", "0.52"]
    assert closes(client, "split") == ["5", "5.20"]
    query = {"interval": "1d", "order": "asc", "numbers": "string"}
    volumes = {
        adjustment: [row["volume"] for row in client.get(PATH, adjustment=adjustment, **query).json]
        for adjustment in ("raw", "split", "all")
    }
    assert volumes == {"raw": ["5", "123450"], "split": ["0.5", "12345"], "all": ["0.5", "12345"]}


def test_where_nothing_applies_the_digits_are_the_sources(client: Client, put: Put) -> None:
    """Trailing zeros and all; also when other candles of the page are adjusted."""
    put(SPLIT_DAY + 3 * DAY, split("4"), dividend("1.00", SPLIT_DAY + DAY))
    put(SPLIT_DAY + 3 * DAY, bar(SPLIT_DAY - DAY, "100.10"), bar(SPLIT_DAY, "100.10"), bar(SPLIT_DAY + DAY, "100.10"))
    assert closes(client, "raw") == ["400.4", "100.10", "100.10"]
    assert closes(client, "split") == ["100.10", "100.10", "100.10"]
    assert closes(client, "all")[2] == "100.10"
    query = {"interval": "1d", "order": "asc", "format": "csv"}
    lines = client.get(PATH, **query).body.splitlines()
    assert lines[1].startswith("2026-08-30T04:00:00Z,400.4,400.4,400.4,400.4,250,,,true")
    assert lines[2].startswith("2026-08-31T04:00:00Z,100.10,100.10,100.10,100.10,1000,,,true")


def test_a_quotient_that_does_not_end_has_twenty_digits(client: Client, put: Put) -> None:
    """3:1 splits 100 into thirds; 25 ends, however many digits it needs."""
    put(SPLIT_DAY - DAY, bar(SPLIT_DAY - 3 * DAY, "100"), bar(SPLIT_DAY - 2 * DAY, "0.00075"))
    put(SPLIT_DAY + DAY, split("3"))
    assert closes(client, "split") == ["33.333333333333333333", "0.00025"]


def test_a_dividend_comes_off_every_price_before_it(client: Client, put: Put) -> None:
    """2 of a close of 100 are 2 %; two dividends multiply; the ex-date itself has it in its price."""
    first, second = SPLIT_DAY, SPLIT_DAY + 7 * DAY
    put(
        second + DAY,
        bar(first - 2 * DAY, "90.00"),
        bar(first - DAY, "100.00"),
        bar(first, "98.00"),
        bar(second - DAY, "50.00"),
        bar(second, "49.50"),
        dividend("2", first),
        dividend("0.5", second),
    )
    assert closes(client, "raw") == closes(client, "split") == ["90.00", "100.00", "98.00", "50.00", "49.50"]
    assert closes(client, "all") == ["87.318", "97.02", "97.02", "49.5", "49.50"]


def test_a_dividend_and_its_close_may_have_been_seen_on_two_sides_of_a_split(client: Client, put: Put) -> None:
    """8 of 400 before a 4:1 split are 2 of 100 after it: 2 %, whichever of the two was observed when."""
    ex_date = SPLIT_DAY - 10 * DAY
    put(SPLIT_DAY - DAY, bar(ex_date - DAY, "400"), dividend("8", ex_date - 20 * DAY))
    put(SPLIT_DAY + DAY, dividend("2", ex_date), bar(ex_date - 21 * DAY, "100"), split("4"))
    assert closes(client, "raw") == ["400", "400"]
    assert closes(client, "split") == ["100", "100"]
    assert closes(client, "all") == ["96.04", "98"]


@pytest.mark.parametrize(
    "useless",
    [
        dividend("2", SPLIT_DAY, currency="EUR"),  # nobody says at what rate
        dividend("100", SPLIT_DAY),  # a price of nothing
        dividend("2", SPLIT_DAY + 30 * DAY),  # the last known close is a month older
    ],
)
def test_a_dividend_that_cannot_be_weighed_comes_off_nothing(
    client: Client, put: Put, useless: CorporateAction
) -> None:
    """Another currency, more than the close, or no close of the two weeks before."""
    put(SPLIT_DAY + 60 * DAY, bar(SPLIT_DAY - 2 * DAY, "100.00"), bar(SPLIT_DAY - DAY, "100.00"), useless)
    assert closes(client, "all") == ["100.00", "100.00"]


def test_only_a_final_close_weighs_a_dividend(client: Client, put: Put) -> None:
    """A day that is still forming has no close yet."""
    put(
        SPLIT_DAY + DAY,
        bar(SPLIT_DAY - 2 * DAY, "100"),
        bar(SPLIT_DAY - DAY, "50", final=False),
        dividend("2", SPLIT_DAY),
    )
    assert closes(client, "all") == ["98", "49"]


def test_a_source_that_is_late_with_a_split_is_still_understood(client: Client, put: Put) -> None:
    """It repeats the old prices after the split, then divides them: the traded price is the same all the time."""
    put(SPLIT_DAY - DAY, bar(SPLIT_DAY - 2 * DAY, "400"))
    put(SPLIT_DAY + DAY, bar(SPLIT_DAY - 2 * DAY, "400"), split("4"))
    assert closes(client, "raw") == ["400"]
    put(SPLIT_DAY + 2 * DAY, bar(SPLIT_DAY - 2 * DAY, "100"))
    assert closes(client, "raw") == ["400"]
    assert closes(client, "split") == ["100"]


@pytest.mark.parametrize(("symbol", "kind"), [("BTCUSDT", "crypto"), ("USDTRY", "forex")])
@pytest.mark.parametrize("adjustment", ["split", "all"])
def test_only_stocks_are_adjusted(client: Client, symbol: str, kind: str, adjustment: str) -> None:
    """What has no splits is refused with the reason; raw is what it has."""
    answer = client.get(f"/v1/candles/{symbol}", interval="1m", adjustment=adjustment)
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (400, "not_adjustable", "adjustment")
    assert f"{adjustment} is for stocks, and {symbol} is {kind}" in answer.json["detail"]
    raw = client.get(f"/v1/candles/{symbol}", interval="1m", adjustment="raw")
    assert (raw.status, raw.headers["X-Adjustment"]) == (200, "raw")
    assert client.get("/v1/candles/NOPE", interval="1m", adjustment=adjustment).json["code"] == "symbol_not_found"


def test_a_file_is_named_after_its_adjustment(client: Client) -> None:
    """Two downloads of one symbol are two files."""
    names = [
        client.get(PATH, interval="1d", format="csv", adjustment=adjustment).headers["Content-Disposition"]
        for adjustment in ("raw", "split", "all")
    ]
    assert names == [f'attachment; filename="AAPL-1d{end}.csv"' for end in ("", "-split", "-all")]


@pytest.mark.parametrize("adjustment", ["raw", "split", "all"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_adjusted_candles_join_without_a_seam(client: Client, put: Put, adjustment: str, order: str) -> None:
    """The link leads on with the same adjustment, and is refused with another; it is never kept for ever."""
    days = [SPLIT_DAY + number * DAY for number in range(-5, 5)]
    put(SPLIT_DAY + 9 * DAY, split("4"), dividend("1", SPLIT_DAY + 2 * DAY), *(bar(day, "100") for day in days))
    whole = client.get(PATH, interval="1d", order=order, adjustment=adjustment).json
    answer = client.get(PATH, interval="1d", order=order, adjustment=adjustment, limit="3")
    found = answer.json
    while "Link" in answer.headers:
        assert answer.headers["Cache-Control"] == "private, no-cache"
        path, query = follow(answer.headers["Link"])
        assert client.get(path, **{**query, "adjustment": "split" if adjustment == "raw" else "raw"}).status == 400
        answer = client.get(path, **query)
        found += answer.json
    assert found == whole
    assert len(whole) == 10


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", ["1", "2", "3", "100"])
def test_a_batch_has_the_prices_that_were_traded(
    client: Client, put: Put, database: Database, order: str, limit: str
) -> None:
    """Each symbol by its own splits: a candle reads the same alone and among others, on whatever page."""
    put(SPLIT_DAY + DAY, split("4"), bar(SPLIT_DAY - DAY, "100.10"), bar(SPLIT_DAY, "101.50"))
    others = [replace(bar(SPLIT_DAY - DAY, "7.70"), source_symbol=name) for name in ("MSFT", "NVDA")]
    tenfold = replace(split("10"), source_symbol="NVDA")
    pair = replace(bar(SPLIT_DAY - DAY, "3.30"), source_symbol="BTCUSDT", currency="USDT", interval=Interval.M1)
    put(SPLIT_DAY + DAY, *others, tenfold)
    Loader(database).load(
        ParsedPayload((pair,)), Provenance(raw_key="b", source="binance", dataset="x", observed_at=SPLIT_DAY + DAY)
    )
    query = {"symbols": "NVDA,AAPL,BTCUSDT,MSFT,NOPE", "interval": "1d", "order": order, "limit": limit}
    answer = client.get("/v1/candles", numbers="string", **query)
    rows = answer.json
    while "Link" in answer.headers:
        path, query = follow(answer.headers["Link"])
        answer = client.get(path, **query)
        rows += answer.json
    assert "problem" in rows[0]
    apple = ["400.4", "101.50"] if order == "asc" else ["101.50", "400.4"]
    expected = [*(("AAPL", price) for price in apple), ("BTCUSDT", "3.30"), ("MSFT", "7.70"), ("NVDA", "77")]
    assert [(row["symbol"], row["close"]) for row in rows[1:]] == expected


prices = st.decimals("0.0001", "99999", places=4, allow_nan=False, allow_infinity=False)
ratios = st.tuples(st.integers(1, 30), st.integers(1, 30)).filter(lambda ratio: ratio[0] != ratio[1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    ratio=st.lists(ratios, max_size=3),
    traded=st.lists(prices, min_size=6, max_size=6),
    seen=st.lists(st.integers(0, 7), min_size=6, max_size=6),
)
def test_what_was_traded_does_not_depend_on_when_it_was_seen(
    client: Client,
    database: Database,
    put: Put,
    ratio: list[tuple[int, int]],
    traded: list[Decimal],
    seen: list[int],
) -> None:
    """Whatever splits there were and whenever the source was asked, raw and split give the same two histories."""
    database.query("delete from candles")
    database.query("delete from actions")
    splits = [split(str(up), str(down), SPLIT_DAY + (2 * n + 1) * DAY) for n, (up, down) in enumerate(ratio)]
    put(SPLIT_DAY + 100 * DAY, *splits)
    expected_raw, expected_split = [], []
    for number, price in enumerate(traded):
        opened = SPLIT_DAY + number * DAY
        observed = opened + timedelta(hours=20) + seen[number] * DAY
        adjusted = now = Fraction(price)
        for one in splits:
            factor = Fraction(one.denominator or 1) / Fraction(one.numerator or 1)
            if opened < one.effective:
                now *= factor
                adjusted *= factor if one.effective <= observed else 1
        with localcontext(prec=40):
            said = Decimal(adjusted.numerator) / Decimal(adjusted.denominator)
            said = said.quantize(Decimal("1e-25"))
        put(observed, bar(opened, f"{said:f}"))
        expected_raw.append(Fraction(price))
        expected_split.append(now)
    for adjustment, expected in (("raw", expected_raw), ("split", expected_split)):
        got = [Fraction(text) for text in closes(client, adjustment)]
        assert all(abs(one - two) <= two / 10**15 for one, two in zip(got, expected, strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    price=st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**20), st.integers(0, 30)),
    ratio=st.sampled_from([2, 4, 5, 7, 8, 10, 20, 25, 50]),
)
def test_every_product_and_every_quotient_that_ends_is_exact(
    client: Client, database: Database, put: Put, price: Decimal, ratio: int
) -> None:
    """Any price that the table holds, times or divided by a ratio, to the last digit; sevenths have twenty."""
    database.query("delete from candles")
    database.query("delete from actions")
    put(SPLIT_DAY - DAY, bar(SPLIT_DAY - 3 * DAY, f"{price:f}", volume="0"))
    put(SPLIT_DAY + DAY, bar(SPLIT_DAY - 2 * DAY, f"{price:f}"), split(str(ratio)))
    assert Fraction(closes(client, "raw")[1]) == Fraction(price) * ratio
    quotient = closes(client, "split")[0]
    if ratio != 7 or Fraction(price) % 7 == 0:
        assert Fraction(quotient) == Fraction(price) / ratio
    else:
        digits = quotient.replace(".", "").strip("0")
        assert len(digits) <= 20 or Fraction(quotient) == Fraction(price) / ratio
        assert abs(Fraction(quotient) * ratio / Fraction(price) - 1) < Fraction(1, 10**19)


def test_numbers_and_json_lines_are_adjusted_too(client: Client, put: Put) -> None:
    """Every layout says the same."""
    put(SPLIT_DAY + DAY, split("4"), bar(SPLIT_DAY - DAY, "0.00000812"))
    answer = client.get(PATH, interval="1d", format="ndjson", order="asc")
    assert json.loads(answer.body, parse_float=str)["close"] == "0.00003248"
    assert '"close":0.00003248,"volume":250,' in answer.body
